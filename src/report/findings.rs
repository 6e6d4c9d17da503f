//! What was found, what is allowed, what could not be checked, and what could go.

use super::html::{Html, short};
use super::more;
use crate::blame::{Cut, Effort, line_name};
use crate::types::{ByteSize, Finding, Severity};
use crate::verify::{Accepted, Verdict};

/// Findings and allowances beyond these are only counted; the gravest findings come first.
const FINDINGS: usize = 200;
/// Further lines of a finding.
const DETAILS: usize = 40;
/// Cuts of each kind.
const CUTS: usize = 25;

/// The findings with all that belongs to them.
pub(super) fn write(html: &mut Html, verdict: &Verdict) {
    html.leaf("h3", &[], "Findings");
    if verdict.findings.is_empty() {
        let blind = if verdict.not_checked.is_empty() { "." } else { " in what could be checked." };
        html.leaf("p", &[("class", "none")], &format!("Nothing was found{blind}"));
    } else {
        html.leaf("p", &[], &counts(&verdict.findings));
        html.element("ol", &[("class", "findings")], |html| {
            verdict.findings.iter().take(FINDINGS).for_each(|one| finding(html, one));
        });
        more(html, verdict.findings.len(), FINDINGS, "findings");
    }
    if !verdict.not_checked.is_empty() {
        html.leaf("h4", &[], "Not checked");
        html.element("ul", &[], |html| {
            for one in &verdict.not_checked {
                html.prose("li", &[], &format!("{} `{}`: {}", one.severity, one.rule, one.why));
            }
        });
    }
    if !verdict.accepted.is_empty() {
        html.leaf("h4", &[], "Allowed for a time");
        html.element("ul", &[], |html| verdict.accepted.iter().take(FINDINGS).for_each(|one| allowed(html, one)));
        more(html, verdict.accepted.len(), FINDINGS, "allowances");
    }
}

/// `2 errors, 1 warning, 3 notes.`
fn counts(findings: &[Finding]) -> String {
    let of = |severity, one: &str| match findings.iter().filter(|finding| finding.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {one}s")),
    };
    let all = [of(Severity::Error, "error"), of(Severity::Warn, "warning"), of(Severity::Info, "note")];
    format!("{}.", all.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn finding(html: &mut Html, Finding { rule, severity, place, expected, found, details, hint }: &Finding) {
    let class = match severity {
        Severity::Error => "error",
        Severity::Warn => "warn",
        Severity::Info => "info",
    };
    html.element("li", &[("class", class)], |html| {
        html.element("p", &[("class", "rule")], |html| {
            html.leaf("strong", &[], &severity.to_string());
            html.raw(" ");
            html.leaf("code", &[], rule);
            if let Some(place) = place {
                html.raw(" at ");
                html.leaf("code", &[], &short(&place.to_string()));
            }
        });
        html.prose("p", &[], &format!("{found}; wanted: {expected}"));
        if !details.is_empty() {
            html.element("pre", &[], |html| {
                for line in details.iter().take(DETAILS) {
                    html.text(&short(line));
                    html.raw("\n");
                }
                if details.len() > DETAILS {
                    html.text(&format!("{} more lines", details.len() - DETAILS));
                }
            });
        }
        if let Some(hint) = hint {
            html.prose("p", &[("class", "hint")], &format!("Hint: {hint}"));
        }
    });
}

fn allowed(html: &mut Html, Accepted { by, what }: &Accepted) {
    let named: Vec<String> = what.iter().take(DETAILS).map(|what| format!("`{}`", short(what))).collect();
    let rest = what.len().saturating_sub(DETAILS);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let what = if named.is_empty() { String::new() } else { format!(" {}{rest}", named.join(", ")) };
    html.prose("li", &[], &format!("`{}`{what} until {}: {} (`{}`)", by.rule, by.until, by.reason, by.place));
}

/// What could be left out of an image of `whole`.
pub(super) fn cuts(html: &mut Html, cuts: &[Cut], whole: ByteSize) {
    html.leaf("h3", &[], "What could go");
    if cuts.is_empty() {
        let none = "Nothing that the Dockerfile's own lines add is known to be needless.";
        return html.leaf("p", &[("class", "none")], none);
    }
    html.leaf("p", &[], "What the Dockerfile's own lines add; no byte is in two of these.");
    let kinds = [
        (Effort::None, "No container would miss it"),
        (Effort::Little, "Rarely needed where it runs"),
        (Effort::Decision, "Packages, if the application does not need them"),
    ];
    for (effort, title) in kinds {
        let its: Vec<&Cut> = cuts.iter().filter(|cut| cut.effort == effort).collect();
        let sum = ByteSize(its.iter().map(|cut| cut.saves.0).sum());
        let title = format!("{title}: {sum}, {} of the image", super::share(sum, whole));
        match effort {
            _ if its.is_empty() => {}
            // Nobody but who knows the application can say anything to these.
            Effort::Decision => html.element("details", &[], |html| {
                html.leaf("summary", &[], &title);
                of_kind(html, &title, &its);
            }),
            _ => of_kind(html, &title, &its),
        }
    }
}

fn of_kind(html: &mut Html, title: &str, cuts: &[&Cut]) {
    html.element("table", &[("class", "cuts")], |html| {
        html.leaf("caption", &[], title);
        html.raw("<thead><tr><th scope=\"col\">what</th><th scope=\"col\">line</th>");
        html.raw("<th scope=\"col\">saves</th></tr></thead>");
        html.element("tbody", &[], |html| {
            for cut in cuts.iter().take(CUTS) {
                html.element("tr", &[], |html| {
                    html.prose("td", &[], &cut.what);
                    html.leaf("td", &[], &line_name(cut.line));
                    html.leaf("td", &[], &cut.saves.to_string());
                });
            }
        });
    });
    more(html, cuts.len(), CUTS, "of these");
}
