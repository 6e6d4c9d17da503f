//! A way to the engine under test that can be cut, as if the engine were killed; or that is TCP,
//! as if the engine were elsewhere.

use loadline::engine::Address;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// Dropping it cuts every connection; nothing answers at its address any more.
pub struct Relay {
    pub address: Address,
    serving: JoinHandle<()>,
    _dir: Option<TempDir>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Relay {
    pub async fn unix(engine: &Address) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let engine = engine.clone();
        let serving = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(forward(stream, engine.clone()));
            }
        });
        Self { address: Address::Unix(path), serving, _dir: Some(dir) }
    }

    pub async fn tcp(engine: &Address) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let engine = engine.clone();
        let serving = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(forward(stream, engine.clone()));
            }
        });
        Self { address, serving, _dir: None }
    }
}

async fn forward(mut near: impl AsyncRead + AsyncWrite + Unpin, engine: Address) {
    // A connection that breaks is what this is for.
    match engine {
        Address::Unix(path) => {
            let mut far = UnixStream::connect(path).await.unwrap();
            copy_bidirectional(&mut near, &mut far).await.ok();
        }
        Address::Tcp(host) => {
            let mut far = TcpStream::connect(host).await.unwrap();
            copy_bidirectional(&mut near, &mut far).await.ok();
        }
        Address::Tls { .. } | Address::Ssh(_) | Address::Within { .. } => {
            panic!("the engine under test is neither behind TLS or SSH nor in a container")
        }
    }
}
