//! Makes journeys: those of one file one after the other, files side by side.

use super::client::{Answer, NoAnswer, Request, ask};
use super::judge::{Mismatch, judge};
use super::plan::{Body, File, Header, Journey, Step};
use super::ready::{Ready, Service};
use super::report::StepFailure;
use super::template::only_place;
use super::values::{RESERVED, Values};
use crate::event::{Event, Events, Failure};
use crate::types::{Explained, Outcome};
use bytes::Bytes;
use futures_util::future::join_all;
use percent_encoding::utf8_percent_encode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why one try of a step did not pass.
pub(super) enum Fault {
    /// The answer is not as it must be.
    Unlike(Vec<Mismatch>, Answer),
    /// There is none, though the service is there; what is wrong.
    NoAnswer(String),
    /// Nothing has ever answered there; why.
    Unreachable(String),
}

/// A step, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) file: &'a File,
    pub(super) journey: &'a Journey,
    pub(super) step: &'a Step,
    /// Its number in the journey, from 1.
    pub(super) number: usize,
}

/// What was asked of whom.
pub(super) struct Asked {
    pub(super) request: String,
    pub(super) address: String,
}

impl Ready {
    /// Makes all journeys, says what comes of each, and how the run ends.
    pub async fn run(&self, events: &Events, cancel: &CancellationToken) -> Outcome {
        let files = join_all(self.files.iter().map(|file| self.file(file, events)));
        let outcomes = cancel.run_until_cancelled(files).await;
        outcomes.map_or(Outcome::Interrupted, Outcome::worst)
    }

    async fn file(&self, file: &File, events: &Events) -> Outcome {
        let mut outcomes = Vec::new();
        for (number, journey) in file.journeys.iter().enumerate() {
            let outcome = self.journey(file, journey, events).await;
            outcomes.push(outcome);
            // The others would find the same.
            if outcome == Outcome::Unreachable {
                let left = file.journeys.len() - number;
                let journeys = if left == 1 { "journey was" } else { "journeys were" };
                let text = format!("{}: {left} {journeys} not made", file.source.name);
                events.say(Event::Note { image: None, text });
                break;
            }
        }
        Outcome::worst(outcomes)
    }

    async fn journey(&self, file: &File, journey: &Journey, events: &Events) -> Outcome {
        let begun = Instant::now();
        let name = || journey.name.clone();
        let steps = journey.steps.len();
        events.say(Event::JourneyStarted { journey: name(), file: file.source.name.clone(), steps });
        let failed = self.steps(file, journey, events).await.err();
        let findings = failed.as_ref().map(|failure| failure.findings()).unwrap_or_default();
        let (passed, ms) = (failed.is_none(), milliseconds(begun));
        events.say(Event::JourneyFinished { journey: name(), passed, steps, findings, ms });
        let Some(failure) = failed else { return Outcome::Fine };
        if !self.missed_before(&failure) {
            events.say(Event::Failed(Failure::new(None, &*failure)));
        }
        failure.outcome()
    }

    /// Whether `failure` says no more than one that was said already.
    fn missed_before(&self, failure: &StepFailure) -> bool {
        let service = failure.missed().and_then(|name| self.services.get(name));
        service.is_some_and(|service| service.missed.swap(true, Ordering::Relaxed))
    }

    async fn steps(&self, file: &File, journey: &Journey, events: &Events) -> Result<(), Box<StepFailure>> {
        let mut values = Values::new(&self.env);
        for (step, number) in journey.steps.iter().zip(1..) {
            self.step(Stage { file, journey, step, number }, &mut values, events).await?;
        }
        Ok(())
    }

    /// Tries a step until it passes or its time is over.
    async fn step(&self, stage: Stage<'_>, values: &mut Values<'_>, events: &Events) -> Result<(), Box<StepFailure>> {
        let begun = Instant::now();
        let within = stage.step.within;
        let (mut tries, mut pause) = (1, SHORTEST_PAUSE);
        loop {
            let (asked, tried) = self.try_once(stage.step, values).await;
            match tried {
                Ok(answer) => {
                    events.say(self.passed(stage, &asked, &answer, tries, begun));
                    return Ok(());
                }
                Err(fault) if within.is_none_or(|within| begun.elapsed() + pause > within) => {
                    let tried = within.map(|_| (tries, begun.elapsed()));
                    return Err(Box::new(StepFailure::new(&self.mask, stage, &asked, fault, tried)));
                }
                Err(_) => sleep(pause).await,
            }
            tries += 1;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn passed(&self, stage: Stage<'_>, asked: &Asked, answer: &Answer, tries: usize, begun: Instant) -> Event {
        Event::StepPassed {
            journey: stage.journey.name.clone(),
            step: stage.number,
            name: stage.step.title.clone(),
            request: self.mask.hide(&asked.request),
            status: answer.status.as_u16(),
            tries,
            ms: milliseconds(begun),
        }
    }

    async fn try_once(&self, step: &Step, values: &mut Values<'_>) -> (Asked, Result<Answer, Fault>) {
        let Some(service) = step.service.as_ref().and_then(|name| self.services.get(name)) else {
            let asked = Asked { request: step.target.clone(), address: String::new() };
            return (asked, Err(Fault::Unreachable("no address is known".into())));
        };
        let request = request(step, service, values);
        let asked =
            Asked { request: format!("{} {}", request.method, request.url), address: service.address.to_string() };
        let answer = match ask(&service.address, request).await {
            Ok(answer) => answer,
            Err(no_answer) => return (asked, Err(fault(service, no_answer))),
        };
        service.answered.store(true, Ordering::Relaxed);
        match judge(step, &answer, values) {
            Ok(()) => (asked, Ok(answer)),
            Err(wrong) => (asked, Err(Fault::Unlike(wrong, answer))),
        }
    }
}

fn fault(service: &Service, no_answer: NoAnswer) -> Fault {
    match no_answer {
        NoAnswer::Unreached(why) if !service.answered.load(Ordering::Relaxed) => Fault::Unreachable(why),
        NoAnswer::Unreached(why) => Fault::NoAnswer(format!("{why}; it answered before")),
        NoAnswer::Broken(why) => Fault::NoAnswer(why),
    }
}

fn request(step: &Step, service: &Service, values: &Values<'_>) -> Request {
    let (body, content_type) = body(&step.body, values);
    let header = |header: &Header| (header.name.clone(), values.fill(&header.value));
    Request {
        method: step.method.clone(),
        url: url(step, service, values),
        headers: step.headers.iter().map(header).collect(),
        body,
        content_type,
        follow_redirects: step.follow_redirects,
        timeout: step.timeout,
    }
}

/// What is captured and stands alone is a path already, or the URL of something at this service.
fn url(step: &Step, service: &Service, values: &Values<'_>) -> String {
    if only_place(&step.target).is_none() {
        return service.address.at(&values.fill_url(&step.target));
    }
    let whole = values.fill(&step.target);
    match service.address.inside(&whole) {
        Some(_) => whole,
        None if whole.starts_with('/') => service.address.at(&whole),
        None => service.address.at(&format!("/{whole}")),
    }
}

fn body(body: &Body, values: &Values<'_>) -> (Bytes, Option<&'static str>) {
    match body {
        Body::None => (Bytes::new(), None),
        Body::Json(json) => (values.fill_json(json).to_string().into(), Some("application/json")),
        Body::Text(text) => (values.fill(text).into(), Some("text/plain; charset=utf-8")),
        Body::Form(form) => {
            let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
            let field =
                |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(&values.fill(value)));
            let fields: Vec<String> = form.iter().map(field).collect();
            (fields.join("&").into(), Some("application/x-www-form-urlencoded"))
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    since.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}
