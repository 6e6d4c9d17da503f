//! Measures an image under the limits of its pod: how long it takes to start, again and again; how fast
//! its probes answer; what it writes; how it ends while it is busy.

mod asks;
mod busy;
mod fate;
mod findings;
mod start;
mod written;

pub use fate::fate;

use super::setup::Setup;
use super::trial::Trial;
use super::{Error, Image, Options, needs, sweep};
use crate::engine::Engine;
use crate::event::{Event, Events};
use crate::project::ImagePlan;
use crate::types::{Answers, Measured, MemoryMeasured, ProbeMeasured, StopMeasured, WritesMeasured, format_duration};
use asks::{Ask, Asks};
use start::{Pass, Start, Started};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A start is waited for so many times longer than it may take: how much too long it takes is what is
/// asked for.
const PATIENCE: u32 = 3;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Measuring {
    /// How often it is started.
    pub starts: usize,
    /// The path of a request that takes a while, to be under way when it is asked to end.
    pub slow: Option<String>,
}

/// Measures `image` with `engine`; none if it does not become ready, which a smoke test explains. All
/// that was made is removed before this returns, also when it is cancelled.
///
/// # Errors
/// As those of [`super::smoke`].
pub async fn measure(
    engine: &Engine,
    image: Image<'_>,
    plan: &ImagePlan,
    (options, measuring): (&Options, &Measuring),
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Option<Measured>, Error> {
    let begun = Instant::now();
    let lost = |error| Error::engine(&plan.name, error);
    let settings = engine.image_settings(image.engine_id).await.map_err(lost)?;
    let mut patient = plan.clone();
    // A chart may say any number.
    patient.probe.deadline = patient.probe.deadline.saturating_mul(PATIENCE);
    let setup = Setup::new(image, &patient, options, settings)?;
    sweep::sweep(engine).await.map_err(lost)?;
    let mut trial = Trial::new(engine, &setup, events, cancel);
    let seen = all(&mut trial, measuring).await;
    let Some(seen) = trial.teardown(seen).await? else { return Ok(None) };
    let measured = seen.measured(&setup, begun.elapsed());
    events.say(Event::Measured(Box::new(measured.clone())));
    Ok(Some(measured))
}

/// All that was seen.
struct Seen {
    asks: Asks,
    starts: Vec<Option<Vec<Option<Pass>>>>,
    busy: Busy,
    writes: Option<WritesMeasured>,
}

/// What was seen of the last container.
struct Busy {
    rest: Vec<Answers>,
    load: Vec<Answers>,
    memory: MemoryMeasured,
    stop: StopMeasured,
}

async fn all(trial: &mut Trial<'_>, measuring: &Measuring) -> Result<Option<Seen>, Error> {
    trial.settle().await?;
    // What it needs is started once: a pod's database does not restart with it either.
    let Ok(_needs) = needs::start(trial).await? else { return Ok(None) };
    let asks = Asks::of(trial.setup);
    let mut starts = Vec::new();
    let mut busy = None;
    while starts.len() < measuring.starts || (busy.is_none() && starts.len() < 2 * measuring.starts) {
        let Some(started) = Started::begin(trial, &asks, |_| {}).await? else { return Ok(None) };
        let start = started.until_passed(trial, &asks).await?;
        say(trial, starts.len() + 1, measuring.starts, &start);
        let passed = start.passed();
        if passed.is_none() && starts.is_empty() {
            return Ok(None);
        }
        let is_last = starts.len() + 1 >= measuring.starts;
        if passed.is_some() && is_last {
            note(trial, "asking it at rest, then while it is busy, then to end".to_owned());
            busy = Some(busy::observe(trial, &started, &asks, measuring.slow.as_deref()).await?);
        }
        started.remove(trial).await?;
        starts.push(passed);
    }
    let Some(busy) = busy else { return Ok(None) };
    note(trial, "once more with a writable root, then with no more writable than it wrote to".to_owned());
    let writes = written::of(trial, &asks).await?;
    Ok(Some(Seen { asks, starts, busy, writes }))
}

fn say(trial: &Trial<'_>, number: usize, of: usize, start: &Start) {
    let text = match start {
        Start::Ready(passes) => format!("ready after {}", format_duration(ready(passes))),
        Start::Ended(after, code) => format!("exited with {code} after {}", format_duration(*after)),
        Start::Late => format!("not ready after {}", format_duration(trial.setup.plan.probe.deadline)),
    };
    note(trial, format!("start {number} of {}: {text}", of.max(number)));
}

/// Says what goes on.
fn note(trial: &Trial<'_>, text: String) {
    trial.events.say(Event::Note { image: Some(trial.setup.plan.name.clone()), text });
}

/// When the last of the probes passed.
fn ready(passes: &[Option<Pass>]) -> Duration {
    passes.iter().flatten().map(|pass| pass.after).max().unwrap_or_default()
}

impl Seen {
    fn measured(self, setup: &Setup<'_>, took: Duration) -> Measured {
        let starts = self.starts.iter().map(|start| start.as_deref().map(|passes| millis(ready(passes))));
        let (starts_ms, probes) = (starts.collect(), self.probes());
        let Busy { memory, stop, .. } = self.busy;
        let mut measured = Measured {
            image: setup.plan.name.clone(),
            id: setup.image.id.clone(),
            cpu: setup.plan.run.cpu,
            starts_ms,
            probes,
            memory,
            writes: self.writes,
            stop,
            findings: Vec::new(),
            passed: true,
            ms: millis(took),
        };
        measured.findings = super::report::ruled(findings::of(&measured, setup), setup);
        measured.passed = findings::pass(&measured.findings);
        measured
    }

    fn probes(&self) -> Vec<ProbeMeasured> {
        let passes =
            |ask: usize| -> Vec<Pass> { self.starts.iter().flatten().filter_map(|start| start[ask]).collect() };
        let begins = self.asks.startup().map(|(probe, ask)| (probe.period, passes(ask)));
        let one = |(name, probe, ask): &asks::Named| {
            let passes = passes(*ask);
            let verdict = probe.as_ref().filter(|_| *name != "readiness" && !passes.is_empty());
            let begins = begins.as_ref().filter(|_| *name == "liveness");
            let verdict =
                verdict.map(|probe| fate::of_all(probe, &passes, begins.map(|(period, at)| (*period, &at[..]))));
            let Ask { action, timeout, .. } = &self.asks.all[*ask];
            ProbeMeasured {
                probe: (*name).to_owned(),
                action: action.to_string(),
                passed_ms: passes.iter().map(|pass| millis(pass.after)).collect(),
                restarts: verdict.map(|(restarts, _)| restarts),
                budget_ms: verdict.map(|(_, (least, most))| (millis(least), millis(most))),
                rest: self.busy.rest[*ask].clone(),
                load: self.busy.load[*ask].clone(),
                timeout_ms: millis(*timeout),
            }
        };
        self.asks.named.iter().map(one).collect()
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
