//! Why a workload does not become ready: the first state that cannot recover, of all that the
//! cluster shows. What the kubelet says first is kept, not that it backs off later.

use super::workload::Workload;
use crate::cluster::{Snapshot, is_ready};
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time for what may still be under way elsewhere: a volume to be provisioned, a pod to leave.
const A_WHILE: Duration = Duration::from_secs(5);
/// The reasons of a container that waits for its image.
const PULL: [&str; 5] =
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ImageInspectError", "RegistryUnavailable"];

/// The kubelet's cache of a secret or a config map is not filled yet (`failed to sync configmap cache:
/// timed out waiting for the condition`, pkg/kubelet/util/manager): it says so and tries again.
const CACHE: &str = "failed to sync ";

/// What is to blame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blame {
    /// The image is not on the node, and must not be pulled.
    ImageAbsent,
    /// The image cannot be pulled.
    ImagePull,
    /// The image's user is a name where a number is needed, or root.
    User,
    /// A secret or a config map is not there, or lacks a key.
    Reference,
    /// The container's process cannot be started.
    Command,
    /// The image is for another processor.
    Architecture,
    /// It used more memory than it may.
    Memory,
    /// It ends again and again.
    Crash,
    /// A probe failed beyond its budget: `startup`, `liveness` or `readiness`.
    Probe(&'static str),
    /// No node takes the pod.
    Schedule,
    /// A volume claim is not bound.
    Claim,
    /// A quota is used up.
    Quota,
    /// The cluster does not admit the pod.
    Admission,
    /// None of these.
    Other,
}

/// A state that does not recover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What is to blame.
    pub blame: Blame,
    /// The pod, if there is one.
    pub pod: Option<String>,
    /// The container, if it is one.
    pub container: Option<String>,
    /// It is one that must end before the others start.
    pub is_init: bool,
    /// What the cluster said first.
    pub message: String,
    /// The container that wrote the log that matters has ended already.
    pub ended: bool,
    /// For how long it must stay so before it is believed.
    pub patience: Duration,
}

/// How often each event had happened before a rollout began.
pub type Before = BTreeMap<String, i32>;

/// The events of `all`, to tell what happens after them.
pub fn before(all: &Snapshot) -> Before {
    all.events.iter().map(|(name, event)| (name.clone(), event.count.unwrap_or(1))).collect()
}

/// What keeps `workload` from becoming ready, if that will not pass.
pub fn cause(workload: &Workload, all: &Snapshot, before: &Before) -> Option<Cause> {
    let events = Events { all, before };
    let pods = workload.pods(all);
    let of_pods = pods.iter().find_map(|pod| of_pod(pod, &events));
    of_pods.or_else(|| of_maker(workload, all, &events))
}

/// What there is to say when the time is over, and nothing worse showed.
pub fn overdue(workload: &Workload, all: &Snapshot, before: &Before) -> Cause {
    let events = Events { all, before };
    let pods = workload.pods(all);
    let unready = pods.iter().find(|pod| !is_ready(pod)).copied();
    let message = unready.and_then(|pod| events.last(name(pod), &["Unhealthy"]));
    let container =
        unready.and_then(|pod| statuses(pod).find(|status| !status.ready).map(|status| status.name.clone()));
    let (blame, message) = match message {
        Some(message) if message.starts_with("Readiness") => (Blame::Probe("readiness"), message),
        Some(message) => (Blame::Other, message),
        None => (Blame::Other, unready.map_or_else(|| "no pod was made".to_owned(), phase)),
    };
    let pod = unready.map(|pod| name(pod).to_owned());
    Cause { blame, pod, container, is_init: false, message, ended: false, patience: Duration::ZERO }
}

struct Events<'a> {
    all: &'a Snapshot,
    before: &'a Before,
}

impl Events<'_> {
    /// The messages of what happened to the object `name` since the beginning, for one of `reasons`,
    /// the oldest first.
    fn of(&self, object: &str, reasons: &[&str]) -> Vec<String> {
        let new = |name: &str, event: &Event| event.count.unwrap_or(1) > self.before.get(name).copied().unwrap_or(0);
        let about = |event: &Event| event.involved_object.name.as_deref() == Some(object);
        let because = |event: &Event| event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason));
        let found = self.all.events.iter().filter(|(name, event)| about(event) && because(event) && new(name, event));
        let mut found: Vec<&Event> = found.map(|(_, event)| event).collect();
        found.sort_by_key(|event| event.first_timestamp.as_ref().map(|time| time.0));
        found.into_iter().filter_map(|event| event.message.clone()).collect()
    }

    /// How often something happened to `object` for `reason` since the beginning, with a message that
    /// begins so; and the last message.
    fn counted(&self, object: &str, reason: &str, begin: &str) -> Option<(i32, String)> {
        let mut found = (0, None);
        for (name, event) in &self.all.events {
            let about = event.involved_object.name.as_deref() == Some(object);
            let message = event.message.clone().filter(|message| message.starts_with(begin));
            if about && event.reason.as_deref() == Some(reason) && message.is_some() {
                let before = self.before.get(name).copied().unwrap_or(0);
                found = (found.0 + event.count.unwrap_or(1) - before, message);
            }
        }
        found.1.map(|message| (found.0, message))
    }

    fn last(&self, object: &str, reasons: &[&str]) -> Option<String> {
        self.of(object, reasons).pop()
    }
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

fn is_init(pod: &Pod, container: &str) -> bool {
    let init = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_ref());
    init.into_iter().flatten().any(|one| one.name == container)
}

fn phase(pod: &Pod) -> String {
    let waiting = statuses(pod).find_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.clone());
    let phase = || pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
    format!("the pod is {}", waiting.unwrap_or_else(phase))
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref()).into_iter().flatten();
    init.chain(status.and_then(|status| status.container_statuses.as_ref()).into_iter().flatten())
}

fn of_pod(pod: &Pod, events: &Events<'_>) -> Option<Cause> {
    let found = |blame, container: Option<&str>, message: String, ended, patience| Cause {
        blame,
        pod: Some(name(pod).to_owned()),
        container: container.map(str::to_owned),
        is_init: container.is_some_and(|container| is_init(pod, container)),
        message,
        ended,
        patience,
    };
    if let Some((blame, container, message, ended)) = statuses(pod).find_map(|status| of_container(pod, status, events))
    {
        return Some(found(blame, Some(container), message, ended, Duration::ZERO));
    }
    if let Some((container, message)) = unready(pod, events) {
        return Some(found(Blame::Probe("readiness"), Some(container), message, false, A_WHILE));
    }
    let mounts = events.of(name(pod), &["FailedMount"]).into_iter();
    if let Some(message) = mounts.into_iter().find(|message| !message.contains(CACHE)) {
        let blame = if mentions_reference(&message) { Blame::Reference } else { Blame::Other };
        return Some(found(blame, None, message, false, A_WHILE / 2)).filter(|_| !is_ready(pod));
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let unschedulable = conditions.into_iter().flatten().find(|one| {
        one.type_ == "PodScheduled" && one.status == "False" && one.reason.as_deref() == Some("Unschedulable")
    });
    let message = unschedulable?.message.clone().unwrap_or_default();
    if message.contains("PersistentVolumeClaim") {
        let claim = events.all.claims.keys().find_map(|claim| {
            let said = events.last(claim, &["ProvisioningFailed", "FailedBinding"])?;
            Some(format!("claim `{claim}`: {said}"))
        });
        return Some(found(Blame::Claim, None, claim.unwrap_or(message), false, A_WHILE));
    }
    Some(found(Blame::Schedule, None, message, false, A_WHILE))
}

/// A container that has started, as its startup probe says, and failed its readiness probe more often
/// than it may. One without a startup probe may still be starting.
fn unready<'a>(pod: &'a Pod, events: &Events<'_>) -> Option<(&'a str, String)> {
    let spec = pod.spec.as_ref()?;
    let container = spec.containers.iter().find(|container| {
        let has_started = |status: &ContainerStatus| status.started == Some(true) && !status.ready;
        container.startup_probe.is_some() && statuses(pod).any(|one| one.name == container.name && has_started(one))
    })?;
    let budget = container.readiness_probe.as_ref()?.failure_threshold.unwrap_or(3);
    let (count, message) = events.counted(name(pod), "Unhealthy", "Readiness")?;
    (count >= budget).then_some((container.name.as_str(), message))
}

type OfContainer<'a> = (Blame, &'a str, String, bool);

fn of_container<'a>(pod: &Pod, status: &'a ContainerStatus, events: &Events<'_>) -> Option<OfContainer<'a>> {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let said = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
    // The kubelet adds which pod it is, which is said anyway.
    let said = said.split(" (pod: ").next().unwrap_or_default().to_owned();
    let this = |blame, message, ended| Some((blame, status.name.as_str(), message, ended));
    match reason {
        "ErrImageNeverPull" => return this(Blame::ImageAbsent, said, false),
        reason if PULL.contains(&reason) => {
            // That it backs off says nothing; what failed stands in the first event.
            let first = events.of(name(pod), &["Failed", "InspectFailed"]);
            let first = first.into_iter().find(|message| message.contains("pull") || message.contains("image"));
            return this(Blame::ImagePull, first.unwrap_or(said), false);
        }
        "CreateContainerConfigError" if said.contains(CACHE) => return None,
        "CreateContainerConfigError" => {
            let blame = if said.contains("runAsNonRoot") {
                Blame::User
            } else if mentions_reference(&said) {
                Blame::Reference
            } else {
                Blame::Other
            };
            return this(blame, said, false);
        }
        "CreateContainerError" | "RunContainerError" => return this(of_start(&said), said, true),
        _ => {}
    }
    let killed = format!("Container {} failed ", status.name);
    let killed = events.of(name(pod), &["Killing"]).into_iter().find(|message| message.contains(&killed));
    if let Some(message) = killed {
        let probe = if message.contains("liveness") { "liveness" } else { "startup" };
        let answer = events.last(name(pod), &["Unhealthy"]).unwrap_or(message);
        return this(Blame::Probe(probe), answer, true);
    }
    let ended = [status.state.as_ref(), status.last_state.as_ref()];
    let ended =
        ended.into_iter().flatten().find_map(|state| state.terminated.as_ref()).filter(|end| end.exit_code != 0)?;
    let code = ended.exit_code;
    let what = ended.message.clone().unwrap_or_default();
    if ended.reason.as_deref() == Some("OOMKilled") {
        return this(Blame::Memory, "the kernel ended it: it used more memory than its limit".to_owned(), true);
    }
    if !what.is_empty() && ended.reason.as_deref() != Some("Error") {
        return this(of_start(&what), what, true);
    }
    // Once may be that something was not there yet.
    (reason == "CrashLoopBackOff").then_some(())?;
    this(Blame::Crash, format!("it ends with {code} each time that it is started"), true)
}

/// What the container runtime says of a process that it could not start.
fn of_start(message: &str) -> Blame {
    if message.contains("exec format error") { Blame::Architecture } else { Blame::Command }
}

fn mentions_reference(message: &str) -> bool {
    let kinds = ["secret", "configmap", "Secret", "ConfigMap"];
    kinds.iter().any(|kind| message.contains(kind))
        && ["not found", "couldn't find key", "non-existent"].iter().any(|what| message.contains(what))
}

/// What keeps pods from being made at all, or made once more.
fn of_maker(workload: &Workload, all: &Snapshot, events: &Events<'_>) -> Option<Cause> {
    if let Some(message) = workload.given_up(all) {
        let pod = workload.pods(all).last().copied();
        let container = pod.and_then(|pod| statuses(pod).next()).map(|status| status.name.clone());
        let pod = pod.map(|pod| name(pod).to_owned());
        let patience = Duration::ZERO;
        return Some(Cause { blame: Blame::Crash, pod, container, is_init: false, message, ended: false, patience });
    }
    let (_, maker) = workload.maker(all)?;
    let message = events.last(&maker, &["FailedCreate"])?;
    let progress = workload.progress(all)?;
    if progress.done || !workload.pods(all).is_empty() {
        return None;
    }
    let blame = if message.contains("quota") { Blame::Quota } else { Blame::Admission };
    // A controller makes them in a moment: the numbers of a new quota, the account of a new namespace.
    let settles = ["status unknown for quota", "error looking up service account"];
    let settles = settles.iter().any(|what| message.contains(what));
    let patience = if settles { A_WHILE } else { A_WHILE / 5 };
    Some(Cause { blame, pod: None, container: None, is_init: false, message, ended: false, patience })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::workload::Kind;
    use serde_json::json;

    /// What is said of a pod whose container waits to be created because of `message`.
    fn said(message: &str) -> Option<(Blame, String)> {
        let job = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "app", "uid": "u"}]);
        let waiting = json!({"reason": "CreateContainerConfigError", "message": message});
        let pod = json!({"metadata": {"name": "app-a", "ownerReferences": job}, "status": {"containerStatuses": [
            {"name": "app", "image": "a", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": waiting}}]}});
        let pods = [("app-a".to_owned(), serde_json::from_value(pod).unwrap())];
        let all = Snapshot { pods: pods.into(), ..Snapshot::default() };
        let workload = Workload { kind: Kind::Job, name: "app".to_owned() };
        cause(&workload, &all, &Before::new()).map(|cause| (cause.blame, cause.message))
    }

    /// A busy kubelet cannot be made to be late with its cache when a test wants it.
    #[test]
    fn a_kubelet_that_has_not_read_a_secret_yet_is_waited_for() {
        for kind in ["configmap", "secret"] {
            assert_eq!(said(&format!("failed to sync {kind} cache: timed out waiting for the condition")), None);
            let missing = format!("{kind} \"settings\" not found");
            assert_eq!(said(&missing), Some((Blame::Reference, missing)));
        }
    }
}
