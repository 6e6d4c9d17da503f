//! One build: a session, `Control.Solve`, and `Control.Status` beside it.

use super::control::BuildKit;
use super::filesync::LocalDirs;
use super::secrets::SecretValues;
use super::session::{Session, new_id};
use crate::context::WalkError;
use crate::engine::credentials::Credentials;
use crate::types::{Digest, Explained, Outcome};
use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1 as proto;
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::Code;

/// What to build.
#[derive(Clone, Default)]
pub struct Solve {
    /// The directories that the frontend reads: `context` and `dockerfile`.
    pub dirs: LocalDirs,
    /// Builds with the same key share the copy that the builder keeps of the context.
    pub shared_key: String,
    /// Options of the Dockerfile frontend: `filename`, `target`, `build-arg:NAME`, `no-cache`, …
    pub attributes: HashMap<String, String>,
    /// The names to give the image.
    pub names: Vec<String>,
    /// Values for `RUN --mount=type=secret`.
    pub secrets: SecretValues,
    /// Where credentials for registries are looked up, when the builder asks for them.
    pub credentials: Credentials,
}

/// A build that ended well.
#[derive(Clone, Debug)]
pub struct Solved {
    /// The digest of the image's config.
    pub config: Digest,
    /// The digest of its manifest, where the builder's store has manifests.
    pub manifest: Option<Digest>,
    /// Bytes that went from us to the builder.
    pub sent: u64,
}

/// What happens while a build runs.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A vertex of the build graph changed.
    Vertex(Vertex),
    /// A step wrote something.
    Log(Log),
    /// The frontend warns.
    Warning(Warning),
}

/// A vertex of the build graph.
#[derive(Clone, Debug, Default)]
pub struct Vertex {
    /// Its digest.
    pub digest: String,
    /// Its name, such as `[builder 2/5] RUN npm ci`.
    pub name: String,
    /// Its result was in the cache.
    pub cached: bool,
    /// It began to run.
    pub started: bool,
    /// When it began, by the builder's clock, since 1970.
    pub from: Option<Duration>,
    /// How long it ran, once it ended.
    pub took: Option<Duration>,
    /// What failed; empty if nothing did.
    pub error: String,
}

/// Output of a step.
#[derive(Clone, Debug)]
pub struct Log {
    /// The digest of the vertex.
    pub vertex: String,
    /// What it wrote; may end in the middle of a line.
    pub data: Vec<u8>,
}

/// A warning of the frontend.
#[derive(Clone, Debug)]
pub struct Warning {
    /// What it says.
    pub text: String,
    /// The line of the Dockerfile, from 1.
    pub line: Option<u32>,
}

/// A build that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// The session could not be opened.
    #[error("cannot open a build session at {address}")]
    Session {
        /// The engine.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory could not be read.
    #[error("cannot read the build context")]
    Context(#[source] WalkError),
    /// The builder says that the build failed.
    #[error("{message}")]
    Failed {
        /// The builder's words.
        message: String,
    },
    /// The connection to the builder broke.
    #[error("lost the connection to the engine at {address} during the build")]
    Lost {
        /// The engine.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The builder says it is done, but names no image.
    #[error("the builder ended without naming an image; it answered {answer}")]
    NoImage {
        /// The keys of its answer.
        answer: String,
    },
}

impl Explained for SolveError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Session { .. } | Self::Lost { .. } => Outcome::Unreachable,
            Self::Context(error) => error.outcome(),
            Self::Failed { .. } | Self::NoImage { .. } => Outcome::StepFailed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Context(error) => error.hint(),
            Self::Lost { .. } => {
                Some("see that the engine still runs, then build again: finished steps are cached".into())
            }
            _ => None,
        }
    }
}

impl BuildKit {
    /// Builds. Dropping the future cancels the build in the engine.
    pub async fn solve(&self, solve: Solve, mut progress: impl FnMut(Progress) + Send) -> Result<Solved, SolveError> {
        let address = self.address.to_string();
        let dirs = solve.dirs.clone();
        let (secrets, credentials) = (solve.secrets.clone(), solve.credentials.clone());
        let session = Session::open(self, &solve.shared_key, dirs.clone(), secrets, credentials)
            .await
            .map_err(|source| SolveError::Session { address: address.clone(), source })?;
        let request = self.request(&solve, &session);
        let mut updates = self.watch(request.r#ref.clone());
        let mut client = self.client.clone();
        let mut solving = std::pin::pin!(client.solve(request));
        let (answer, session_ended) = loop {
            tokio::select! {
                answer = &mut solving => break (answer, session.ended()),
                Some(update) = updates.recv() => tell(update, &mut progress),
            }
        };
        // The last updates, such as the failing step's output, may still be on their way.
        let rest = async {
            while let Some(update) = updates.recv().await {
                tell(update, &mut progress);
            }
        };
        tokio::time::timeout(Duration::from_secs(2), rest).await.ok();
        let sent = session.sent();
        match answer {
            Ok(answer) => result(&answer.into_inner().exporter_response, sent),
            Err(status) => Err(match dirs.take_failure() {
                Some(error) => SolveError::Context(error),
                None if session_ended => SolveError::Lost { address, source: status.into() },
                None => failed(status, address),
            }),
        }
    }

    fn request(&self, solve: &Solve, session: &Session) -> proto::SolveRequest {
        // `moby` puts the image into the engine's store; a stand-alone builder has its own.
        let exporter = if self.in_engine { "moby" } else { "image" };
        let mut exporter_attributes = HashMap::new();
        if !solve.names.is_empty() {
            exporter_attributes.insert("name".to_owned(), solve.names.join(","));
        }
        proto::SolveRequest {
            r#ref: new_id(),
            exporter_deprecated: exporter.to_owned(),
            exporter_attrs_deprecated: exporter_attributes,
            session: session.id.clone(),
            frontend: "dockerfile.v0".to_owned(),
            frontend_attrs: solve.attributes.clone(),
            cache: Some(proto::CacheOptions::default()),
            ..proto::SolveRequest::default()
        }
    }

    /// The updates of the build `reference`, until it ends or the receiver is dropped.
    fn watch(&self, reference: String) -> mpsc::Receiver<proto::StatusResponse> {
        let (send, receive) = mpsc::channel(64);
        let mut client = self.client.clone();
        tokio::spawn(async move {
            let Ok(answer) = client.status(proto::StatusRequest { r#ref: reference }).await else { return };
            let mut updates = answer.into_inner();
            while let Ok(Some(update)) = updates.message().await {
                if send.send(update).await.is_err() {
                    break;
                }
            }
        });
        receive
    }
}

fn tell(update: proto::StatusResponse, progress: &mut impl FnMut(Progress)) {
    for vertex in update.vertexes {
        let took = vertex.started.zip(vertex.completed).map(|(from, to)| elapsed(&from, &to));
        progress(Progress::Vertex(Vertex {
            digest: vertex.digest,
            name: vertex.name,
            cached: vertex.cached,
            started: vertex.started.is_some(),
            from: vertex.started.as_ref().map(|from| elapsed(&Timestamp::default(), from)),
            took,
            error: vertex.error,
        }));
    }
    for log in update.logs {
        progress(Progress::Log(Log { vertex: log.vertex, data: log.msg }));
    }
    for warning in update.warnings {
        let line = warning.ranges.first().and_then(|range| range.start.as_ref());
        progress(Progress::Warning(Warning {
            text: String::from_utf8_lossy(&warning.short).into_owned(),
            line: line.and_then(|start| u32::try_from(start.line).ok()),
        }));
    }
}

fn elapsed(from: &Timestamp, to: &Timestamp) -> Duration {
    let nanoseconds = |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    u64::try_from(nanoseconds(to) - nanoseconds(from)).map(Duration::from_nanos).unwrap_or_default()
}

/// BuildKit names the config by `containerimage.config.digest`; before 0.9 there is only
/// `containerimage.digest`, which is the config's with the `moby` exporter.
fn result(response: &HashMap<String, String>, sent: u64) -> Result<Solved, SolveError> {
    let digest = |key: &str| response.get(key).and_then(|text| text.parse::<Digest>().ok());
    let manifest = digest("containerimage.digest");
    match digest("containerimage.config.digest").or_else(|| manifest.clone()) {
        Some(config) => Ok(Solved { config, manifest, sent }),
        None => {
            let mut keys: Vec<&str> = response.keys().map(String::as_str).collect();
            keys.sort_unstable();
            Err(SolveError::NoImage { answer: keys.join(", ") })
        }
    }
}

fn failed(status: tonic::Status, address: String) -> SolveError {
    let transport = std::error::Error::source(&status).is_some() || status.code() == Code::Unavailable;
    match status.code() {
        _ if transport => SolveError::Lost { address, source: status.into() },
        _ => SolveError::Failed { message: status.message().trim().to_owned() },
    }
}
