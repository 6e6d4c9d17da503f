//! The probes that a pod has for one of its containers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The probes of a container; none of those that the pod has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodProbes {
    /// Until it passes, the others are not asked; beyond its budget the container is restarted.
    pub startup: Option<PodProbe>,
    /// Beyond its budget the container is restarted.
    pub liveness: Option<PodProbe>,
    /// While it fails, no requests are sent to the pod.
    pub readiness: Option<PodProbe>,
}

/// A probe (Kubernetes API, `Probe`), with the API's own values where the pod does not say them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodProbe {
    /// What is done.
    pub action: ProbeAction,
    /// Seconds from the start of the container to the first try.
    pub initial_delay: u32,
    /// Seconds from one try to the next.
    pub period: u32,
    /// Seconds that a try may take.
    pub timeout: u32,
    /// How many tries in a row must fail.
    pub failures: u32,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeAction {
    /// A request by plain HTTP.
    Http {
        /// The path, with a leading `/`.
        path: String,
        /// The container's port.
        port: u16,
    },
    /// A connection.
    Tcp {
        /// The container's port.
        port: u16,
    },
    /// A command in the container, which must exit with 0.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// Something that is not measured here, as Kubernetes calls it.
    Other(String),
}

impl fmt::Display for ProbeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { path, port } => write!(f, "GET :{port}{path}"),
            Self::Tcp { port } => write!(f, "port {port}"),
            Self::Exec { command } => write!(f, "`{}`", command.join(" ")),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}
