//! The one printer of failures: what, why, what else is known, what to do.

use crate::cli::terminal::Paint;
use crate::event::Failure;
use crate::types::visible;
use console::measure_text_width;
use std::borrow::Cow;

/// The lines that say `failure`.
pub fn lines(failure: &Failure, paint: Paint) -> Vec<String> {
    let subject = failure.image.as_ref().map_or_else(String::new, |image| format!("{image}: "));
    let mut lines = vec![format!("{} {subject}{}", paint.bad("error:"), shown(message(failure)))];
    lines.extend(particulars(failure, paint));
    lines
}

/// The same for a log in which every line begins with its image.
pub fn prefixed(failure: &Failure, paint: Paint) -> Vec<String> {
    let Some(image) = &failure.image else { return lines(failure, paint) };
    let first = format!("{} {}", paint.bad("error:"), shown(message(failure)));
    let all = std::iter::once(first).chain(particulars(failure, paint));
    all.map(|line| format!("{image}: {line}")).collect()
}

/// The message without the image in front: errors name their subject, and it is said once.
pub fn message(failure: &Failure) -> &str {
    let image = failure.image.as_deref().and_then(|image| failure.message.strip_prefix(image));
    image.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&failure.message)
}

fn particulars(failure: &Failure, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for cause in &failure.causes {
        lines.extend(block("caused by:", cause));
    }
    let names = failure.details.iter().map(|(name, _)| measure_text_width(name));
    let width = names.max().unwrap_or(0);
    let mut last = "";
    for (name, text) in &failure.details {
        // One name for a run of details that share it, as the lines of a log do.
        let shown = if name == last { "" } else { name };
        last = name;
        let padding = " ".repeat(width - measure_text_width(shown));
        // A detail without a name is a block of its own, such as a snippet of a file.
        let label = if name.is_empty() { String::new() } else { format!("{shown}{padding} ") };
        lines.extend(block(&label, text));
    }
    if let Some(hint) = &failure.hint {
        lines.extend(block("hint:", hint).into_iter().map(|line| line.replacen("hint:", &paint.good("hint:"), 1)));
    }
    lines
}

/// `line` as it can be shown: names in it may come out of an image, and logs are a container's own words.
pub fn shown(line: &str) -> Cow<'_, str> {
    if line.contains(char::is_control) { visible(&line.replace('\t', "    ")).into() } else { line.into() }
}

/// `text` after `label`, its further lines below its first.
fn block(label: &str, text: &str) -> Vec<String> {
    let gap = if label.is_empty() { "" } else { " " };
    let indent = " ".repeat(measure_text_width(label) + gap.len());
    let begin = |first: bool| if first { format!("{label}{gap}") } else { indent.clone() };
    let line = |(number, line): (usize, &str)| format!("  {}{}", begin(number == 0), shown(line)).trim_end().to_owned();
    text.lines().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Outcome;

    fn failure() -> Failure {
        Failure {
            image: Some("backend".into()),
            outcome: Outcome::Findings,
            message: "not ready after 30s: every answer of GET /health was 503".into(),
            causes: vec!["connection refused".into()],
            details: vec![
                ("last log".into(), "one\ntwo".into()),
                ("container".into(), "running".into()),
                (String::new(), " --> f:1\n1 | x".into()),
            ],
            hint: Some("set `POSTGRES_PASSWORD`".into()),
        }
    }

    #[test]
    fn a_failure_says_what_why_what_else_and_what_to_do() {
        insta::assert_snapshot!(lines(&failure(), Paint(false)).join("\n"), @r"
        error: backend: not ready after 30s: every answer of GET /health was 503
          caused by: connection refused
          last log   one
                     two
          container  running
           --> f:1
          1 | x
          hint: set `POSTGRES_PASSWORD`
        ");
    }

    #[test]
    fn nothing_is_said_twice() {
        let log = |text: &str| ("log".to_owned(), text.to_owned());
        let details = vec![log("one"), log("two"), ("container".into(), "gone".into())];
        let said = Failure { message: "backend: gone".into(), causes: vec![], details, hint: None, ..failure() };
        let lines = lines(&said, Paint(false));
        assert_eq!(lines, ["error: backend: gone", "  log        one", "             two", "  container  gone"]);
        assert_eq!(prefixed(&said, Paint(false))[0], "backend: error: gone");
    }

    #[test]
    fn what_an_image_says_cannot_steer_the_terminal() {
        let message = "`\x1b[2J\nerror: x` is not in it".to_owned();
        let details = vec![("last log".to_owned(), "\x1b]0;title\x07a\tb\r\nc".to_owned())];
        let said = Failure { image: None, message, causes: vec!["\x1b[A".into()], details, hint: None, ..failure() };
        for lines in [lines(&said, Paint(false)), prefixed(&said, Paint(false))] {
            assert_eq!(lines[0], "error: `\\u{1b}[2J\\nerror: x` is not in it");
            assert_eq!(lines[2], "  last log  \\u{1b}]0;title\\u{7}a    b");
            assert!(!lines.iter().any(|line| line.contains(char::is_control)), "{lines:?}");
        }
    }

    #[test]
    fn in_a_log_every_line_names_the_image() {
        let lines = prefixed(&failure(), Paint(false));
        assert_eq!(lines[0], "backend: error: not ready after 30s: every answer of GET /health was 503");
        assert!(lines.iter().all(|line| line.starts_with("backend: ")), "{lines:#?}");
    }

    #[test]
    fn colour_only_repeats_the_words() {
        let painted: Vec<String> = lines(&failure(), Paint(true));
        let bare: Vec<_> = painted.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
        assert_eq!(bare, lines(&failure(), Paint(false)));
        assert!(painted[0].contains("\x1b[31;1m"));
    }
}
