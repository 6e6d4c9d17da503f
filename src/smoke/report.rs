//! What came of a smoke test.

use super::fault::{Fault, seconds};
use super::probe::Answer;
use super::setup::Setup;
use super::stop::{Stopped, warning};
use super::trial::Ready;
use crate::event::Event;
use crate::types::{Explained, Finding, ImageId, Outcome, Severity};
use std::time::Duration;

/// What came of a smoke test.
#[derive(Clone, Debug)]
pub struct Report {
    /// The image in the plan.
    pub image: String,
    /// Its id.
    pub id: ImageId,
    /// No finding is an error.
    pub passed: bool,
    /// The answer that made it ready, such as `200`; the last one if none did.
    pub answer: String,
    /// From the start of the container to the first answer that passed.
    pub ready: Duration,
    /// From the stop signal to the end of the container.
    pub stop: Duration,
    /// All findings.
    pub findings: Vec<Finding>,
    /// Why it did not become ready, if it did not; the same as its finding, for people.
    pub failure: Option<NotReady>,
    /// How long all of it took.
    pub took: Duration,
}

/// Why an image did not become ready.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{image}: {cause}")]
pub struct NotReady {
    image: String,
    cause: String,
    details: Vec<(String, String)>,
    hint: Option<String>,
}

impl Explained for NotReady {
    fn outcome(&self) -> Outcome {
        Outcome::Findings
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn details(&self) -> Vec<(String, String)> {
        self.details.clone()
    }
}

impl Report {
    pub(super) fn ready(setup: &Setup<'_>, ready: &Ready, stopped: &Stopped, took: Duration) -> Self {
        let mut findings: Vec<Finding> = elsewhere(setup, &ready.answer).into_iter().collect();
        findings.extend(stopped.finding(setup));
        let findings = ruled(findings, setup);
        Self {
            image: setup.plan.name.clone(),
            id: setup.image.id.clone(),
            passed: !findings.iter().any(|finding| finding.severity == Severity::Error),
            answer: status(&ready.answer),
            ready: ready.after,
            stop: stopped.after,
            findings,
            failure: None,
            took,
        }
    }

    pub(super) fn not_ready(setup: &Setup<'_>, fault: Fault, took: Duration) -> Self {
        let finding = Finding {
            rule: "probe.ready".into(),
            severity: Severity::Error,
            place: None,
            expected: expected(setup),
            found: fault.cause.clone(),
            details: fault.details.iter().map(|(name, text)| format!("{name}: {text}")).collect(),
            hint: fault.hint.clone(),
        };
        let image = setup.plan.name.clone();
        Self {
            image: image.clone(),
            id: setup.image.id.clone(),
            passed: false,
            answer: fault.cause.clone(),
            ready: Duration::ZERO,
            stop: Duration::ZERO,
            findings: vec![finding],
            failure: Some(NotReady { image, cause: fault.cause, details: fault.details, hint: fault.hint }),
            took,
        }
    }

    /// The event that says it.
    pub(super) fn event(&self) -> Event {
        Event::Smoked {
            image: self.image.clone(),
            id: self.id.clone(),
            answer: self.answer.clone(),
            ready_ms: self.ready.as_millis() as u64,
            stop_ms: self.stop.as_millis() as u64,
            findings: self.findings.clone(),
            passed: self.passed,
            ms: self.took.as_millis() as u64,
        }
    }
}

/// What the probe wants, in words.
fn expected(setup: &Setup<'_>) -> String {
    let probe = &setup.plan.probe;
    let status = probe.status.map_or_else(|| "200 to 399".to_owned(), |status| status.to_string());
    let contains = probe.contains.as_ref().map(|text| format!(" with {text:?} in its body")).unwrap_or_default();
    format!("{} answers {status}{contains} within {}", setup.request(), seconds(probe.deadline))
}

fn status(answer: &Answer) -> String {
    match answer {
        Answer::Http { status, .. } => status.to_string(),
        _ => String::new(),
    }
}

/// The kubelet takes a redirect to another host for success, and warns.
fn elsewhere(setup: &Setup<'_>, answer: &Answer) -> Option<Finding> {
    let Answer::Http { elsewhere: Some(to), .. } = answer else { return None };
    let request = setup.request();
    let found = format!("{request} redirects to `{to}`, which no probe follows");
    let hint = "probe a path that the application answers itself".to_owned();
    Some(warning("probe.redirect", format!("{request} is answered by the container"), found, hint))
}

/// The settings may raise, lower or drop a finding.
pub(super) fn ruled(findings: Vec<Finding>, setup: &Setup<'_>) -> Vec<Finding> {
    let ruled = |mut finding: Finding| {
        if let Some(severity) = setup.options.rules.get(&finding.rule) {
            finding.severity = (*severity)?;
        }
        Some(finding)
    };
    findings.into_iter().filter_map(ruled).collect()
}
