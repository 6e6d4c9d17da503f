//! A socket in front of the real engine that cuts a stream on demand, which a real engine cannot
//! be made to do. Without a fault it changes nothing, so the suite's tests pass through it too.

use loadline::engine::Address;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};

/// Connections whose first request is for a path that starts with `path` end after `after` bytes
/// of the engine's answer.
#[derive(Clone)]
pub struct Fault {
    pub path: &'static str,
    pub after: u64,
}

pub struct Proxy {
    pub address: Address,
    _dir: TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub fn start(fault: Option<Fault>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let Address::Unix(engine) = crate::harness::address() else { panic!("the engine under test is local") };
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, engine.clone(), fault.clone()));
            }
        });
        Self { address: Address::Unix(path), _dir: dir, task }
    }
}

async fn pass(mut client: UnixStream, engine: PathBuf, fault: Option<Fault>) -> Option<()> {
    let mut server = UnixStream::connect(engine).await.ok()?;
    let head = read_head(&mut client).await?;
    server.write_all(&head).await.ok()?;
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    // API paths carry the version, `/v1.41/…`; the upgraded ones do not.
    let bare = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(&path);
    let limit = fault.filter(|fault| bare.starts_with(fault.path)).map(|fault| fault.after);
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
    tokio::select! {
        () = pump(&mut from_server, &mut to_client, limit) => {}
        () = async {
            pump(&mut from_client, &mut to_server, None).await;
            to_server.shutdown().await.ok();
            std::future::pending::<()>().await;
        } => {}
    }
    Some(())
}

async fn read_head(client: &mut UnixStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    Some(head)
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), limit: Option<u64>) {
    match limit {
        None => copy(from, to).await.ok(),
        Some(limit) => copy(&mut from.take(limit), to).await.ok(),
    };
    to.flush().await.ok();
}
