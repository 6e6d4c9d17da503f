//! Lines for a log: when something starts, ends or fails, and every ten seconds in between.

use crate::cli::render::state::{self, Block, Screen};
use crate::cli::render::{failure, journeys, live, text};
use crate::cli::terminal::Paint;
use crate::event::{Event, Step};
use crate::types::format_duration;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a line may be missing.
const SILENCE: Duration = Duration::from_secs(10);

/// What has been said, as far as it matters for what is said next.
#[derive(Debug, Default)]
pub struct Plain {
    /// When the last line of each image, or journey, came.
    last: BTreeMap<String, Duration>,
}

impl Plain {
    /// The lines that `event` is worth, which came `at` after the start.
    pub fn receive(&mut self, event: &Event, at: Duration, paint: Paint) -> Vec<String> {
        let lines = match event {
            Event::Failed(failed) => failure::prefixed(failed, paint),
            _ => said(event, paint),
        };
        if let Some(image) = state::subject(event).filter(|_| !lines.is_empty()) {
            self.last.insert(image.to_owned(), at);
        }
        lines
    }

    /// The lines that `screen` is worth at `now`: of each image and journey that was silent for long.
    pub fn tick(&mut self, screen: &Screen, now: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        for block in &screen.images {
            let last = self.last.entry(block.name.clone()).or_insert(now);
            if now.saturating_sub(*last) >= SILENCE {
                *last = now;
                lines.extend(still(block, now));
            }
        }
        for journey in &screen.journeys.running {
            let last = self.last.entry(journey.name.clone()).or_insert(now);
            if now.saturating_sub(*last) >= SILENCE {
                *last = now;
                lines.push(format!("{}: {}", journey.name, journey.progress(now)));
            }
        }
        lines
    }
}

fn still(block: &Block, now: Duration) -> Vec<String> {
    let since = |since: &Duration| format_duration(now.saturating_sub(*since));
    let mut lines = Vec::new();
    for (step, began) in &block.running {
        lines.push(format!("{} still runs, {}", text::step_and_line(step), since(began)));
    }
    if let Some(done) = block.reading {
        lines.push(format!("reading, {} so far", text::size(done)));
    }
    if let Some((began, request)) = &block.probing {
        lines.push(format!("not ready after {}: {request}", since(began)));
    }
    if let Some((began, signal)) = &block.stopping {
        lines.push(format!("ready; has not ended {} after {signal}", since(began)));
    }
    for node in block.nodes.iter().filter(|node| node.loaded.is_none()) {
        lines.push(format!("{} of what {} lacks is sent", text::part_of(node.done, node.total), node.name));
    }
    lines.into_iter().map(|line| format!("{}: {line}", block.name)).collect()
}

fn said(event: &Event, paint: Paint) -> Vec<String> {
    let (image, text) = match event {
        Event::BuildStarted { image, engine } => (image, format!("building with engine {engine}")),
        // What the builder does around the Dockerfile is worth a line only if it took long.
        Event::StepFinished { step, cached: false, ms: 0..1_000, error: None, .. } if !instruction(step) => {
            return Vec::new();
        }
        // What the builder does on its own account is worth a line only when it takes time.
        Event::StepFinished { step: Step { line: None, .. }, ms: ..1_000, error: None, .. } => return Vec::new(),
        Event::StepFinished { image, step, cached: false, ms, error } => {
            let how = if error.is_some() { "failed after" } else { "ran" };
            (image, format!("{} {how} {}", text::step_and_line(step), text::ms(*ms)))
        }
        Event::StepRan { image, step, because, .. } => match text::causes(because) {
            // That it follows from another step tells nothing that is not said of that.
            causes if causes.is_empty() => return Vec::new(),
            causes => (image, format!("{} ran because {causes}", text::step_and_line(step))),
        },
        Event::BuildWarning { image, text, line } => {
            let line = line.map_or_else(String::new, |line| format!(" (line {line})"));
            (image, format!("{} {}{line}", paint.warn("warning:"), text::plain(text)))
        }
        Event::Note { image: Some(image), text } => (image, text.clone()),
        Event::Note { image: None, text } => return vec![text.clone()],
        Event::SmokeStarted { image } => (image, "smoking".into()),
        Event::Loaded { image, node, sent, how, ms, .. } => {
            (image, format!("{node}: {} in {} ({how})", live::sent(*sent), text::ms(*ms)))
        }
        Event::ReleaseStarted { release, namespace, image } => {
            let with = image.as_ref().map_or_else(String::new, |image| format!(" with {image}"));
            (release, format!("installing into {namespace}{with}"))
        }
        Event::Waiting { release, text } => (release, text.clone()),
        Event::Deployed { release, revision, changed: false, ms, .. } => {
            (release, format!("revision {revision} runs, and nothing of it would change, asked in {}", text::ms(*ms)))
        }
        Event::Deployed { release, revision, workloads, ms, .. } => {
            let workloads = if workloads.is_empty() { "nothing to wait for".to_owned() } else { workloads.join(", ") };
            (release, format!("revision {revision} runs in {}: {workloads}", text::ms(*ms)))
        }
        Event::JourneyFinished { .. } => return journeys::line(event, paint).into_iter().collect(),
        _ => return result(event, paint).into_iter().collect(),
    };
    vec![format!("{image}: {text}")]
}

fn instruction(step: &Step) -> bool {
    step.line.is_some() && !step.name.starts_with("FROM ")
}

fn result(event: &Event, paint: Paint) -> Option<String> {
    let (image, text) = match event {
        Event::Built { image, id, size, steps, cached, ms, .. } => {
            let size = size.map_or_else(String::new, |size| format!(" {}", text::size(size)));
            let steps = format!("{cached} of {} cached", text::count(*steps, "step"));
            (image, format!("built {}{size} in {}, {steps}", text::short(id), text::ms(*ms)))
        }
        Event::UpToDate { image, id, files, ms } => {
            let from = format!("built from the same {}", text::count(*files, "file"));
            (image, format!("nothing to build: {} was {from}, checked in {}", text::short(id), text::ms(*ms)))
        }
        Event::Verified { image, size, budget, user, findings, passed, .. } => {
            let found = text::findings(findings).map_or_else(String::new, |findings| format!(": {findings}"));
            let size = text::size_and_budget(*size, *budget);
            (image, format!("{} {size}, user {user}{found}", verdict(*passed, "verified", paint)))
        }
        Event::Smoked { image, answer, ready_ms, passed, .. } => {
            let verdict = verdict(*passed, "smoked", paint);
            let ready = if *passed { format!(" in {}", text::ms(*ready_ms)) } else { String::new() };
            (image, format!("{verdict} {answer}{ready}"))
        }
        Event::Measured(measured) => {
            let starts = text::count(measured.starts_ms.len(), "start");
            (&measured.image, format!("{} in {starts}", verdict(measured.passed, "measured", paint)))
        }
        _ => return None,
    };
    Some(format!("{image}: {text}"))
}

fn verdict(passed: bool, what: &str, paint: Paint) -> String {
    if passed { what.to_owned() } else { paint.bad(&format!("not {what}:")) }
}
