//! A building engine that exports what a test wants: what a real one cannot be made to do.

use loadline::engine::{Address, Engine};
use loadline::types::Digest;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// How an export ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// As it should.
    Whole,
    /// The body ends, and the engine says that this is all.
    Short,
    /// The connection breaks.
    Broken,
    /// Nothing more comes.
    Hanging,
}

pub struct FakeEngine {
    pub engine: Engine,
    /// The paths that it was asked for.
    pub asked: Arc<Mutex<Vec<String>>>,
    _dir: TempDir,
}

impl FakeEngine {
    /// Has one image, with these layers, and exports `archive` as the image.
    pub async fn new(id: &Digest, diff_ids: &[Digest], archive: Vec<u8>, end: End) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let layers = serde_json::json!({"Type": "layers", "Layers": diff_ids});
        let image = serde_json::json!({"Id": id, "Size": archive.len(), "RootFS": layers}).to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let asks = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, image.clone(), archive.clone(), end, asks.clone()));
            }
        });
        Self { engine: Engine::connect(&Address::Unix(socket)).await.unwrap(), asked, _dir: dir }
    }
}

async fn serve(mut stream: UnixStream, image: String, archive: Vec<u8>, end: End, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut head)).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default();
        asked.lock().unwrap().push(path.to_owned());
        let fixed = |body: &str| {
            format!(
                "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/fake\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        if path.ends_with("/get") {
            return export(&mut stream, &archive, end).await;
        }
        let body = match path.split('?').next().unwrap_or_default() {
            path if path.ends_with("/_ping") => "OK",
            // As an engine says it that is in another network.
            path if path.ends_with("/push") => r#"{"errorDetail":{"message":"dial tcp: connection refused"}}"#,
            path if path.ends_with("/images/json") => "[]",
            _ => image.as_str(),
        };
        if stream.write_all(fixed(body).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn export(stream: &mut UnixStream, archive: &[u8], end: End) {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in archive.chunks(10_000) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    if matches!(end, End::Whole | End::Short) {
        answer.extend_from_slice(b"0\r\n\r\n");
    }
    stream.write_all(&answer).await.ok();
    if matches!(end, End::Hanging) {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}
