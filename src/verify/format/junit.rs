//! JUnit's XML, which CI services show as tests: a suite an image, a case a rule.

use super::{Report, Result, told, whole};
use crate::event::Failure;
use crate::types::{Finding, Severity};
use crate::verify::{RULES, Verdict};
use std::fmt::Write;

/// All reports. Errors fail their case; what is only said stands in a case that passes.
pub fn junit(reports: &[Report]) -> String {
    let suites: Vec<Suite> = reports.iter().map(suite).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = counts(sum(|one| one.cases.len()), sum(Suite::failures), sum(Suite::errors), sum(Suite::skipped));
    // Writing into a String cannot fail.
    writeln!(text, "<testsuites name=\"loadline verify\" {counts}>").ok();
    suites.iter().for_each(|suite| suite.write(&mut text));
    text.push_str("</testsuites>\n");
    text
}

fn counts(tests: usize, failures: usize, errors: usize, skipped: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
}

struct Suite {
    image: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    became: Became,
    said: Vec<String>,
}

enum Became {
    Passed,
    Failed(String),
    /// It could not be looked at.
    Error(String),
    Skipped(String),
}

fn suite(report: &Report) -> Suite {
    let cases = match &report.result {
        Result::Verdict(verdict) => RULES.iter().map(|rule| case(rule.id, verdict)).collect(),
        Result::Failure(failure) => vec![unread(failure)],
    };
    Suite { image: report.image.clone(), cases }
}

fn unread(failure: &Failure) -> Case {
    Case { name: "read".into(), became: Became::Error(whole(failure)), said: Vec::new() }
}

fn case(rule: &str, verdict: &Verdict) -> Case {
    let its: Vec<&Finding> = verdict.findings.iter().filter(|finding| finding.rule == rule).collect();
    let failing = |severity| its.iter().filter(move |finding| finding.severity == severity);
    let errors: Vec<String> = failing(Severity::Error).map(|finding| case_told(finding)).collect();
    let blind = verdict.not_checked.iter().find(|one| one.rule == rule);
    let became = match (errors.is_empty(), blind) {
        (false, _) => Became::Failed(errors.join("\n")),
        (true, Some(one)) if one.severity == Severity::Error => Became::Error(one.why.clone()),
        (true, Some(one)) => Became::Skipped(one.why.clone()),
        (true, None) => Became::Passed,
    };
    let accepted = verdict.accepted.iter().filter(|one| one.by.rule == rule);
    let accepted =
        accepted.map(|one| format!("accepted until {}: {} {}", one.by.until, one.by.reason, one.what.join(", ")));
    let warned = [Severity::Warn, Severity::Info].into_iter().flat_map(failing).map(|finding| case_told(finding));
    Case { name: rule.to_owned(), became, said: warned.chain(accepted).collect() }
}

fn case_told(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(|place| format!("at {place}"));
    told(&format!("{}: ", finding.severity), finding, place)
}

impl Suite {
    fn count(&self, is_it: impl Fn(&Became) -> bool) -> usize {
        self.cases.iter().filter(|case| is_it(&case.became)).count()
    }

    fn failures(&self) -> usize {
        self.count(|became| matches!(became, Became::Failed(_)))
    }

    fn errors(&self) -> usize {
        self.count(|became| matches!(became, Became::Error(_)))
    }

    fn skipped(&self) -> usize {
        self.count(|became| matches!(became, Became::Skipped(_)))
    }

    fn write(&self, text: &mut String) {
        let (name, counts) =
            (xml(&self.image), counts(self.cases.len(), self.failures(), self.errors(), self.skipped()));
        writeln!(text, "  <testsuite name=\"{name}\" {counts}>").ok();
        for Case { name: rule, became, said } in &self.cases {
            let inside = match became {
                Became::Passed => String::new(),
                Became::Failed(why) => format!("<failure message=\"{}\">{}</failure>", first(why), xml(why)),
                Became::Error(why) => format!("<error message=\"{}\"/>", first(why)),
                Became::Skipped(why) => format!("<skipped message=\"{}\"/>", first(why)),
            };
            let said = if said.is_empty() { String::new() } else { xml(&said.join("\n")) };
            let out = if said.is_empty() { said } else { format!("<system-out>{said}</system-out>") };
            writeln!(text, "    <testcase classname=\"{name}\" name=\"{rule}\">{inside}{out}</testcase>").ok();
        }
        text.push_str("  </testsuite>\n");
    }
}

fn first(text: &str) -> String {
    xml(text.lines().next().unwrap_or_default())
}

/// Escaped for attributes and content; what XML 1.0 cannot hold (its production `Char`) is written out.
fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}
