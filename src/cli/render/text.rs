//! Words and numbers that every renderer uses.

use crate::event::Step;
use crate::types::{Because, ByteSize, Finding, Severity, format_duration, visible};
use console::{measure_text_width, truncate_str};
use std::time::Duration;

/// How much of a step's command a line of a log has. Most commands are shorter.
const LONGEST_STEP: usize = 160;

/// `1 step`, `2 steps`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A size as short as it can be: `400 MB`, not `400.0 MB`.
pub fn size(size: ByteSize) -> String {
    size.to_string().replace(".0 ", " ").replace(".00 ", " ")
}

/// `138.2 of 400 MB`, or with both units where they differ. The part keeps its decimal: it grows,
/// and must not jump.
pub fn part_of(part: ByteSize, whole: ByteSize) -> String {
    let (part, whole) = (part.to_string(), size(whole));
    let unit = whole.rsplit(' ').next().unwrap_or("");
    match part.strip_suffix(unit) {
        Some(number) if number.ends_with(' ') => format!("{number}of {whole}"),
        _ => format!("{part} of {whole}"),
    }
}

/// The size, and what it must stay under.
pub fn size_and_budget(measured: ByteSize, budget: Option<ByteSize>) -> String {
    budget.map_or_else(|| size(measured), |budget| measured.of_limit(budget))
}

/// Milliseconds as a duration.
pub fn ms(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}

/// The first 12 digits of an id, as the docker CLI shows it and takes it.
pub fn short(id: &crate::types::ImageId) -> &str {
    id.short()
}

/// A step as a person calls it: the command without `RUN`, on one line.
pub fn step(step: &Step) -> String {
    let name = step.name.split_whitespace().collect::<Vec<_>>().join(" ");
    name.strip_prefix("RUN ").unwrap_or(&name).to_owned()
}

/// The same with its line, for a log: whole, unless it is a script.
pub fn step_and_line(of: &Step) -> String {
    let name = cut(&step(of), LONGEST_STEP);
    of.line.map_or(name.clone(), |line| format!("{name} (line {line})"))
}

/// What made a step run by itself; nothing if it only follows from others, or nobody knows.
pub fn causes(because: &[Because]) -> String {
    let follows = |one: &&Because| matches!(one, Because::Step { .. } | Because::Unknown | Because::Asked);
    let own = because.iter().filter(|one| !follows(one));
    own.map(|one| visible(&one.to_string())).collect::<Vec<_>>().join(", and ")
}

/// `2 errors, 1 warning`; nothing if there is none of either.
pub fn findings(findings: &[Finding]) -> Option<String> {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts = [(of(Severity::Error), "error"), (of(Severity::Warn), "warning")];
    let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// `text` in at most `width` columns.
pub fn cut(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

/// `text` in exactly `width` columns.
pub fn fill(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let padding = " ".repeat(width.saturating_sub(measure_text_width(&text)));
    text + &padding
}

/// A line that a program wrote, as it may be shown inside ours: what it drew last if it drew over
/// itself, and nothing that moves the cursor or paints.
pub fn plain(text: &str) -> String {
    let bare = console::strip_ansi_codes(text.trim_end_matches(['\r', '\n']));
    let last = bare.rsplit('\r').next().unwrap_or("");
    last.replace('\t', "    ").chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_budgets_share_a_unit_where_they_can() {
        let of = |part, whole| part_of(ByteSize(part), ByteSize(whole));
        assert_eq!(of(138_200_000, 400_000_000), "138.2 of 400 MB");
        assert_eq!(of(11_000, 400_000_000), "11 KB of 400 MB");
        assert_eq!(of(12, 900), "12 of 900 B");
    }

    #[test]
    fn a_foreign_line_cannot_move_the_cursor() {
        assert_eq!(plain("\x1b[2K\x1b[1G10%\r20%\r\x1b[32m30%\x1b[0m\x07\r\n"), "30%");
        assert_eq!(plain("a\tb\x1b]0;title\x07c"), "a    bc");
    }

    #[test]
    fn a_step_is_called_by_its_command() {
        let step = Step { number: 1, name: "RUN npm ci &&\n    npm run build".into(), line: Some(9) };
        assert_eq!(step_and_line(&step), "npm ci && npm run build (line 9)");
    }
}
