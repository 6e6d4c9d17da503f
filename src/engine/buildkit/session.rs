//! A BuildKit session: the gRPC services that we serve to the builder while it builds.

use super::auth::Logins;
use super::control::{BuildKit, LARGEST_MESSAGE, Transport, upgrade};
use super::filesync::{FileSync, LocalDirs};
use super::secrets::SecretValues;
use crate::engine::connector::{Meter, Wire};
use crate::engine::credentials::Credentials;
use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::AbortHandle;
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataKey;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// The methods we serve, by their names in the protocol. What is not listed counts as absent.
const METHODS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
];

/// How many bytes of one call may wait for us. A builder asks for all files of a new context at once,
/// in messages of 10 bytes.
const STREAM_WINDOW: u32 = 64 << 10;
/// h2 ends a connection on which more small messages wait than half of this allows, counting each as
/// 256 bytes: enough for those of five full streams.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// An open session; it ends when this is dropped.
pub(super) struct Session {
    pub(super) id: String,
    meter: Arc<Meter>,
    tasks: Vec<AbortHandle>,
}

impl Session {
    /// Opens a session that serves `dirs`, `secrets` and `credentials`. Sessions with the same `shared_key` share
    /// the copy that the builder keeps of a directory.
    pub(super) async fn open(
        buildkit: &BuildKit,
        shared_key: &str,
        dirs: LocalDirs,
        secrets: SecretValues,
        credentials: Credentials,
    ) -> io::Result<Self> {
        let id = new_id();
        let headers = headers(&id, shared_key);
        let (wire, mut tasks) = match buildkit.transport {
            Transport::Upgrade => {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                (upgrade(&buildkit.address, "/session", &headers).await?, Vec::new())
            }
            Transport::Direct => tunnel(buildkit, &headers)?,
        };
        let meter = wire.meter();
        tasks.push(tokio::spawn(serve(wire, dirs, secrets, credentials)).abort_handle());
        Ok(Self { id, meter, tasks })
    }

    /// Bytes that went from us to the builder so far, all services together.
    pub(super) fn sent(&self) -> u64 {
        self.meter.sent()
    }

    /// The builder ended the session, or the connection broke.
    pub(super) fn ended(&self) -> bool {
        self.meter.ended()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// An unguessable name for a session or a build.
pub(super) fn new_id() -> String {
    format!("loadline{}", hex::encode(rand::random::<[u8; 12]>()))
}

fn headers(id: &str, shared_key: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("X-Docker-Expose-Session-Uuid", id.to_owned()),
        ("X-Docker-Expose-Session-Name", "loadline".to_owned()),
        ("X-Docker-Expose-Session-Sharedkey", shared_key.to_owned()),
    ];
    headers.extend(METHODS.map(|method| ("X-Docker-Expose-Session-Grpc-Method", method.to_owned())));
    headers
}

async fn serve(wire: Wire, dirs: LocalDirs, secrets: SecretValues, credentials: Credentials) {
    let files = FileSyncServer::new(FileSync::new(dirs))
        .max_encoding_message_size(LARGEST_MESSAGE)
        .max_decoding_message_size(LARGEST_MESSAGE);
    // One connection, then wait: the server would leave at the end of the list of connections.
    let connections = tokio_stream::once(Ok::<_, io::Error>(wire)).chain(tokio_stream::pending());
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(HealthServer::new(Healthy))
        .add_service(files)
        .add_service(AuthServer::new(Logins(credentials)))
        .add_service(SecretsServer::new(secrets));
    // The builder sees a broken session, and the build says so with more context than we have.
    server.serve_with_incoming(connections).await.ok();
}

/// `Control.Session`: a stream of messages carries the bytes of the session's connection.
fn tunnel(buildkit: &BuildKit, headers: &[(&'static str, String)]) -> io::Result<(Wire, Vec<AbortHandle>)> {
    let (ours, theirs) = tokio::io::duplex(256 << 10);
    let (mut from_us, mut to_us) = tokio::io::split(theirs);
    let (send, receive) = tokio::sync::mpsc::channel(16);
    let outgoing = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from_us.read(&mut buffer).await {
            if send.send(BytesMessage { data: buffer[..count].to_vec() }).await.is_err() {
                break;
            }
        }
    });
    let mut request = Request::new(tokio_stream::wrappers::ReceiverStream::new(receive));
    for (name, value) in headers {
        let name = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(io::Error::other)?;
        request.metadata_mut().append(name, value.parse().map_err(io::Error::other)?);
    }
    let mut client = buildkit.client.clone();
    let incoming = tokio::spawn(async move {
        let Ok(response) = client.session(request).await else { return };
        let mut messages = response.into_inner();
        while let Ok(Some(message)) = messages.message().await {
            if to_us.write_all(&message.data).await.is_err() {
                break;
            }
        }
    });
    Ok((Wire::new(ours), vec![outgoing.abort_handle(), incoming.abort_handle()]))
}

struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving as i32 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only Check is served"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only Check is served"))
    }
}
