//! Why a target or a node cannot be used, or did not take an image.

use crate::engine;
use crate::types::{Explained, Outcome};
use std::path::PathBuf;
use std::time::Duration;

/// Why a target or a node cannot be used, or did not take an image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text names no target.
    #[error("`{text}` is no target: {why}")]
    NotATarget {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Minikube's files cannot be looked for.
    #[error("Minikube's home cannot be found: neither MINIKUBE_HOME nor HOME is set")]
    NoHome,
    /// Minikube has no such profile.
    #[error("Minikube has no profile `{name}` in {}", home.display())]
    UnknownProfile {
        /// The profile.
        name: String,
        /// The profiles that it has.
        known: Vec<String>,
        /// Where they are.
        home: PathBuf,
    },
    /// One of Minikube's files cannot be read.
    #[error("cannot read Minikube's {}", path.display())]
    MinikubeFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The profile has no machines of its own.
    #[error("profile `{profile}` uses the driver `{driver}`, whose nodes cannot be reached")]
    Driver {
        /// The profile.
        profile: String,
        /// Its driver.
        driver: String,
    },
    /// The nodes run containers in a way that is not supported.
    #[error("profile `{profile}` uses the runtime `{runtime}`; supported are `containerd` and `docker`")]
    Runtime {
        /// The profile.
        profile: String,
        /// Its runtime.
        runtime: String,
    },
    /// kind has no such cluster in this engine.
    #[error("the engine at {engine} has no kind cluster `{name}`")]
    NoKindCluster {
        /// The cluster.
        name: String,
        /// Those that it has.
        known: Vec<String>,
        /// The engine.
        engine: String,
    },
    /// The machine is not in the engine.
    #[error("{node}: the engine at {engine} has no container of that name")]
    NoMachine {
        /// The node.
        node: String,
        /// The engine.
        engine: String,
        /// The command that starts it.
        start: String,
    },
    /// Minikube does not know where the machine is.
    #[error("{node}: Minikube has no address of it")]
    NoAddress {
        /// The node.
        node: String,
        /// The command that starts it.
        start: String,
    },
    /// The machine does not run.
    #[error("{node}: it does not run")]
    Stopped {
        /// The node.
        node: String,
        /// The command that starts it.
        start: String,
    },
    /// The machine's processes are frozen.
    #[error("{node}: it is paused")]
    Paused {
        /// The node.
        node: String,
        /// The command that ends that.
        resume: String,
    },
    /// A program that a load needs is not on the node.
    #[error("{node}: it has no `{tool}`, which a load needs")]
    NoTool {
        /// The node.
        node: String,
        /// The program.
        tool: String,
    },
    /// A part of the node that must be asked does not answer.
    #[error("{node}: {asked} cannot be asked for images")]
    Mute {
        /// The node.
        node: String,
        /// containerd, CRI.
        asked: String,
        /// What it said.
        answer: String,
    },
    /// The node's disk is full.
    #[error("{node}: its disk is full")]
    DiskFull {
        /// The node.
        node: String,
        /// Its own words.
        why: String,
        /// The command that makes room.
        prune: String,
    },
    /// The node refused the image.
    #[error("{node}: it did not take the image")]
    Refused {
        /// The node.
        node: String,
        /// Its own words.
        why: String,
    },
    /// The node took the image, but does not have it as it should.
    #[error("{node}: the image was sent and taken, but is not there: {what}")]
    Unproven {
        /// The node.
        node: String,
        /// What is missing.
        what: String,
    },
    /// Nothing came from the node for too long.
    #[error("{node}: {doing} took over {} s", after.as_secs())]
    TooSlow {
        /// The node.
        node: String,
        /// What was being done.
        doing: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The program that would log in to the machine does not start.
    #[error("{node}: cannot log in to it at {to}: `ssh` does not start")]
    NoSsh {
        /// The node.
        node: String,
        /// Where it is.
        to: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The machine lets nobody in, or the connection to it was lost.
    #[error("{node}: the connection to {to} failed")]
    NotIn {
        /// The node.
        node: String,
        /// How it is reached.
        to: Box<str>,
        /// The command that starts it.
        start: String,
        /// What `ssh` said.
        said: Box<str>,
    },
    /// No engine answers where the target says that one is.
    #[error("{node}: no engine can be used there")]
    NoEngine {
        /// The target.
        node: String,
        /// The command that starts the engine, or shows what is wrong with it.
        check: String,
        /// Why.
        #[source]
        source: Box<engine::Error>,
    },
    /// The stream to the node broke.
    #[error("{node}: the stream to it ended while {doing}")]
    Ended {
        /// The node.
        node: String,
        /// What was being done.
        doing: &'static str,
        /// What came last.
        said: String,
    },
    /// The node's engine, or the one that the node is a container of, failed.
    #[error("{node}: its engine failed")]
    Engine {
        /// The node.
        node: String,
        /// How.
        #[source]
        source: engine::Error,
    },
}

impl Error {
    /// The node may lack content that was thought to be there.
    pub fn may_lack_content(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unproven { .. })
    }

    /// What an engine's refusal in the words `why` is.
    pub(super) fn refused(node: &str, why: String) -> Self {
        Self::refused_or_full(node, why, "docker image prune".into())
    }

    /// What a refusal in the words `why` is; `prune` is the command that makes room.
    pub(super) fn refused_or_full(node: &str, why: String, prune: String) -> Self {
        let node = node.to_owned();
        if why.contains("no space left on device") || why.contains("disk quota exceeded") {
            Self::DiskFull { node, why, prune }
        } else {
            Self::Refused { node, why }
        }
    }

    /// What a failure of the node's engine is: a full disk is one there, too.
    pub(super) fn engine(node: &str, source: engine::Error) -> Self {
        match source {
            engine::Error::Refused { message, .. } if message.contains("no space left on device") => {
                Self::refused(node, message)
            }
            source => Self::Engine { node: node.to_owned(), source },
        }
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::NotATarget { .. } | Self::NoHome | Self::UnknownProfile { .. } | Self::MinikubeFile { .. } => {
                Outcome::Usage
            }
            Self::Driver { .. } | Self::Runtime { .. } | Self::NoKindCluster { .. } => Outcome::Usage,
            Self::DiskFull { .. } | Self::Refused { .. } | Self::Unproven { .. } => Outcome::StepFailed,
            Self::Engine { source, .. } => source.outcome(),
            Self::NoEngine { source, .. } => source.outcome(),
            _ => Outcome::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        let known = |what: &str, known: &[String], none: &str| match known {
            [] => none.to_owned(),
            known => format!("{what} {}", known.join(", ")),
        };
        match self {
            Self::NotATarget { .. } => {
                Some("write `minikube[:PROFILE]`, `kind[:NAME]` or `docker:<host or context>`".into())
            }
            Self::NoHome => Some("set MINIKUBE_HOME".into()),
            Self::UnknownProfile { name, known: profiles, .. } => {
                Some(known("its profiles are", profiles, &format!("`{}` makes it", minikube_start(name))))
            }
            Self::MinikubeFile { .. } => Some("see that it is readable; `minikube start` writes it anew".into()),
            Self::Driver { profile, .. } => {
                Some(format!("`minikube start -p {profile}-docker --driver=docker` makes a cluster that can be loaded"))
            }
            Self::Runtime { profile, .. } => Some(format!(
                "`minikube start -p {profile}-containerd --container-runtime=containerd` makes a cluster that can be loaded"
            )),
            Self::NoKindCluster { name, known: clusters, .. } => Some(known(
                "its clusters are",
                clusters,
                &format!("`kind create cluster --name {name}` makes it, or set DOCKER_HOST to the engine that has it"),
            )),
            Self::NoMachine { start, .. } => {
                Some(format!("`{start}` makes it, or set DOCKER_HOST to the engine that has it"))
            }
            Self::NoAddress { start, .. } => Some(format!("`{start}` makes it, and writes down where it is")),
            Self::Stopped { start, .. } => Some(format!("`{start}` starts it")),
            Self::Paused { resume, .. } => Some(format!("`{resume}` wakes it")),
            Self::NoTool { tool, .. } => Some(format!("use a node with `{tool}`; Minikube's and kind's have it")),
            Self::DiskFull { prune, .. } => Some(format!("`{prune}` there removes images that nothing uses")),
            Self::NoSsh { .. } => Some("install OpenSSH's client".into()),
            Self::NotIn { start, .. } => Some(format!("`{start}` starts it, and writes down where it is")),
            Self::NoEngine { check, .. } => Some(format!("see what `{check}` says, or name another engine as target")),
            Self::Engine { source, .. } => source.hint(),
            Self::TooSlow { .. } | Self::Mute { .. } => {
                Some("see whether the node is well: `kubectl get nodes`".into())
            }
            Self::Refused { .. } | Self::Unproven { .. } | Self::Ended { .. } => None,
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let text = match self {
            Self::Mute { answer, .. } => answer.as_str(),
            Self::DiskFull { why, .. } | Self::Refused { why, .. } => why,
            Self::Ended { said, .. } => said,
            Self::NotIn { said, .. } => said.as_ref(),
            Self::Engine { source, .. } => return source.details(),
            Self::NoEngine { source, .. } => return source.details(),
            _ => return Vec::new(),
        };
        text.lines().filter(|line| !line.is_empty()).map(|line| ("node".to_owned(), line.to_owned())).collect()
    }
}

/// The command that starts the profile `name`.
pub(super) fn minikube_start(name: &str) -> String {
    if name == "minikube" { "minikube start".into() } else { format!("minikube start -p {name}") }
}
