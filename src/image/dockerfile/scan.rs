//! From text to instructions: directives, comments, continuation lines, here-documents.

use super::Instruction;

/// The instructions of a Dockerfile, in order.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let escape = escape_directive(text);
    let mut lines = text.lines().zip(1u32..);
    let mut found = Vec::new();
    while let Some((first, line)) = lines.next() {
        if is_comment(first) || first.trim().is_empty() {
            continue;
        }
        let whole = joined(first, &mut lines, escape);
        let mut instruction = split(&whole, line);
        if matches!(instruction.keyword.as_str(), "RUN" | "COPY" | "ADD") {
            let names = heredoc_names(&instruction.text);
            instruction.heredocs = names.iter().map(|name| body(name, &mut lines)).collect();
        }
        found.push(instruction);
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// `# escape=` counts in the comments at the very top, which are directives.
fn escape_directive(text: &str) -> char {
    for line in text.lines() {
        let Some((name, value)) = line.trim().strip_prefix('#').and_then(|rest| rest.split_once('=')) else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

/// `first` and the lines that continue it.
fn joined<'a>(first: &str, lines: &mut impl Iterator<Item = (&'a str, u32)>, escape: char) -> String {
    let mut whole = String::new();
    let mut next = Some(first);
    while let Some(line) = next {
        if !whole.is_empty() && (is_comment(line) || line.trim().is_empty()) {
            next = lines.next().map(|(line, _)| line);
            continue;
        }
        let trimmed = line.trim_end_matches([' ', '\t']);
        let continued = trimmed.strip_suffix(escape).filter(|rest| !rest.ends_with(escape));
        match continued {
            Some(rest) => {
                whole.push_str(rest);
                // A first line of nothing but an escape must not look like no line.
                whole.push_str(if whole.is_empty() { " " } else { "" });
                next = lines.next().map(|(line, _)| line);
            }
            None => {
                whole.push_str(line);
                next = None;
            }
        }
    }
    whole
}

fn split(whole: &str, line: u32) -> Instruction {
    let whole = whole.trim();
    let (keyword, mut text) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let mut flags = Vec::new();
    loop {
        text = text.trim_start();
        if !text.starts_with("--") {
            break;
        }
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        flags.push(text[..end].to_owned());
        text = &text[end..];
    }
    Instruction { keyword: keyword.to_uppercase(), flags, text: text.to_owned(), heredocs: Vec::new(), line }
}

struct Heredoc {
    name: String,
    strip_tabs: bool,
}

/// The here-documents that a line opens: words such as `<<EOF`, `3<<-"EOF"`.
fn heredoc_names(text: &str) -> Vec<Heredoc> {
    text.split_whitespace().filter_map(heredoc_name).collect()
}

fn heredoc_name(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (strip_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let name: String = rest.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
    let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (!name.is_empty() && name.chars().all(word)).then_some(Heredoc { name, strip_tabs })
}

fn body<'a>(heredoc: &Heredoc, lines: &mut impl Iterator<Item = (&'a str, u32)>) -> String {
    let mut body = String::new();
    for (line, _) in lines {
        let line = if heredoc.strip_tabs { line.trim_start_matches('\t') } else { line };
        if line == heredoc.name {
            break;
        }
        body.push_str(line);
        body.push('\n');
    }
    body
}
