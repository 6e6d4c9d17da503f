//! The gRPC channel to BuildKit, by whichever of its two transports answers.
//!
//! Docker Engines upgrade `POST /grpc` and `POST /session` of their HTTP API to HTTP/2; moby marks
//! that as deprecated. Newer ones, and a stand-alone buildkitd, speak gRPC on the socket itself,
//! with `Control.Session` carrying the session.

use super::super::address::Address;
use super::super::connector::{self, Wire};
use super::super::{Engine, Error};
use bollard_buildkit_proto::moby::buildkit::v1::ListWorkersRequest;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use hyper_util::rt::TokioIo;
use std::io;
use tonic::transport::{Channel, Endpoint};

/// The largest message: a vertex with a long log can be large.
pub(super) const LARGEST_MESSAGE: usize = 16 << 20;

/// How BuildKit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// `POST /grpc` and `POST /session` of the engine's HTTP API, upgraded to h2c.
    Upgrade,
    /// gRPC on the socket itself.
    Direct,
}

/// A BuildKit that answered. Cheap to clone; one channel serves any number of builds.
#[derive(Clone)]
pub struct BuildKit {
    pub(super) address: Address,
    pub(super) transport: Transport,
    pub(super) client: ControlClient<Channel>,
    /// It belongs to an engine, whose image store the result goes to.
    pub(super) in_engine: bool,
}

impl BuildKit {
    /// The BuildKit inside `engine`.
    pub async fn of_engine(engine: &Engine) -> Result<Self, Error> {
        let address = engine.address();
        let upgrade = match Self::open(address, Transport::Upgrade, true).await {
            Ok(buildkit) => return Ok(buildkit),
            Err(error) => error,
        };
        Self::open(address, Transport::Direct, true).await.map_err(|direct| Error::NoBuildKit {
            address: address.to_string(),
            version: engine.version().to_owned(),
            source: format!("POST /grpc: {upgrade}; gRPC on the socket: {direct}").into(),
        })
    }

    /// A stand-alone buildkitd.
    pub async fn stand_alone(address: &Address) -> Result<Self, Error> {
        Self::open(address, Transport::Direct, false)
            .await
            .map_err(|error| Error::unreachable(address, io::Error::other(error)))
    }

    async fn open(address: &Address, transport: Transport, in_engine: bool) -> Result<Self, String> {
        let channel = channel(address, transport).await?;
        let mut client = ControlClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE);
        // A connection proves nothing: a proxy may accept it and answer something else.
        client.list_workers(ListWorkersRequest::default()).await.map_err(|status| status.message().to_owned())?;
        Ok(Self { address: address.clone(), transport, client, in_engine })
    }
}

async fn channel(address: &Address, transport: Transport) -> Result<Channel, String> {
    let address = address.clone();
    let connect = tower::service_fn(move |_: http::Uri| {
        let address = address.clone();
        async move {
            let wire = match transport {
                Transport::Upgrade => upgrade(&address, "/grpc", &[]).await,
                Transport::Direct => connector::connect(&address).await,
            };
            wire.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://docker")
        .connect_with_connector(connect)
        .await
        .map_err(|error| innermost(&error).to_string())
}

/// The transport library wraps what happened in general phrases; the innermost one says it.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

/// Opens a connection and has the engine switch it to h2c at `path`.
pub(super) async fn upgrade(address: &Address, path: &str, headers: &[(&str, &str)]) -> io::Result<Wire> {
    let mut wire = connector::connect(address).await?;
    let mut all = vec![("Connection", "Upgrade"), ("Upgrade", "h2c"), ("Content-Length", "0")];
    all.extend_from_slice(headers);
    let head = connector::request(&mut wire, &format!("POST {path}"), &all).await?;
    match head.status {
        101 => Ok(wire),
        status => Err(io::Error::other(format!("the engine answered {status} to POST {path}"))),
    }
}
