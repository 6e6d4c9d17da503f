//! A step that failed, told so that nobody has to look for the cause: where it is written, what was
//! asked, what was expected and found, and how the answer begins.

use super::client::Answer;
use super::judge::{Mismatch, named};
use super::mask::Mask;
use super::run::{Asked, Fault, Stage};
use super::text::{cut, first_lines};
use crate::project::Snippet;
use crate::types::{Explained, Finding, Outcome, Place, Severity, format_duration};
use http::header::CONTENT_TYPE;
use std::time::Duration;

/// How many lines of an answer are shown, and how much of each.
const LINES: usize = 6;
const WIDTH: usize = 160;

/// Why a journey ended.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct StepFailure {
    message: String,
    outcome: Outcome,
    service: Option<String>,
    /// Where the first expectation that does not hold is written.
    at: Option<Snippet>,
    /// The snippet as it is shown, then what was asked and how often.
    before: Vec<(String, String)>,
    mismatches: Vec<Mismatch>,
    answer: Option<String>,
    hint: Option<String>,
}

impl StepFailure {
    /// `tried` says how often and how long, if the step has a time to pass in.
    pub(super) fn new(
        mask: &Mask,
        stage: Stage<'_>,
        asked: &Asked,
        fault: Fault,
        tried: Option<(usize, Duration)>,
    ) -> Self {
        let (message, outcome, mismatches, answer) = told(stage, asked, fault);
        let mismatches: Vec<Mismatch> = mismatches.into_iter().map(|one| masked(one, mask)).collect();
        let key = mismatches.first().map_or("", |first| first.key.as_str());
        let at = stage.file.snippet(&stage.step.path, key);
        let mut before: Vec<_> = at.iter().map(|snippet| (String::new(), mask.hide(&snippet.to_string()))).collect();
        before.push(("request".to_owned(), mask.hide(&asked.request)));
        before.extend(tried.map(|(times, took)| {
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            ("tried".to_owned(), format!("{times} in {}", format_duration(took)))
        }));
        let hint = match outcome {
            Outcome::Unreachable => Some(format!("see that it runs, and where: `curl -i {}/`", asked.address)),
            _ => mismatches.iter().find_map(|one| one.hint.clone()),
        };
        let answer = answer.map(|answer| shown(&answer, mask, &mismatches));
        let service = stage.step.service.clone();
        Self { message: mask.hide(&message), outcome, service, at, before, mismatches, answer, hint }
    }

    /// The service, if nothing answers there.
    pub(super) fn missed(&self) -> Option<&str> {
        self.service.as_deref().filter(|_| self.outcome == Outcome::Unreachable)
    }

    /// The same as findings, for programs.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let (last, mut details) = (self.answer.iter(), Vec::new());
        details.extend(self.before.iter().skip(self.at.iter().len()).map(|(name, text)| format!("{name}: {text}")));
        details.extend(last.map(|answer| format!("answer: {answer}")));
        let place = self.at.as_ref().map(|at| Place { file: at.file.clone(), line: u32::try_from(at.line).ok() });
        let finding = |one: &Mismatch| Finding {
            rule: one.rule.to_owned(),
            severity: Severity::Error,
            place: place.clone(),
            expected: one.expected.clone(),
            found: one.found.clone(),
            details: details.clone(),
            hint: one.hint.clone(),
        };
        self.mismatches.iter().map(finding).collect()
    }
}

impl Explained for StepFailure {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn details(&self) -> Vec<(String, String)> {
        let mut details = self.before.clone();
        for one in &self.mismatches {
            details.push(("expected".to_owned(), one.expected.clone()));
            details.push(("found".to_owned(), one.found.clone()));
        }
        details.extend(self.answer.iter().map(|answer| ("answer".to_owned(), answer.clone())));
        details
    }
}

type Told = (String, Outcome, Vec<Mismatch>, Option<Answer>);

fn told(stage: Stage<'_>, asked: &Asked, fault: Fault) -> Told {
    let Stage { journey, step, number, .. } = stage;
    let failed = || {
        let (name, all) = (&journey.name, journey.steps.len());
        format!("the journey `{name}` failed at step {number} of {all}: {}", step.title)
    };
    let no_answer = |why| vec![Mismatch::new("", "answer", "an answer".to_owned(), why)];
    match fault {
        Fault::Unlike(wrong, answer) => (failed(), Outcome::Findings, wrong, Some(answer)),
        Fault::NoAnswer(why) => (failed(), Outcome::Findings, no_answer(why), None),
        Fault::Unreachable(why) => {
            (format!("nothing answers at {}", asked.address), Outcome::Unreachable, no_answer(why), None)
        }
    }
}

/// Hidden before anything is cut: of a part nobody could tell what it is a part of.
fn masked(one: Mismatch, mask: &Mask) -> Mismatch {
    let said = |text: &str| cut(&mask.hide(text), WIDTH);
    Mismatch { expected: said(&one.expected), found: said(&one.found), hint: one.hint.as_deref().map(said), ..one }
}

/// The status, unless it was said already, the kind of the body, and its first lines.
fn shown(answer: &Answer, mask: &Mask, mismatches: &[Mismatch]) -> String {
    let status = named(answer.status);
    let said = mismatches.iter().any(|one| one.found == status);
    let kind = answer.headers.get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    let body = mask.hide(&String::from_utf8_lossy(&answer.body));
    let mut lines = first_lines(&body, LINES, WIDTH);
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    let head: Vec<String> = (!said).then_some(status).into_iter().chain(kind.map(|kind| mask.hide(&kind))).collect();
    let head = (!head.is_empty()).then(|| head.join(", "));
    head.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}
