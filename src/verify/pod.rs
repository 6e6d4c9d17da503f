//! `pod.*` and `settings.drift`: an image in the pod that a chart renders for it. What the kubelet or
//! the cluster would refuse, and what was proven under other conditions than those it will meet.

mod drift;
mod kubelet;
mod security;

use crate::chart;
use crate::project::RunPolicy;
use crate::verify::subject::{Checked, Draft, Subject};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The pod that a release runs an image in, and what the settings say of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// The release.
    pub release: String,
    /// The workload, such as ``Deployment `backend` ``.
    pub workload: String,
    /// The pod's `spec` (Kubernetes API, `PodSpec`), as it is rendered.
    pub spec: Value,
    /// The container of it that runs the image.
    pub container: Value,
    /// The Pod Security Standard that its namespace will enforce, if that is known.
    pub level: Option<&'static str>,
    /// The keys of the secrets that the settings make.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// How `smoke` runs the image, if it proves it for this pod.
    pub run: Option<Run>,
}

/// What `smoke` was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The user, as `uid[:gid]`.
    pub user: Option<String>,
    /// Paths that are written to.
    pub writable: Vec<String>,
    /// The memory limit, in bytes.
    pub memory: u64,
    /// The CPU limit, in cores.
    pub cpu: f64,
    /// How long it may take to end, in seconds.
    pub grace: u64,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// What is run instead of the image's entry point.
    pub command: Option<Vec<String>>,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// The path that is probed.
    pub path: String,
    /// The port that is probed.
    pub port: Option<u16>,
}

impl Run {
    /// Of the settings of an image.
    pub fn of(run: &RunPolicy, path: &str, port: Option<u16>) -> Self {
        Self {
            user: run.user.clone(),
            writable: run.writable.clone(),
            memory: run.memory.0,
            cpu: run.cpu,
            grace: run.grace.as_secs(),
            env: run.env.clone(),
            command: run.command.clone(),
            args: run.args.clone(),
            path: path.to_owned(),
            port,
        }
    }
}

/// Whether the rule `id` is about pods.
pub fn is_rule(id: &str) -> bool {
    id.starts_with("pod.") || id == "settings.drift"
}

impl Pod {
    /// A field of the container's security context, or else of the pod's.
    fn security(&self, field: &str) -> Option<&Value> {
        chart::security(&self.spec, &self.container, field)
    }

    /// The uid that the pod says; the image's own user if none.
    fn uid(&self) -> Option<u64> {
        self.security("runAsUser")?.as_u64()
    }

    /// A draft that names the workload.
    fn draft(&self, rule: &'static str, expected: impl Into<String>, found: impl std::fmt::Display) -> Draft {
        Draft::new(rule, expected, format!("{}: {found}", self.workload))
    }
}

/// All rules on all pods that run the image.
pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let mut found = Vec::new();
    for pod in &subject.policy.pods {
        found.extend(kubelet::check(subject, pod));
        found.extend(security::check(pod));
        found.extend(drift::check(pod));
    }
    Ok(found)
}
