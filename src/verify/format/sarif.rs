//! SARIF 2.1.0 (OASIS), which code scanning services read.

use super::{Report, Result, told, whole};
use crate::types::{Finding, Place, Severity};
use crate::verify::{Accepted, RULES, Unchecked, Verdict};
use serde_json::{Value, json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run, with all rules and what they found in each image.
pub fn sarif(reports: &[Report]) -> String {
    let rule = |rule: &crate::verify::Rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": rule.summary},
            "fullDescription": {"text": rule.doc},
            "defaultConfiguration": {"level": level(rule.severity)},
        })
    };
    let verdicts = || reports.iter().filter_map(|report| Some((report.image.as_str(), report.verdict()?)));
    let found = verdicts().flat_map(|(image, verdict)| verdict.findings.iter().map(move |one| result(image, one)));
    let accepted =
        verdicts().flat_map(|(image, verdict)| verdict.accepted.iter().map(move |one| suppressed(image, one)));
    let results: Vec<Value> = found.chain(accepted).collect();
    let blind =
        verdicts().flat_map(|(image, verdict)| verdict.not_checked.iter().map(move |one| not_checked(image, one)));
    let unread = reports.iter().filter_map(unread);
    let notes: Vec<Value> = blind.chain(unread).collect();
    let whole = reports.iter().all(|report| report.verdict().is_some_and(Verdict::is_whole));
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Loadline",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": whole, "toolExecutionNotifications": notes}],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

fn result(image: &str, finding: &Finding) -> Value {
    let Finding { rule, severity, place, found, .. } = finding;
    let mut result = json!({
        "ruleId": rule,
        "level": level(*severity),
        "message": {"text": told(&format!("{image}: "), finding, None)},
        // What stays the same while lines move and sizes change.
        "partialFingerprints": {"imageRuleAndName/v1": format!("{image} {rule} {}", named(found))},
    });
    result["locations"] = json!([location(image, place.as_ref())]);
    result
}

/// A place in a file; what is in none is in the image, by its name: code scanning takes no result without a
/// physical location.
fn location(image: &str, place: Option<&Place>) -> Value {
    let (file, line) = place.map_or((image, None), |place| (place.file.as_str(), place.line));
    json!({
        "physicalLocation": {"artifactLocation": {"uri": uri(file)}, "region": {"startLine": line.unwrap_or(1)}},
        "logicalLocations": [{"name": image, "kind": "resource"}],
    })
}

/// The first name in it: a file, a variable.
fn named(found: &str) -> &str {
    found.split('`').nth(1).unwrap_or_default()
}

fn suppressed(image: &str, Accepted { by, what }: &Accepted) -> Value {
    let what = if what.is_empty() { by.rule.clone() } else { what.join(", ") };
    json!({
        "ruleId": by.rule,
        "level": "none",
        "message": {"text": format!("{image}: {what}, accepted until {}", by.until)},
        "suppressions": [{"kind": "external", "justification": by.reason}],
        "locations": [location(image, Some(&by.place))],
    })
}

fn not_checked(image: &str, one: &Unchecked) -> Value {
    let text = format!("{image}: {} could not be checked: {}", one.rule, one.why);
    json!({"level": level(one.severity), "message": {"text": text}, "associatedRule": {"id": one.rule}})
}

fn unread(report: &Report) -> Option<Value> {
    let Result::Failure(failure) = &report.result else { return None };
    Some(json!({"level": "error", "message": {"text": format!("{}: {}", report.image, whole(failure))}}))
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const OTHERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b':');
    utf8_percent_encode(path, OTHERS).to_string()
}
