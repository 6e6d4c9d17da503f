//! What has happened so far, as a screen needs it. Events go in, nothing comes out but what is
//! there to be read; times are since the start of the run, and given from outside.

use crate::cli::render::journeys::Journeys;
use crate::cli::render::{failure, text};
use crate::event::{Event, Failure, Step};
use crate::types::{ByteSize, Finding, ImageId, Outcome};
use std::collections::VecDeque;
use std::time::Duration;

/// How many lines of a step's log are kept.
const LOG: usize = 10;

/// The whole run.
#[derive(Debug, Default)]
pub struct Screen {
    /// The images, in the order they were first heard of.
    pub images: Vec<Block>,
    /// The journeys.
    pub journeys: Journeys,
    /// The releases that run, in the order they did.
    pub releases: Vec<Release>,
    /// What failed, in the order it did.
    pub failures: Vec<Failure>,
    /// How the run ended.
    pub finished: Option<(Outcome, u64)>,
}

/// One image.
#[derive(Debug, Default)]
pub struct Block {
    pub name: String,
    pub building: bool,
    /// How many steps the image has, as far as is known.
    pub steps: usize,
    /// The steps that run, oldest first.
    pub running: Vec<(Step, Duration)>,
    /// The last lines of the step that wrote last.
    pub log: VecDeque<String>,
    log_of: usize,
    pub built: Option<Built>,
    pub reading: Option<ByteSize>,
    pub verified: Option<Verified>,
    pub probing: Option<(Duration, String)>,
    /// Since when it has been asked to end, and by which signal.
    pub stopping: Option<(Duration, String)>,
    pub smoked: Option<Smoked>,
    pub nodes: Vec<Node>,
    pub failed: Option<String>,
}

/// A release that runs.
#[derive(Debug)]
pub struct Release {
    pub name: String,
    pub revision: u32,
    pub changed: bool,
    pub ms: u64,
}

#[derive(Debug)]
pub struct Built {
    pub id: ImageId,
    pub size: Option<ByteSize>,
    pub steps: usize,
    pub cached: usize,
    /// From how many files, if there was nothing to build.
    pub unchanged: Option<usize>,
    pub ms: u64,
}

#[derive(Debug)]
pub struct Verified {
    pub size: ByteSize,
    pub budget: Option<ByteSize>,
    pub user: String,
    pub findings: Vec<Finding>,
    pub passed: bool,
    pub ms: u64,
}

#[derive(Debug)]
pub struct Smoked {
    pub answer: String,
    pub ready_ms: u64,
    pub passed: bool,
    pub ms: u64,
}

/// An image on its way into a node, or there.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub since: Duration,
    /// When the last of it was said.
    pub last: Duration,
    pub done: ByteSize,
    pub total: ByteSize,
    /// How long it took, once it is there.
    pub loaded: Option<u64>,
}

impl Screen {
    /// Takes in `event`, which came `at` after the start.
    pub fn receive(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Failed(failure) => self.failed(failure),
            Event::Finished { outcome, ms, .. } => self.finished = Some((*outcome, *ms)),
            Event::Deployed { release, revision, changed, ms, .. } => {
                let (name, revision, changed, ms) = (release.clone(), *revision, *changed, *ms);
                self.releases.push(Release { name, revision, changed, ms });
            }
            _ => {
                self.journeys.receive(event, at);
                if let Some(image) = subject(event) {
                    self.block(image).receive(event, at);
                }
            }
        }
    }

    fn failed(&mut self, failure: &Failure) {
        if let Some(image) = &failure.image {
            let block = self.block(image);
            // Nothing of it goes on.
            (block.probing, block.stopping, block.reading) = (None, None, None);
            block.failed = Some(failure::shown(failure::message(failure)).into_owned());
            block.building = false;
            block.running.clear();
            block.log.clear();
            block.drop_refused_loads();
        }
        self.failures.push(failure.clone());
    }

    fn block(&mut self, image: &str) -> &mut Block {
        let index = self.images.iter().position(|block| block.name == image).unwrap_or_else(|| {
            self.images.push(Block { name: image.to_owned(), ..Block::default() });
            self.images.len() - 1
        });
        &mut self.images[index]
    }
}

/// The image that `event` is about, if it makes a block of its own.
pub fn subject(event: &Event) -> Option<&str> {
    match event {
        Event::BuildStarted { image, .. }
        | Event::StepsKnown { image, .. }
        | Event::StepStarted { image, .. }
        | Event::StepLog { image, .. }
        | Event::StepFinished { image, .. }
        | Event::Built { image, .. }
        | Event::UpToDate { image, .. }
        | Event::Reading { image, .. }
        | Event::Verified { image, .. }
        | Event::SmokeStarted { image }
        | Event::Probing { image, .. }
        | Event::Stopping { image, .. }
        | Event::Smoked { image, .. }
        | Event::Loading { image, .. }
        | Event::Loaded { image, .. } => Some(image),
        Event::Measured(measured) => Some(&measured.image),
        Event::JourneyStarted { .. } | Event::StepPassed { .. } | Event::JourneyFinished { .. } => None,
        Event::ReleaseStarted { .. } | Event::Waiting { .. } | Event::Deployed { .. } => None,
        Event::StepRan { .. } | Event::BuildWarning { .. } | Event::Reached { .. } | Event::Note { .. } => None,
        Event::Failed(_) | Event::Finished { .. } => None,
    }
}

impl Block {
    fn receive(&mut self, event: &Event, at: Duration) {
        match event {
            Event::BuildStarted { .. } => self.building = true,
            Event::StepsKnown { steps, .. } => self.steps = self.steps.max(*steps),
            Event::StepStarted { step, .. } => self.step_started(step, at),
            Event::StepLog { step, text, .. } => self.step_log(step, text),
            Event::StepFinished { step, .. } => self.step_finished(step),
            Event::Reading { done, .. } => self.reading = Some(*done),
            Event::SmokeStarted { .. } => self.probing = Some((at, "starting".into())),
            Event::Stopping { signal, .. } => {
                self.probing = None;
                self.stopping = Some((at, signal.clone()));
            }
            Event::Probing { request, answer, .. } => {
                let since = self.probing.as_ref().map_or(at, |(since, _)| *since);
                self.probing = Some((since, format!("{request} → {}", text::plain(answer))));
            }
            Event::Loading { node, done, total, .. } => {
                let node = self.node(node, at);
                (node.last, node.done, node.total) = (at, *done, *total);
            }
            Event::Loaded { node, sent, ms, .. } => {
                let node = self.node(node, at);
                (node.done, node.loaded) = (*sent, Some(*ms));
            }
            _ => self.result(event),
        }
        self.drop_refused_loads();
    }

    /// An image that goes no further gets to no node, whatever is on its way.
    fn drop_refused_loads(&mut self) {
        let refused = self.failed.is_some()
            || self.verified.as_ref().is_some_and(|verified| !verified.passed)
            || self.smoked.as_ref().is_some_and(|smoked| !smoked.passed);
        self.nodes.retain(|node| !refused || node.loaded.is_some());
    }

    fn result(&mut self, event: &Event) {
        match event {
            Event::Built { id, size, steps, cached, ms, .. } => {
                self.building = false;
                self.running.clear();
                let id = id.clone();
                self.built = Some(Built { id, size: *size, steps: *steps, cached: *cached, unchanged: None, ms: *ms });
            }
            Event::UpToDate { id, files, ms, .. } => {
                let (id, unchanged) = (id.clone(), Some(*files));
                self.built = Some(Built { id, size: None, steps: 0, cached: 0, unchanged, ms: *ms });
            }
            Event::Verified { size, budget, user, findings, passed, ms, .. } => {
                let (user, findings) = (user.clone(), findings.clone());
                self.reading = None;
                self.verified =
                    Some(Verified { size: *size, budget: *budget, user, findings, passed: *passed, ms: *ms });
            }
            Event::Smoked { answer, ready_ms, passed, ms, .. } => {
                let answer = answer.clone();
                self.probing = None;
                self.stopping = None;
                self.smoked = Some(Smoked { answer, ready_ms: *ready_ms, passed: *passed, ms: *ms });
            }
            Event::Measured(measured) => {
                let answer = format!("measured, {} starts", measured.starts_ms.len());
                let ready_ms = measured.starts_ms.iter().copied().flatten().max().unwrap_or_default();
                self.probing = None;
                self.smoked = Some(Smoked { answer, ready_ms, passed: measured.passed, ms: measured.ms });
            }
            _ => {}
        }
    }

    fn step_started(&mut self, step: &Step, at: Duration) {
        self.steps = self.steps.max(step.number);
        self.running.push((step.clone(), at));
    }

    fn step_log(&mut self, step: &Step, line: &str) {
        if self.log_of != step.number {
            self.log_of = step.number;
            self.log.clear();
        }
        let line = text::plain(line);
        if line.trim().is_empty() {
            return;
        }
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    fn step_finished(&mut self, step: &Step) {
        self.running.retain(|(running, _)| running.number != step.number);
        if self.log_of == step.number {
            self.log.clear();
        }
    }

    fn node(&mut self, name: &str, at: Duration) -> &mut Node {
        let index = self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            let (done, total) = (ByteSize(0), ByteSize(0));
            self.nodes.push(Node { name: name.to_owned(), since: at, last: at, done, total, loaded: None });
            self.nodes.len() - 1
        });
        &mut self.nodes[index]
    }

    /// Whether no check of it goes on.
    pub fn is_checked(&self) -> bool {
        self.reading.is_none() && self.probing.is_none() && self.stopping.is_none()
    }

    /// All that this image took.
    pub fn ms(&self) -> u64 {
        let longest = self.nodes.iter().filter_map(|node| node.loaded).max().unwrap_or(0);
        let built = self.built.as_ref().map_or(0, |built| built.ms);
        let checked = self.verified.as_ref().map_or(0, |verified| verified.ms);
        let smoked = self.smoked.as_ref().map_or(0, |smoked| smoked.ms);
        // Verify and smoke run side by side.
        built + checked.max(smoked) + longest
    }
}
