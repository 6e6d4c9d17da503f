//! The cluster that a verb is about, and that it is the one that images are loaded into.

use crate::cli::args::{In, To};
use crate::cli::session::Session;
use crate::cluster::{self, Cluster};
use crate::node::{Surroundings, Target};
use crate::project::{Deployment, Plan, nearest};
use crate::types::{Explained, Outcome};

/// Why there is no cluster to work in.
#[derive(Debug, thiserror::Error)]
pub enum NoCluster {
    /// The settings name no release.
    #[error("the settings name no release")]
    NoRelease,
    /// No release is called so.
    #[error("unknown release `{name}`")]
    UnknownRelease {
        /// The name.
        name: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// The target is an engine, which is no cluster.
    #[error("the target `{target}` is no cluster")]
    NoContext {
        /// The target.
        target: String,
    },
    /// It is another cluster.
    #[error("the context `{context}` is not the cluster of the target `{target}`: it has no node `{node}`")]
    Another {
        /// The context.
        context: String,
        /// The target.
        target: String,
        /// The node of the target that the cluster does not have.
        node: String,
    },
}

impl Explained for NoCluster {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Another { .. } => Outcome::NoEvidence,
            _ => Outcome::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRelease => Some("add a table such as `[release.api]` with its `chart`".to_owned()),
            Self::UnknownRelease { nearest, .. } => nearest.as_ref().map(|near| format!("did you mean `{near}`?")),
            Self::NoContext { .. } => Some("name the cluster with `--context`".to_owned()),
            Self::Another { .. } => Some("if it is meant, name it with `--context`".to_owned()),
        }
    }
}

/// How the application is deployed.
///
/// # Errors
/// The settings do not say it.
pub fn deployment<'a>(session: &Session, plan: &'a Plan) -> Result<&'a Deployment, Outcome> {
    plan.deployment.as_ref().ok_or_else(|| session.failed(None, &NoCluster::NoRelease))
}

/// The releases called `names` in the order of the plan; all if none is named.
///
/// # Errors
/// There is no such release.
pub fn chosen<'a>(
    session: &Session,
    deployment: &'a Deployment,
    names: &[String],
) -> Result<Vec<&'a crate::project::Release>, Outcome> {
    let known = || deployment.releases.iter().map(|release| release.name.as_str());
    if let Some(name) = names.iter().find(|name| deployment.release(name).is_none()) {
        let near = nearest(name, known()).map(str::to_owned);
        return Err(session.failed(None, &NoCluster::UnknownRelease { name: name.clone(), nearest: near }));
    }
    let is_chosen = |release: &&crate::project::Release| names.is_empty() || names.contains(&release.name);
    Ok(deployment.releases.iter().filter(is_chosen).collect())
}

/// Connects to the cluster that is named, or else to that of the target.
///
/// # Errors
/// There is none, it does not answer, or it is not where the target's images are.
pub async fn connect(
    session: &Session,
    plan: &Plan,
    deployment: &Deployment,
    to: &To,
    into: &In,
) -> Result<Cluster, Outcome> {
    let named = into.context.as_ref().or(deployment.context.as_ref());
    if let Some(context) = named {
        return reach(session, context).await;
    }
    let text = to.or(&plan.target);
    let surroundings = Surroundings::of_process();
    let target: Target = text.parse().map_err(|error| session.failed(None, &error))?;
    let found = target.context(&surroundings).map_err(|error| session.failed(None, &error))?;
    let Some((context, machines)) = found else {
        return Err(session.failed(None, &NoCluster::NoContext { target: text.to_owned() }));
    };
    let cluster = reach(session, &context).await?;
    let nodes = cluster.nodes().await.map_err(|error| session.failed(None, &error))?;
    match machines.into_iter().find(|machine| !nodes.contains(machine)) {
        None => Ok(cluster),
        Some(node) => Err(session.failed(None, &NoCluster::Another { context, target: text.to_owned(), node })),
    }
}

async fn reach(session: &Session, context: &str) -> Result<Cluster, Outcome> {
    let failed = |error: cluster::Error| session.failed(None, &error);
    tokio::select! {
        cluster = Cluster::connect(context) => cluster.map_err(failed),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}
