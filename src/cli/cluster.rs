//! The cluster that a verb is about, and that it is the one that images are loaded into.

use crate::cli::args::{In, ReleaseValue, To};
use crate::cli::planned;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::deploy::{Deployer, Helm};
use crate::node::{Surroundings, Target};
use crate::project::{Deployment, Plan, Release, nearest};
use crate::types::{Explained, Outcome};
use serde_json::{Map, Value};

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

/// What a verb about releases works with.
pub struct Workplace {
    /// How the application is deployed, with what the command line said.
    pub deployment: Deployment,
    /// The cluster.
    pub cluster: Cluster,
    /// The program.
    pub helm: Helm,
}

impl Workplace {
    /// Opens the cluster that `to` and `into` mean for `deployment`, and finds Helm.
    ///
    /// # Errors
    /// There is none, it does not answer, or it is not where the target's images are.
    pub async fn open(
        session: &Session,
        plan: &Plan,
        deployment: Deployment,
        to: &To,
        into: &In,
    ) -> Result<Self, Outcome> {
        // To look for Helm takes as long as to look for the cluster.
        let (cluster, helm) =
            tokio::join!(connect(session, plan, &deployment, to, into), session.helm("", &deployment.namespace));
        let (cluster, helm) = (cluster?, helm.map_err(|error| session.failed(None, &error))?);
        let helm = helm.at(cluster.context(), &deployment.namespace);
        Ok(Self { deployment, cluster, helm })
    }

    /// What deploys here.
    pub fn deployer<'a>(&'a self, session: &'a Session) -> Deployer<'a> {
        let Self { deployment, cluster, helm } = self;
        Deployer { cluster, helm, deployment, events: &session.events, cancel: &session.cancel }
    }
}

/// What `rollback` and `undeploy` begin with: the cluster, and the releases called `names` (all if
/// none), those that need others first.
///
/// # Errors
/// There is no such release, or no cluster to work in.
pub async fn backwards(
    session: &Session,
    names: &[String],
    to: &To,
    into: &In,
) -> Result<(Workplace, Vec<String>), Outcome> {
    let plan = session.project(&planned::rules())?.plan;
    let deployment = deployment(session, &plan, into, &[])?;
    let releases = chosen(session, &deployment, names, |_| true)?;
    let releases = releases.iter().rev().map(|release| release.name.clone()).collect();
    Ok((Workplace::open(session, &plan, deployment, to, into).await?, releases))
}

/// How the application is deployed, with what the command line says.
///
/// # Errors
/// The settings do not say it, or have no release that a value is for.
pub fn deployment(session: &Session, plan: &Plan, into: &In, set: &[ReleaseValue]) -> Result<Deployment, Outcome> {
    let mut deployment = plan.deployment.clone().ok_or_else(|| session.failed(None, &NoCluster::NoRelease))?;
    if let Some(namespace) = &into.namespace {
        deployment.namespace.clone_from(namespace);
    }
    for ReleaseValue { release, path, value } in set {
        let unknown = unknown(&deployment, release);
        let Some(found) = deployment.releases.iter_mut().find(|one| one.name == *release) else {
            return Err(session.failed(None, &unknown));
        };
        put(&mut found.set, path, value.clone());
    }
    Ok(deployment)
}

/// Puts `value` where `path` leads, and makes the way there.
fn put(values: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        values.insert(first.clone(), value);
        return;
    }
    let next = values.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    if !next.is_object() {
        *next = Value::Object(Map::new());
    }
    if let Value::Object(inner) = next {
        put(inner, rest, value);
    }
}

fn unknown(deployment: &Deployment, name: &str) -> NoCluster {
    let known = deployment.releases.iter().map(|release| release.name.as_str());
    NoCluster::UnknownRelease { name: name.to_owned(), nearest: nearest(name, known).map(str::to_owned) }
}

/// The releases called `names` in the order of the plan; if none is named, all that `unnamed` takes.
///
/// # Errors
/// There is no such release.
pub fn chosen<'a>(
    session: &Session,
    deployment: &'a Deployment,
    names: &[String],
    unnamed: impl Fn(&Release) -> bool,
) -> Result<Vec<&'a Release>, Outcome> {
    if let Some(name) = names.iter().find(|name| deployment.release(name).is_none()) {
        return Err(session.failed(None, &unknown(deployment, name)));
    }
    let is_chosen =
        |release: &&Release| if names.is_empty() { unnamed(release) } else { names.contains(&release.name) };
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
    tokio::select! {
        found = find(plan, deployment, to, into) => found.map_err(|error| session.failed(None, &*error)),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}

/// The same, for those who say themselves what is wrong.
///
/// # Errors
/// As `connect`.
pub async fn find(plan: &Plan, deployment: &Deployment, to: &To, into: &In) -> Result<Cluster, Box<dyn Explained>> {
    let named = into.context.as_ref().or(deployment.context.as_ref());
    if let Some(context) = named {
        return Cluster::connect(context).await.map_err(boxed);
    }
    let text = to.or(&plan.target);
    let target: Target = text.parse().map_err(boxed)?;
    let found = target.context(&Surroundings::of_process()).map_err(boxed)?;
    let Some((context, machines)) = found else {
        return Err(boxed(NoCluster::NoContext { target: text.to_owned() }));
    };
    let cluster = Cluster::connect(&context).await.map_err(boxed)?;
    let nodes = cluster.nodes().await.map_err(boxed)?;
    match machines.into_iter().find(|machine| !nodes.contains(machine)) {
        None => Ok(cluster),
        Some(node) => Err(boxed(NoCluster::Another { context, target: text.to_owned(), node })),
    }
}

fn boxed(error: impl Explained) -> Box<dyn Explained> {
    Box::new(error)
}
