//! Watching a release until all of it runs, or something shows that it never will.

use super::cause::{self, Before, Blame, Cause};
use super::workload::Workload;
use crate::cluster::{self, Cluster, Snapshot, Watch};
use crate::event::{Event, Events};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often is looked at what only time decides.
const PACE: Duration = Duration::from_millis(250);
/// What the kernel says of a program that is for another processor (`ENOEXEC`).
const NO_PROGRAM: &str = "exec format error";
/// How many of the last lines of a log are shown.
const LINES: i64 = 12;

/// A namespace under watch since before something was changed in it.
pub struct Rollout {
    watch: Watch,
    before: Before,
    /// What was said last of how far it is.
    said: String,
}

/// Why a release does not become ready.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The workload.
    pub workload: Workload,
    /// What showed.
    pub cause: Cause,
    /// Nothing that cannot recover showed, but the time is over.
    pub overdue: bool,
    /// The last lines of the guilty container.
    pub log: Vec<String>,
}

/// How a rollout ended.
#[derive(Debug)]
pub enum Ended {
    /// Everything runs.
    Ready,
    /// Something never will.
    Failed(Box<Verdict>),
}

/// Since when a cause has shown.
type Shown = HashMap<(String, Option<String>, String), Instant>;

impl Rollout {
    /// Begins to watch `namespace`: what happened there before is not held against what comes.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn begin(cluster: &Cluster, namespace: &str) -> Result<Self, cluster::Error> {
        let mut watch = cluster.watch(namespace);
        let before = cause::before(watch.next().await?);
        Ok(Self { watch, before, said: String::new() })
    }

    /// Whether all `workloads` are ready now.
    pub fn is_done(&self, workloads: &[Workload]) -> bool {
        workloads.iter().all(|one| is_done(one, self.watch.current()))
    }

    /// Waits until the cluster has another one of `workloads` than before, and says how far it is then:
    /// what was changed is on its way, though Helm may still be writing.
    ///
    /// # Errors
    /// The cluster was lost.
    pub async fn begin_to_change(
        &mut self,
        release: &str,
        workloads: &[Workload],
        events: &Events,
    ) -> Result<(), cluster::Error> {
        let before: Vec<Option<i64>> = workloads.iter().map(|one| one.generation(self.watch.current())).collect();
        loop {
            let all = self.watch.next().await?;
            if workloads.iter().zip(&before).any(|(one, before)| one.generation(all) != *before) {
                let text = progress(&workloads.iter().collect::<Vec<_>>(), all);
                self.say(release, text, events);
                return Ok(());
            }
        }
    }

    /// Looks anew, after something was changed: what was seen before may look as if it were done.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn renew(&mut self, cluster: &Cluster, namespace: &str) -> Result<(), cluster::Error> {
        self.watch = cluster.watch(namespace);
        self.watch.next().await.map(drop)
    }

    /// Waits until all `workloads` of `release` are ready, for at most `deadline`.
    ///
    /// # Errors
    /// The cluster was lost.
    pub async fn wait(
        &mut self,
        release: &str,
        workloads: &[Workload],
        deadline: Duration,
        events: &Events,
    ) -> Result<Ended, cluster::Error> {
        let begun = Instant::now();
        let mut shown = Shown::new();
        loop {
            let snapshot = self.watch.current();
            let open: Vec<&Workload> = workloads.iter().filter(|one| !is_done(one, snapshot)).collect();
            if open.is_empty() {
                return Ok(Ended::Ready);
            }
            let text = progress(&open, snapshot);
            let verdict = self.verdict(&open, &mut shown, begun.elapsed() >= deadline);
            self.say(release, text, events);
            if let Some(verdict) = verdict {
                return Ok(Ended::Failed(Box::new(verdict)));
            }
            // What only time decides brings no change.
            if let Ok(next) = tokio::time::timeout(PACE, self.watch.next()).await {
                next?;
            }
        }
    }

    fn say(&mut self, release: &str, text: String, events: &Events) {
        if text != self.said {
            events.say(Event::Waiting { release: release.to_owned(), text: text.clone() });
            self.said = text;
        }
    }

    fn verdict(&self, open: &[&Workload], shown: &mut Shown, over: bool) -> Option<Verdict> {
        let snapshot = self.watch.current();
        let found: Vec<(&Workload, Cause)> =
            open.iter().filter_map(|one| Some((*one, cause::cause(one, snapshot, &self.before)?))).collect();
        let key =
            |one: &Workload, cause: &Cause| (one.name.clone(), cause.container.clone(), format!("{:?}", cause.blame));
        shown.retain(|known, _| found.iter().any(|(one, cause)| key(one, cause) == *known));
        for (one, cause) in &found {
            let since = *shown.entry(key(one, cause)).or_insert_with(Instant::now);
            if since.elapsed() >= cause.patience {
                return Some(Verdict {
                    workload: (*one).clone(),
                    cause: cause.clone(),
                    overdue: false,
                    log: Vec::new(),
                });
            }
        }
        let first = open.first().filter(|_| over)?;
        let cause = found.into_iter().next().map(|(_, cause)| cause);
        let cause = cause.unwrap_or_else(|| cause::overdue(first, snapshot, &self.before));
        Some(Verdict { workload: (*first).clone(), cause, overdue: true, log: Vec::new() })
    }
}

/// Adds to `verdict` what the guilty container wrote last, as far as that can be had.
pub async fn add_log(cluster: &Cluster, namespace: &str, verdict: &mut Verdict) {
    let Cause { pod: Some(pod), container: Some(container), ended, .. } = &verdict.cause else { return };
    let read = |previous| cluster.last_lines(namespace, pod, container, LINES, previous);
    let lines = match read(*ended).await {
        Ok(lines) if !lines.is_empty() => lines,
        // It may have ended for the first time, and no other has begun.
        _ => read(!*ended).await.unwrap_or_default(),
    };
    // Newer runtimes leave it to the container's own output why nothing of it ran.
    if let Some(line) = lines.iter().find(|line| verdict.cause.blame == Blame::Crash && line.contains(NO_PROGRAM)) {
        (verdict.cause.blame, verdict.cause.message) = (Blame::Architecture, line.clone());
    }
    verdict.log = lines;
}

fn is_done(workload: &Workload, all: &Snapshot) -> bool {
    workload.progress(all).is_some_and(|progress| progress.done)
}

fn progress(open: &[&Workload], all: &Snapshot) -> String {
    let one = |one: &&Workload| match one.progress(all) {
        Some(progress) => format!("{one} {} of {} ready", progress.ready, progress.wanted),
        None => format!("{one} is not there yet"),
    };
    open.iter().map(one).collect::<Vec<_>>().join(", ")
}
