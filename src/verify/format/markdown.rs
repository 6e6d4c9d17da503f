//! Markdown, for a comment on a pull request: a table of the images, and what was found below it.

use super::{Report, Result, whole};
use crate::types::{ByteSize, Finding, Severity, format_duration};
use crate::verify::{Before, Verdict};
use std::fmt::Write;
use std::time::Duration;

const HEAD: &str = "### loadline verify\n\n| image | result | size | budget | before | last build | before | user |\n\
                    | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n";

/// All reports.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = HEAD.to_owned();
    for report in reports {
        // Writing into a String cannot fail.
        writeln!(text, "| {} |", row(report).map(|cell| cell.replace('|', "\\|")).join(" | ")).ok();
    }
    reports.iter().for_each(|report| below(&mut text, report));
    text
}

fn row(report: &Report) -> [String; 8] {
    let image = plain(&report.image);
    let Result::Verdict(verdict) = &report.result else {
        let mut row = <[String; 8]>::default();
        (row[0], row[1]) = (image, "**not checked**".to_owned());
        return row;
    };
    let budget = verdict.budget.map_or_else(String::new, |budget| budget.limit());
    let before = verdict.before.as_ref().map_or_else(String::new, |before| growth(verdict.size, before));
    let user = if verdict.user.is_empty() { "0" } else { &verdict.user };
    let took = |ms: Option<u64>| ms.map_or_else(String::new, |ms| format_duration(Duration::from_millis(ms)));
    let (built, built_before) =
        (took(report.build.map(|build| build.ms)), took(report.build.and_then(|build| build.before_ms)));
    [image, result(verdict), verdict.size.to_string(), budget, before, built, built_before, plain(user)]
}

fn result(verdict: &Verdict) -> String {
    let warnings = match verdict.findings.iter().filter(|finding| finding.severity == Severity::Warn).count() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        warnings => format!(", {warnings} warnings"),
    };
    if verdict.passed { format!("passed{warnings}") } else { format!("**failed**{warnings}") }
}

/// `116.8 MB (+3.2 MB)`.
fn growth(now: ByteSize, before: &Before) -> String {
    let by = match now.0.checked_sub(before.size.0) {
        Some(0) => "the same".to_owned(),
        Some(more) => format!("+{}", ByteSize(more)),
        None => format!("-{}", ByteSize(before.size.0 - now.0)),
    };
    format!("{} ({by})", before.size)
}

fn below(text: &mut String, report: &Report) {
    match &report.result {
        Result::Failure(failure) => {
            writeln!(text, "\n{}: {}", plain(&report.image), plain(&whole(failure))).ok();
        }
        Result::Verdict(verdict) => {
            let said: Vec<&Finding> = verdict.findings.iter().filter(|one| one.severity > Severity::Info).collect();
            if said.is_empty() && verdict.not_checked.is_empty() {
                return;
            }
            writeln!(text, "\n{}:\n", plain(&report.image)).ok();
            said.iter().for_each(|finding| item(text, finding));
            for one in &verdict.not_checked {
                writeln!(text, "- not checked: `{}`: {}", one.rule, plain(&one.why)).ok();
            }
        }
    }
}

fn item(text: &mut String, finding: &Finding) {
    let Finding { rule, severity, place, expected, found, details, hint } = finding;
    let place = place.as_ref().map_or_else(String::new, |place| format!(" at {}", plain(&place.to_string())));
    writeln!(text, "- {severity} `{rule}`{place}: {}; wanted: {}", plain(found), plain(expected)).ok();
    if !details.is_empty() {
        // Indented by eight it is code inside the item, whatever is in it.
        let one_line = |line: &String| line.replace(char::is_control, " ");
        let lines: Vec<String> = details.iter().map(|line| format!("        {}", one_line(line))).collect();
        writeln!(text, "\n{}\n", lines.join("\n")).ok();
    }
    if let Some(hint) = hint {
        writeln!(text, "  hint: {}", plain(hint)).ok();
    }
}

/// Text that may come out of an image, as Markdown that means nothing else; what stands between backquotes is
/// code, and stays so whatever is in it.
fn plain(text: &str) -> String {
    let (mut shown, mut open) = (String::new(), false);
    for c in text.chars() {
        match c {
            '`' => {
                open = !open;
                shown.push_str(if open { "<code>" } else { "</code>" });
            }
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            c if c.is_control() => shown.push(' '),
            c if "\\*_{}[]#".contains(c) => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown.push_str(if open { "</code>" } else { "" });
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn code_stays_code_and_nothing_becomes_a_tag() {
        assert_eq!(plain("`/venv/.lock` of <b>"), "<code>/venv/.lock</code> of &lt;b&gt;");
        assert_eq!(plain("a `b_c"), "a <code>b\\_c</code>");
        assert_eq!(plain("[x](y)\n&"), "\\[x\\](y) &amp;");
    }
}
