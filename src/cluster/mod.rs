//! A Kubernetes cluster, reached as kubectl reaches it. The only room that knows the client
//! library; what it gives are the API's own objects.

mod claims;
mod error;
mod forward;
mod namespace;
mod objects;
mod pods;
mod releases;
mod secret;
mod service;
mod watch;

pub use error::Error;
pub use forward::Forward;
pub use namespace::Level;
pub use objects::{Difference, Object};
pub use releases::{Pods, Recorded};
pub use secret::SecretData;
pub use service::{Opening, is_ready};
pub use watch::{Snapshot, Watch};

use k8s_openapi::api::core::v1::Node;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use std::collections::BTreeSet;
use std::time::Duration;

/// As whom fields are managed here (server-side apply).
const MANAGER: &str = "loadline";
/// How long a single request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster that answered.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    context: String,
    server: String,
}

impl Cluster {
    /// Connects to the cluster that the kubeconfig calls `context`: `KUBECONFIG`, or
    /// `~/.kube/config`.
    ///
    /// # Errors
    /// There is no such context, its credentials cannot be read, or nothing answers.
    pub async fn connect(context: &str) -> Result<Self, Error> {
        let kubeconfig = Kubeconfig::read().map_err(|source| Error::Kubeconfig { source: Box::new(source) })?;
        if !kubeconfig.contexts.iter().any(|one| one.name == context) {
            let known = kubeconfig.contexts.iter().map(|one| one.name.clone()).collect();
            return Err(Error::NoContext { context: context.to_owned(), known });
        }
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..Default::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| Error::Kubeconfig { source: Box::new(source) })?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config).map_err(|source| Error::api("making a client", source))?;
        let cluster = Self { client, context: context.to_owned(), server };
        let asked = tokio::time::timeout(PATIENCE, cluster.client.apiserver_version()).await;
        match asked {
            Ok(Ok(_)) => Ok(cluster),
            Ok(Err(source)) => Err(cluster.unreachable(Some(source))),
            Err(_) => Err(cluster.unreachable(None)),
        }
    }

    fn unreachable(&self, source: Option<kube::Error>) -> Error {
        let (context, server) = (self.context.clone(), self.server.clone());
        match source {
            // It answers, and says no: its words are worth more than that nothing works.
            Some(source @ kube::Error::Api(_)) => Error::api("asking the cluster for its version", source),
            source => Error::Unreachable { context, server, source: source.map(Box::new) },
        }
    }

    /// The context that it was connected by.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The address of its API.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The names of its nodes.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn nodes(&self) -> Result<BTreeSet<String>, Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let listed = nodes.list(&Default::default()).await.map_err(|source| Error::api("listing the nodes", source))?;
        Ok(listed.iter().map(ResourceExt::name_any).collect())
    }
}
