//! What can go wrong between us and a cluster.

use crate::types::{Explained, Outcome};
use kube::runtime::watcher;

/// A cluster could not be reached, refused, or answered with an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig cannot be read, or what it names cannot.
    #[error("cannot use the kubeconfig")]
    Kubeconfig {
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// There is no such context.
    #[error("the kubeconfig has no context `{context}`")]
    NoContext {
        /// The context that was looked for.
        context: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Nothing answers.
    #[error("no cluster answers at {server} (context `{context}`)")]
    Unreachable {
        /// The context.
        context: String,
        /// Where it was looked for.
        server: String,
        /// Why, unless it just never answered.
        #[source]
        source: Option<Box<kube::Error>>,
    },
    /// The namespace is being removed, and does not go.
    #[error("the namespace `{namespace}` is being removed, and is still there")]
    Terminating {
        /// Its name.
        namespace: String,
    },
    /// The cluster refused a request.
    #[error("{doing} failed: the cluster answered {code}: {message}")]
    Refused {
        /// What was being done, and to what.
        doing: String,
        /// The HTTP status.
        code: u16,
        /// The API's word for it, such as `Forbidden`.
        reason: String,
        /// The cluster's words.
        message: String,
    },
    /// The connection broke, or what came cannot be understood.
    #[error("{doing} failed")]
    Broken {
        /// What was being done, and to what.
        doing: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    pub(super) fn api(doing: impl Into<String>, source: kube::Error) -> Self {
        let doing = doing.into();
        match source {
            kube::Error::Api(status) => {
                Self::Refused { doing, code: status.code, reason: status.reason, message: status.message }
            }
            source => Self::Broken { doing, source: Box::new(source) },
        }
    }

    pub(super) fn watch(doing: &str, source: watcher::Error) -> Self {
        use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
        match source {
            InitialListFailed(source) | WatchStartFailed(source) | WatchFailed(source) => Self::api(doing, source),
            source => Self::Broken { doing: doing.to_owned(), source: Box::new(source) },
        }
    }

    /// Whether it says that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::NoContext { .. } => Outcome::Usage,
            Self::Terminating { .. } | Self::Refused { code: 400..=499, .. } => Outcome::StepFailed,
            _ => Outcome::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Kubeconfig { .. } => "`kubectl config view` shows what it holds; KUBECONFIG names another".to_owned(),
            Self::NoContext { known, .. } if known.is_empty() => {
                "start the cluster (`minikube start`, `kind create cluster`), or set KUBECONFIG".to_owned()
            }
            Self::NoContext { known, .. } => format!("known are: {}; `--context NAME` takes one", known.join(", ")),
            Self::Unreachable { context, .. } => {
                format!("start the cluster (`minikube start -p {context}`), or name another with `--context`")
            }
            Self::Terminating { namespace } => {
                format!("`kubectl get namespace {namespace} -o yaml` says what it waits for (`finalizers`)")
            }
            Self::Refused { code: 403, .. } => {
                "your user may not do this in the cluster: `kubectl auth can-i --list` shows what it may".to_owned()
            }
            _ => return None,
        };
        Some(text)
    }
}
