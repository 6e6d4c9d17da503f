//! What is known of a project's releases.

use crate::cli::args::{In, To};
use crate::cli::cluster;
use crate::cli::unknown::Unknown;
use crate::cluster::{Error, Pods, Recorded};
use crate::project::{Deployment, Plan};
use serde::Serialize;
use std::collections::BTreeMap;

/// The releases of a project, as the cluster has them.
#[derive(Debug, Serialize)]
pub struct Releases {
    /// The namespace that was looked into.
    pub namespace: String,
    /// The releases, in the order in which they are deployed.
    pub releases: Vec<ReleaseStatus>,
    /// Why nothing is known of them, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Unknown>,
}

/// What is known of one release.
#[derive(Debug, Serialize)]
pub struct ReleaseStatus {
    /// Its name.
    pub release: String,
    /// Whether it is there.
    #[serde(flatten)]
    pub state: Deployed,
}

/// Whether a release is in the cluster.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Deployed {
    /// It is not.
    Absent,
    /// It is: its last revision, Helm's word for that, and how many of its pods are ready.
    Present { revision: u32, status: String, ready: usize, pods: usize },
}

/// What the cluster of `plan` has of its releases; nothing if the settings name none.
pub async fn look(plan: &Plan, to: &To) -> Option<Releases> {
    let deployment = plan.deployment.as_ref()?;
    let namespace = deployment.namespace.clone();
    Some(match ask(plan, deployment, to).await {
        Ok((recorded, pods)) => {
            let releases = known(deployment, &recorded, &pods);
            Releases { namespace, releases, unknown: None }
        }
        Err(unknown) => Releases { namespace, releases: Vec::new(), unknown: Some(unknown) },
    })
}

type Answers = (BTreeMap<String, Recorded>, BTreeMap<String, Pods>);

async fn ask(plan: &Plan, deployment: &Deployment, to: &To) -> Result<Answers, Unknown> {
    let into = In { context: None, namespace: None };
    let there = cluster::find(plan, deployment, to, &into).await.map_err(|error| Unknown::of(&*error))?;
    let namespace = &deployment.namespace;
    let answers = tokio::try_join!(there.releases(namespace), there.pods_of_releases(namespace));
    answers.map_err(|error: Error| Unknown::of(&error))
}

fn known(
    deployment: &Deployment,
    recorded: &BTreeMap<String, Recorded>,
    pods: &BTreeMap<String, Pods>,
) -> Vec<ReleaseStatus> {
    let expected = deployment.releases.iter().filter(|one| !one.on_request || recorded.contains_key(&one.name));
    let status = |name: &str| match recorded.get(name) {
        None => Deployed::Absent,
        Some(Recorded { revision, status }) => {
            let Pods { ready, all } = pods.get(name).copied().unwrap_or_default();
            Deployed::Present { revision: *revision, status: status.clone(), ready, pods: all }
        }
    };
    expected.map(|one| ReleaseStatus { release: one.name.clone(), state: status(&one.name) }).collect()
}
