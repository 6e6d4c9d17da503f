//! One way to open a connection to an engine, for its HTTP API and for gRPC alike.

use super::address::Address;
use super::ssh::{self, Target};
use super::tls;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tonic::transport::server::Connected;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What happened on a wire so far.
#[derive(Default)]
pub(super) struct Meter {
    sent: AtomicU64,
    ended: AtomicBool,
}

impl Meter {
    /// Bytes written.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The other side closed it, or it broke.
    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// An open connection, metered.
pub(super) struct Wire {
    inner: Box<dyn Io>,
    meter: Arc<Meter>,
}

impl Wire {
    pub(super) fn new(inner: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { inner: Box::new(inner), meter: Arc::default() }
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        self.meter.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut *self.inner).poll_read(cx, buffer);
        let over = match &read {
            Poll::Ready(Ok(())) => buffer.filled().len() == before && buffer.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if over {
            self.meter.ended.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.inner).poll_write(cx, data);
        if let Poll::Ready(Ok(count)) = written {
            self.meter.sent.fetch_add(count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_shutdown(cx)
    }
}

impl Connected for Wire {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

/// Opens a connection to the engine at `address`.
pub(super) async fn connect(address: &Address) -> io::Result<Wire> {
    match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(Wire::new),
        Address::Tcp(host) => tcp(host).await.map(Wire::new),
        Address::Tls { host, tls } => {
            let stream = tcp(host).await?;
            tls::handshake(host, tls, stream).await.map(Wire::new).map_err(io::Error::other)
        }
        Address::Ssh(target) => {
            let target = Target::parse(target).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
            ssh::dial(&target)
        }
        Address::Within { engine, container } => super::within::dial(engine, container).await,
    }
}

async fn tcp(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head of an HTTP/1.1 answer.
pub(super) struct Head {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends one HTTP/1.1 request without a body and reads the head of the answer; the wire then
/// stands at the first byte after it. Needed where the connection itself is what we are after
/// (an upgrade), or where the client library hides the headers.
pub(super) async fn request(wire: &mut Wire, line: &str, headers: &[(&str, &str)]) -> io::Result<Head> {
    const LONGEST_HEAD: usize = 16 << 10;
    let mut text = format!("{line} HTTP/1.1\r\nHost: docker\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    wire.write_all(text.as_bytes()).await?;
    wire.flush().await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to whoever takes the wire over.
        head.push(wire.read_u8().await?);
        if head == [TLS_ALERT] {
            return Err(io::Error::new(io::ErrorKind::InvalidData, InTls));
        }
        if head.len() > LONGEST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the head of the answer is over 16 KiB"));
        }
    }
    parse_head(&String::from_utf8_lossy(&head))
}

/// The first byte of what a TLS server answers to anything else.
const TLS_ALERT: u8 = 21;

#[derive(Debug, thiserror::Error)]
#[error("the answer is a TLS alert")]
struct InTls;

/// Whether a request without TLS was answered with it.
pub(super) fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<InTls>())
}

fn parse_head(text: &str) -> io::Result<Head> {
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("`{status_line}` is no HTTP/1.1 answer"));
    let rest = status_line.strip_prefix("HTTP/1.").ok_or_else(wrong)?;
    let status = rest.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Ok(Head { status, headers: lines.filter_map(header).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_parsed_or_refused() {
        let head = parse_head("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n").unwrap();
        assert_eq!((head.status, head.header("api-version")), (200, Some("1.41")));
        for bad in ["", "HTTP/2 200", "garbage\r\n", "HTTP/1.1 \r\n"] {
            assert!(parse_head(bad).is_err(), "{bad}");
        }
    }
}
