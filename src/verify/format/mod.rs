//! Verdicts as text for a person, as JSON, as SARIF, as JUnit, as Markdown and as annotations for GitHub. Pure: what is printed
//! where is the caller's. What comes out of an image cannot steer a terminal or GitHub: control
//! characters are escaped.

mod junit;
mod markdown;
mod sarif;

pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;

use crate::event::Failure;
use crate::types::{ByteSize, Finding, Severity, visible};
use crate::verify::{Accepted, Verdict};
use serde::Serialize;
use std::fmt::Write;

/// What became of one image.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The image: its name in the plan, or what was asked for.
    pub image: String,
    /// What was found.
    #[serde(flatten)]
    pub result: Result,
    /// What `docker images` shows for it, in bytes, where an engine was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_size: Option<ByteSize>,
    /// How long it took to build, where that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildTime>,
}

/// How long builds of an image took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BuildTime {
    /// The last one.
    pub ms: u64,
    /// The one that made the image before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_ms: Option<u64>,
}

/// A verdict, or why there is none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result {
    /// It was checked.
    Verdict(Box<Verdict>),
    /// It could not be checked.
    Failure(Failure),
}

/// Text for a person; ends with a line that sums up.
pub fn text(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        match &report.result {
            Result::Verdict(verdict) => verdict_text(&mut text, &report.image, verdict),
            // Why is an error, and errors are not data: the caller says them elsewhere.
            Result::Failure(_) => line(&mut text, &format!("{}: could not be checked", visible(&report.image))),
        }
    }
    wrapped(&mut text, &summary(reports));
    text
}

/// One JSON document: `images`, each with a `verdict` or a `failure`, and `passed`.
pub fn json(reports: &[Report]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        images: &'a [Report],
        passed: bool,
    }
    let passed = reports.iter().all(|report| matches!(&report.result, Result::Verdict(verdict) if verdict.passed));
    let document = Document { version: 1, images: reports, passed };
    // Strings, numbers and lists: nothing that JSON cannot hold.
    serde_json::to_string_pretty(&document).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Workflow commands for GitHub, one line a finding.
pub fn github(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        match &report.result {
            Result::Verdict(verdict) => {
                verdict.findings.iter().for_each(|finding| annotation(&mut text, &report.image, finding));
                for one in &verdict.not_checked {
                    let title = property(&format!("{} not checked", one.rule));
                    line(&mut text, &format!("::notice title={title}::{}: {}", data(&report.image), data(&one.why)));
                }
            }
            Result::Failure(failure) => {
                let message = data(&format!("{}: {}", report.image, whole(failure)));
                line(&mut text, &format!("::error title=could not check::{message}"));
            }
        }
    }
    text
}

fn verdict_text(text: &mut String, image: &str, verdict: &Verdict) {
    line(text, &format!("{} sha256:{}…", visible(image), verdict.id.short()));
    let size = match verdict.budget {
        Some(budget) => format!("{}, under {budget}", verdict.size),
        None => format!("{}, no budget", verdict.size),
    };
    let over = verdict.findings.iter().any(|finding| finding.rule == "size.budget");
    let size = if over || verdict.budget.is_some_and(|budget| verdict.size >= budget) {
        verdict.size.to_string()
    } else {
        size
    };
    line(text, &format!("  {size}; user {}", if verdict.user.is_empty() { "0" } else { &verdict.user }));
    if let Some(base) = &verdict.stand_in {
        line(text, &format!("  base: stand-in ({})", visible(base)));
    }
    verdict.findings.iter().for_each(|finding| finding_text(text, finding));
    verdict.accepted.iter().for_each(|one| accepted_text(text, one));
    for one in &verdict.not_checked {
        line(text, &format!("  not checked: {} ({})", one.rule, visible(&one.why)));
    }
}

fn accepted_text(text: &mut String, Accepted { by, what }: &Accepted) {
    let what = if what.is_empty() { String::new() } else { format!(" {}", visible(&what.join(", "))) };
    wrapped(text, &format!("  allowed {:<14}{what} until {}: {}", by.rule, by.until, visible(&by.reason)));
}

fn finding_text(text: &mut String, finding: &Finding) {
    let Finding { rule, severity, place, expected, found, details, hint } = finding;
    wrapped(text, &format!("  {severity:<6} {rule:<15} {}; wanted: {}", visible(found), visible(expected)));
    if let Some(place) = place {
        line(text, &format!("         at {}", visible(&place.to_string())));
    }
    details.iter().for_each(|detail| line(text, &format!("         {}", visible(detail))));
    if let Some(hint) = hint {
        wrapped(text, &format!("         hint: {}", visible(hint)));
    }
}

/// Lines of up to 79 characters, broken at blanks; those that follow the first are indented.
fn wrapped(text: &mut String, whole: &str) {
    const WIDTH: usize = 79;
    const INDENT: &str = "         ";
    let start = whole.len() - whole.trim_start().len();
    let mut current = whole[..start].to_owned();
    for word in whole[start..].split_inclusive(' ') {
        let is_full = current.chars().count() + word.trim_end().chars().count() > WIDTH;
        if is_full && !current.trim().is_empty() {
            line(text, &current);
            current = INDENT.to_owned();
        }
        current.push_str(word);
    }
    line(text, &current);
}

fn summary(reports: &[Report]) -> String {
    let findings = |severity| {
        let verdicts = reports.iter().filter_map(Report::verdict);
        verdicts.flat_map(|verdict| &verdict.findings).filter(|finding| finding.severity == severity).count()
    };
    let (errors, warnings) = (findings(Severity::Error), findings(Severity::Warn));
    let with = |verdict: &&Verdict| verdict.findings.iter().any(|finding| finding.severity > Severity::Info);
    let images = reports.iter().filter_map(Report::verdict).filter(with).count();
    let failed = reports.iter().filter(|report| report.verdict().is_none()).count();
    let checked = count(reports.len() - failed, "image");
    let mut parts = match (images, failed == reports.len()) {
        (_, true) => Vec::new(),
        (0, false) => vec![format!("nothing found in {checked}")],
        _ => vec![format!("{}, {} in {images} of {checked}", count(errors, "error"), count(warnings, "warning"))],
    };
    if failed > 0 {
        parts.push(format!("{failed} of {} could not be checked", count(reports.len(), "image")));
    }
    let shown =
        reports.iter().filter_map(|report| Some(format!("{} for {}", report.engine_size?, visible(&report.image))));
    let shown: Vec<String> = shown.collect();
    if !shown.is_empty() {
        parts.push(format!("`docker images` shows {} (it counts what the store keeps)", shown.join(", ")));
    }
    parts.join("; ")
}

impl Report {
    fn verdict(&self) -> Option<&Verdict> {
        match &self.result {
            Result::Verdict(verdict) => Some(verdict),
            Result::Failure(_) => None,
        }
    }
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn annotation(text: &mut String, image: &str, finding: &Finding) {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        properties.push(format!("file={}", property(&place.file)));
        properties.extend(place.line.map(|line| format!("line={line}")));
    }
    properties.push(format!("title={}", property(&format!("{} ({image})", finding.rule))));
    let told = data(&told("", finding, None));
    line(text, &format!("::{command} {}::{told}", properties.join(",")));
}

/// What failed and why, from the outermost cause to the innermost.
fn whole(failure: &Failure) -> String {
    let all: Vec<&str> = std::iter::once(&failure.message).chain(&failure.causes).map(String::as_str).collect();
    all.join(": ")
}

/// All of a finding, a line each: what is found and wanted behind `before`, `place`, details, the hint.
fn told(before: &str, Finding { found, expected, details, hint, .. }: &Finding, place: Option<String>) -> String {
    let head = format!("{before}{found}; wanted: {expected}");
    let hint = hint.as_ref().map(|hint| format!("hint: {hint}"));
    let lines = std::iter::once(head).chain(place).chain(details.iter().cloned()).chain(hint);
    lines.collect::<Vec<_>>().join("\n")
}

/// As GitHub's own toolkit escapes the text of a command (`escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As GitHub's own toolkit escapes a property of a command (`escapeProperty`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn line(text: &mut String, line: &str) {
    // Writing into a String cannot fail.
    writeln!(text, "{}", line.trim_end()).ok();
}
