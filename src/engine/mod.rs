//! The Docker Engine: its address, its API, and the BuildKit inside it. The only room that knows
//! the Docker client library; no type of it leaves.

mod address;
mod attach;
pub mod buildkit;
mod connector;
mod container;
mod credentials;
mod error;
mod exec;
mod export;
mod image;
mod import;
mod inventory;
mod machine;
mod network;
mod origin;
mod patience;
pub mod process;
mod push;
mod settings;
mod ssh;
mod tls;
mod watch;
mod within;

pub use address::{Address, AddressError, Environment};
pub use attach::{ExecInput, ExecOutput, Output};
pub use container::{Confinement, ContainerSpec, Labelled, Publish};
pub use credentials::{Credentials, CredentialsError, Login, is_denied, login_command};
pub use error::Error;
pub use exec::Executed;
pub use export::ExportReader;
pub use image::{ImageSummary, RootFs};
pub use machine::{Machine, MachineState};
pub use network::Route;
pub use origin::{Located, Origin};
pub use patience::saying_if_slow;
pub use settings::ImageSettings;
pub use ssh::{SshError, quoted};
pub use tls::{Tls, TlsError};
pub use watch::{Change, ContainerState, Content, Health};

use bollard::{BollardRequest, ClientVersion, Docker};
use connector::{Head, Wire};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// The newest API version that the client library speaks.
const NEWEST_API: (usize, usize) = (1, 53);
/// The oldest with the BuildKit sessions that a build needs (Docker 18.09).
const OLDEST_API: (usize, usize) = (1, 39);
/// How long the head of an answer may take: starting and stopping containers takes a while.
const TIMEOUT_SECONDS: u64 = 3600;

/// An engine that answered. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    address: Address,
    version: String,
    api: Docker,
}

impl Engine {
    /// Connects to the engine at `address` and asks it, once, for its versions.
    pub async fn connect(address: &Address) -> Result<Self, Error> {
        let head = tokio::time::timeout(Duration::from_secs(30), ping(address))
            .await
            .map_err(|_| Error::unreachable(address, std::io::ErrorKind::TimedOut.into()))??;
        let api = head.header("Api-Version").and_then(parse_version);
        let Some(api) = api.filter(|_| head.status == 200) else {
            let found = format!("status {} and no usable API version to GET /_ping", head.status);
            return Err(Error::NotAnEngine { address: address.to_string(), found });
        };
        let version = head.header("Server").map(server_version).unwrap_or_default();
        if api < OLDEST_API {
            let source = format!("its API version is {}.{}, needed is {}.{}", api.0, api.1, OLDEST_API.0, OLDEST_API.1);
            return Err(Error::NoBuildKit { address: address.to_string(), version, source: source.into() });
        }
        let api = client(address, api.min(NEWEST_API))?;
        Ok(Self { address: address.clone(), version, api })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Its version, such as `28.5.2`; empty if it does not say.
    pub fn version(&self) -> &str {
        &self.version
    }
}

async fn ping(address: &Address) -> Result<Head, Error> {
    let mut wire = connector::connect(address).await.map_err(|source| Error::unreachable(address, source))?;
    let answer = connector::request(&mut wire, "GET /_ping", &[("Connection", "close")]).await;
    match (address, answer) {
        (Address::Tcp(host), Err(error)) if connector::is_tls(&error) => {
            Err(TlsError::OnlyTls { host: host.clone() }.into())
        }
        (Address::Tcp(host), Ok(head)) if head.status == 400 && says_https(&mut wire).await => {
            Err(TlsError::OnlyTls { host: host.clone() }.into())
        }
        // With TLS 1.3 the engine judges our certificate only now.
        (Address::Tls { host, tls }, Err(error)) if tls::broke(&error) => Err(TlsError::of(host, tls, error).into()),
        (_, answer) => answer.map_err(|error| {
            Error::of_connection(error).unwrap_or_else(|error| Error::NotAnEngine {
                address: address.to_string(),
                found: format!("no answer to GET /_ping ({error})"),
            })
        }),
    }
}

/// What Go's HTTP server answers on a TLS port to a request without TLS.
async fn says_https(wire: &mut Wire) -> bool {
    let mut body = Vec::new();
    // What came before an error is enough.
    wire.take(1024).read_to_end(&mut body).await.ok();
    String::from_utf8_lossy(&body).contains("HTTPS server")
}

fn parse_version(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `Docker/20.10.24+dfsg1 (linux)` → `20.10.24+dfsg1`
fn server_version(header: &str) -> String {
    let product = header.split(' ').next().unwrap_or_default();
    product.rsplit('/').next().unwrap_or_default().to_owned()
}

fn client(address: &Address, version: (usize, usize)) -> Result<Docker, Error> {
    let connect = {
        let address = address.clone();
        tower::service_fn(move |_: http::Uri| {
            let address = address.clone();
            Box::pin(async move { connector::connect(&address).await.map(|wire| HttpWire(TokioIo::new(wire))) })
        })
    };
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connect);
    let send = move |request: BollardRequest| {
        let http = http.clone();
        async move { http.request(request).await.map_err(bollard::errors::Error::from) }
    };
    let version = ClientVersion { major_version: version.0, minor_version: version.1 };
    Docker::connect_with_custom_transport(send, Some("http://docker"), TIMEOUT_SECONDS, &version)
        .map_err(|error| Error::broken(format!("setting up the client for {address}"), error))
}

/// A wire as the HTTP client wants it.
struct HttpWire(TokioIo<Wire>);

impl Connection for HttpWire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for HttpWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for HttpWire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
