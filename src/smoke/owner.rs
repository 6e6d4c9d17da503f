//! Whose a container or network is: the run and the process that made it. A process that died
//! cannot clean up, so the next one must be able to tell what was its.

use crate::engine::{Labelled, process};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The label with the id of the run.
pub(super) const RUN: &str = "io.loadline.run";
const PROJECT: &str = "io.loadline.project";
const IMAGE: &str = "io.loadline.image";
const HOST: &str = "io.loadline.host";
const PID: &str = "io.loadline.pid";
const PID_STARTED: &str = "io.loadline.pid-started";
const CREATED: &str = "io.loadline.created";

/// No run lasts this long. It decides where the process cannot be asked for: on another host, in
/// another container, before a restart.
const LONGEST_RUN: Duration = Duration::from_secs(24 * 3600);

/// The labels of all that a run makes for an image.
pub(super) fn labels(run: &str, project: &str, image: &str) -> BTreeMap<String, String> {
    let pid = std::process::id();
    let mut labels = BTreeMap::from([
        (RUN.to_owned(), run.to_owned()),
        (PROJECT.to_owned(), project.to_owned()),
        (IMAGE.to_owned(), image.to_owned()),
        (PID.to_owned(), pid.to_string()),
        (CREATED.to_owned(), now().as_secs().to_string()),
    ]);
    labels.extend(host().map(|host| (HOST.to_owned(), host)));
    labels.extend(process::started(pid).map(|started| (PID_STARTED.to_owned(), started)));
    labels
}

/// The beginning of the names of all that a run makes.
pub(super) fn name(run: &str) -> String {
    format!("loadline-{run}")
}

/// Whether the run that made something is over, so that nobody else removes it.
pub(super) fn is_orphan(thing: &Labelled) -> bool {
    let label = |name: &str| thing.labels.get(name).map(String::as_str);
    // Labels are inherited: one who commits a container of ours to an image gets them, too.
    if !label(RUN).is_some_and(|run| thing.name.starts_with(&name(run))) {
        return false;
    }
    let here = host();
    if here.is_some() && label(HOST) == here.as_deref() {
        let started = label(PID).and_then(|pid| pid.parse().ok()).and_then(process::started);
        return started.as_deref() != label(PID_STARTED);
    }
    let created = label(CREATED).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    created.is_some_and(|created| now().saturating_sub(created) > LONGEST_RUN)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Where process ids mean the same as here: this boot of this host, this process namespace.
fn host() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(change: &[(&str, &str)]) -> Labelled {
        let mut labels = labels("r", "p", "i");
        labels.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Labelled { id: "id".into(), name: name("r"), labels }
    }

    const NOBODY: (&str, &str) = (PID, "4294967295");
    const STRANGE: (&str, &str) = (HOST, "another");

    #[test]
    fn what_a_live_process_made_is_no_orphan() {
        assert!(!is_orphan(&thing(&[])));
    }

    #[test]
    fn what_a_dead_process_made_is_one() {
        assert!(is_orphan(&thing(&[(PID_STARTED, "1")])), "the process id was given to another process");
        assert!(is_orphan(&thing(&[NOBODY])), "there is no such process");
    }

    #[test]
    fn of_another_host_only_what_is_old_is_one() {
        assert!(!is_orphan(&thing(&[NOBODY, STRANGE])));
        assert!(is_orphan(&thing(&[NOBODY, STRANGE, (CREATED, "1000")])));
        assert!(!is_orphan(&thing(&[NOBODY, STRANGE, (CREATED, "?")])));
    }

    #[test]
    fn what_only_inherited_the_labels_is_left_alone() {
        assert!(!is_orphan(&Labelled { name: "mine".into(), ..thing(&[NOBODY]) }));
    }
}
