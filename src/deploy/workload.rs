//! What a release runs, and whether it does.

use crate::cluster::{Object, Snapshot};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Where the Deployment controller writes which of its ReplicaSets is the newest.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Which template of a StatefulSet or DaemonSet a pod was made from.
const HASH: &str = "controller-revision-hash";

/// A workload of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// The kinds of workloads that are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
}

/// How far a workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many pods of the newest template are ready.
    pub ready: i32,
    /// How many there must be.
    pub wanted: i32,
    /// All of it is as it was asked for, and nothing older is left.
    pub done: bool,
}

impl Workload {
    /// The workload that `object` is, if it is one.
    pub fn of(object: &Object) -> Option<Self> {
        let kind = match object.kind() {
            "Deployment" => Kind::Deployment,
            "StatefulSet" => Kind::StatefulSet,
            "DaemonSet" => Kind::DaemonSet,
            "Job" => Kind::Job,
            _ => return None,
        };
        Some(Self { kind, name: object.name().to_owned() })
    }

    /// How often what it is to be was changed; `None` if it is not there.
    pub fn generation(&self, all: &Snapshot) -> Option<i64> {
        let meta = match self.kind {
            Kind::Deployment => all.deployments.get(&self.name).map(|one| &one.metadata),
            Kind::StatefulSet => all.stateful_sets.get(&self.name).map(|one| &one.metadata),
            Kind::DaemonSet => all.daemon_sets.get(&self.name).map(|one| &one.metadata),
            Kind::Job => all.jobs.get(&self.name).map(|one| &one.metadata),
        };
        meta.map(|meta| meta.generation.unwrap_or_default())
    }

    /// How far it is; `None` until the cluster shows it.
    pub fn progress(&self, all: &Snapshot) -> Option<Progress> {
        match self.kind {
            Kind::Deployment => {
                let found = all.deployments.get(&self.name)?;
                let (spec, status) = (found.spec.as_ref()?, found.status.clone().unwrap_or_default());
                let wanted = spec.replicas.unwrap_or(1);
                let (ready, updated) = (status.available_replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0));
                let all_new = updated == wanted && status.replicas.unwrap_or(0) == wanted;
                let seen = seen(&found.metadata, status.observed_generation);
                Some(Progress { ready: ready.min(updated), wanted, done: seen && all_new && ready == wanted })
            }
            Kind::StatefulSet => {
                let found = all.stateful_sets.get(&self.name)?;
                let (spec, status) = (found.spec.as_ref()?, found.status.clone().unwrap_or_default());
                let wanted = spec.replicas.unwrap_or(1);
                let ready = status.ready_replicas.unwrap_or(0);
                let all_new =
                    status.current_revision == status.update_revision || status.updated_replicas.unwrap_or(0) == wanted;
                let seen = seen(&found.metadata, status.observed_generation);
                Some(Progress { ready, wanted, done: seen && all_new && ready == wanted })
            }
            Kind::DaemonSet => {
                let found = all.daemon_sets.get(&self.name)?;
                let status = found.status.clone().unwrap_or_default();
                let (wanted, ready) = (status.desired_number_scheduled, status.number_available.unwrap_or(0));
                let all_new = status.updated_number_scheduled.unwrap_or(0) == wanted;
                let seen = seen(&found.metadata, status.observed_generation);
                Some(Progress { ready, wanted, done: seen && all_new && ready == wanted })
            }
            Kind::Job => {
                let found = all.jobs.get(&self.name)?;
                let status = found.status.clone().unwrap_or_default();
                let complete =
                    |one: &k8s_openapi::api::batch::v1::JobCondition| one.type_ == "Complete" && one.status == "True";
                let done = status.conditions.iter().flatten().any(complete);
                let wanted = found.spec.as_ref().and_then(|spec| spec.completions).unwrap_or(1);
                Some(Progress { ready: status.succeeded.unwrap_or(0), wanted, done })
            }
        }
    }

    /// Why a job is not tried again, if it is given up.
    pub fn given_up(&self, all: &Snapshot) -> Option<String> {
        let conditions =
            all.jobs.get(&self.name).filter(|_| self.kind == Kind::Job)?.status.as_ref()?.conditions.as_ref()?;
        let failed = conditions.iter().find(|one| one.type_ == "Failed" && one.status == "True")?;
        Some(failed.message.clone().unwrap_or_else(|| "the job failed".to_owned()))
    }

    /// What makes its newest pods, as kind and name: that is what cannot make them, if it cannot.
    pub fn maker(&self, all: &Snapshot) -> Option<(&'static str, String)> {
        Some(match self.kind {
            Kind::Deployment => {
                let revision = all.deployments.get(&self.name)?.metadata.annotations.as_ref()?.get(REVISION)?;
                let newest = |meta: &ObjectMeta| {
                    owned(meta, "Deployment", &self.name)
                        && meta.annotations.as_ref().and_then(|all| all.get(REVISION)) == Some(revision)
                };
                let (name, _) = all.replica_sets.iter().find(|(_, set)| newest(&set.metadata))?;
                ("ReplicaSet", name.clone())
            }
            Kind::StatefulSet => ("StatefulSet", self.name.clone()),
            Kind::DaemonSet => ("DaemonSet", self.name.clone()),
            Kind::Job => ("Job", self.name.clone()),
        })
    }

    /// Its newest pods.
    pub fn pods<'a>(&self, all: &'a Snapshot) -> Vec<&'a Pod> {
        let Some((kind, name)) = self.maker(all) else { return Vec::new() };
        let newest = match self.kind {
            Kind::StatefulSet => {
                all.stateful_sets.get(&self.name).and_then(|set| set.status.as_ref()?.update_revision.clone())
            }
            _ => None,
        };
        let is_newest = |pod: &&Pod| {
            let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get(HASH));
            newest.is_none() || hash == newest.as_ref()
        };
        let leaving = |pod: &&Pod| pod.metadata.deletion_timestamp.is_some();
        all.pods.values().filter(|pod| owned(&pod.metadata, kind, &name) && is_newest(pod) && !leaving(pod)).collect()
    }
}

/// Whether the controller has looked at what is wanted now.
fn seen(meta: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.unwrap_or(0) >= meta.generation.unwrap_or(0)
}

fn owned(meta: &ObjectMeta, kind: &str, name: &str) -> bool {
    meta.owner_references.iter().flatten().any(|owner| owner.kind == kind && owner.name == name)
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} `{}`", self.kind, self.name)
    }
}
