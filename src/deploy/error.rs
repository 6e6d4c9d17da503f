//! What can go wrong in a deployment.

use super::cause::Blame;
use super::helm::Revision;
use super::locate::Place;
use super::rollout::Verdict;
use crate::cluster;
use crate::types::{Explained, Outcome};
use std::io;
use std::path::PathBuf;

/// Why a release was not deployed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says what it is")]
pub enum Error {
    #[error("cannot run `helm`")]
    NoHelm { source: io::Error },
    #[error("`helm version` says `{found}`, and {}.{} or newer is needed", .oldest.0, .oldest.1)]
    HelmVersion { found: String, oldest: (u32, u32) },
    #[error("{doing} the release `{release}` failed")]
    Helm { release: String, doing: &'static str, said: String, at: Option<String> },
    #[error("what helm says of the release `{release}` is not understood")]
    NotUnderstood { release: String, source: serde_json::Error },
    #[error("what the chart of the release `{release}` renders is no YAML")]
    NotYaml { release: String, source: Box<serde_saphyr::Error> },
    #[error("cannot write the values for helm")]
    Values { source: io::Error },
    #[error("the chart of the release `{release}` does not run `{image}`")]
    OtherImage { release: String, chart: PathBuf, image: String, found: Vec<String> },
    #[error("the workload `{workload}` of the release `{release}` is to pull `{image}` always")]
    PulledAlways { release: String, image: String, workload: String },
    #[error("the release `{release}` is `{}` since {}: a run of helm holds it, or died while it did", .revision.status, .revision.updated)]
    Stuck { release: String, revision: Revision },
    #[error("the release `{release}` is `{}` since {}: a run of helm may still hold it", .revision.status, .revision.updated)]
    Held { release: String, revision: Revision },
    #[error("the release `{release}` has no earlier revision to go back to")]
    NothingBefore { release: String },
    #[error("{release} is not ready: {}", .verdict.cause.message)]
    NotReady { release: String, verdict: Box<Verdict>, place: Option<Place> },
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error("waiting for {release} was interrupted: the cluster goes on with it")]
    Interrupted { release: String },
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Cluster(error) => error.outcome(),
            Self::NoHelm { .. } | Self::HelmVersion { .. } | Self::NotUnderstood { .. } => Outcome::Unreachable,
            Self::Interrupted { .. } => Outcome::Interrupted,
            _ => Outcome::StepFailed,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoHelm { .. } | Self::HelmVersion { .. } => "install Helm 4 (https://helm.sh)".to_owned(),
            Self::OtherImage { chart, .. } => {
                format!(
                    "let a container of {} run `{{{{ .Values.image.repository }}}}:{{{{ .Values.image.tag }}}}`",
                    chart.display()
                )
            }
            Self::PulledAlways { .. } => "set `imagePullPolicy` to `Never` or `IfNotPresent`".to_owned(),
            Self::Stuck { release, .. } => {
                format!("if no helm runs any more, `loadline rollback {release}` frees it")
            }
            Self::Held { release, .. } => {
                format!("wait for it; if no helm runs any more, `loadline rollback {release} --force` frees it")
            }
            Self::Helm { release, said, .. } => return helm_hint(release, said),
            Self::NotReady { release, verdict, .. } => return hint(release, &verdict.cause.blame),
            Self::Interrupted { release } => {
                format!("`loadline deploy {release}` waits for it again, `loadline rollback {release}` goes back")
            }
            Self::Cluster(error) => return error.hint(),
            _ => return None,
        };
        Some(text)
    }

    fn details(&self) -> Vec<(String, String)> {
        match self {
            Self::Helm { said, at, .. } => {
                let at = at.iter().map(|at| ("at".to_owned(), at.clone()));
                std::iter::once(("helm".to_owned(), said.clone())).chain(at).collect()
            }
            Self::OtherImage { found, .. } if !found.is_empty() => vec![("it runs".into(), found.join("\n"))],
            Self::NotReady { verdict, place, .. } => not_ready(verdict, place.as_ref()),
            _ => Vec::new(),
        }
    }
}

/// What helps with what Helm, or the cluster through it, said.
fn helm_hint(release: &str, said: &str) -> Option<String> {
    let text = if said.contains("field is immutable") || said.contains("updates to statefulset spec") {
        format!("it cannot be changed in place: `loadline undeploy {release}` (its data stays), then deploy it again")
    } else if said.contains("provided port is already allocated") {
        "another service has this node port: `kubectl get services --all-namespaces`; set another one".to_owned()
    } else if said.contains("another operation") && said.contains("in progress") {
        format!("another deployment is under way; if none is, `loadline rollback {release}` frees the release")
    } else if said.contains("is forbidden: User") {
        "your user may not do this in the cluster: `kubectl auth can-i --list` shows what it may".to_owned()
    } else if said.contains("don't meet the specifications of the schema") {
        "the chart's values.schema.json says what each value may be".to_owned()
    } else if said.contains("is being terminated") {
        "the namespace is being removed: wait until it is gone, and deploy again".to_owned()
    } else {
        return None;
    };
    Some(text)
}

fn not_ready(verdict: &Verdict, place: Option<&Place>) -> Vec<(String, String)> {
    let mut details = vec![("workload".to_owned(), verdict.workload.to_string())];
    let mut add = |name: &str, text: Option<String>| details.extend(text.map(|text| (name.to_owned(), text)));
    add("pod", verdict.cause.pod.clone());
    add("container", verdict.cause.container.clone());
    add("waited", verdict.overdue.then(|| "until the deadline; nothing showed that it never will be".to_owned()));
    add("last log", Some(verdict.log.join("\n")).filter(|log| !log.is_empty()));
    add("change", place.map(ToString::to_string));
    details
}

fn hint(release: &str, blame: &Blame) -> Option<String> {
    let text = match blame {
        Blame::ImageAbsent => format!("`loadline load {release}` brings it to the node"),
        Blame::ImagePull => "let it be loaded by `loadline load --image REF`, with `imagePullPolicy: Never`".to_owned(),
        Blame::User => "write a number in the Dockerfile, such as `USER 1000:1000`".to_owned(),
        Blame::Reference => "`loadline secrets` shows what is missing".to_owned(),
        Blame::Memory => "raise `resources.limits.memory`, or let it use less".to_owned(),
        Blame::Probe(probe) => format!("look at the {probe} probe's path, port and times"),
        Blame::Schedule => "ask for less, or add a node".to_owned(),
        Blame::Claim => "`kubectl get storageclass` shows the classes that there are".to_owned(),
        Blame::Quota => "`kubectl describe quota` shows what is used".to_owned(),
        _ => return None,
    };
    Some(text)
}
