//! A settings file as text: lines and the snippet that an error shows.

use std::fmt;
use std::ops::Range;

/// A file's text and the name it is shown under.
#[derive(Debug)]
pub struct Source {
    /// As a person at the working directory would name it.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// One line of a file with a part of it marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    text: String,
    marked: usize,
}

impl Source {
    /// The line that `offset` is in, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.before(offset).matches('\n').count() + 1
    }

    /// The line where `span` begins, with as much of it marked as is on that line.
    pub fn snippet(&self, span: &Range<usize>) -> Snippet {
        let before = self.before(span.start);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or("");
        let column = before[start..].chars().count();
        let marked = self.text.get(span.clone()).and_then(|part| part.lines().next()).unwrap_or("");
        Snippet {
            file: self.name.clone(),
            line: self.line(span.start),
            column: column + 1,
            // Each stands for one character, so that what is marked stays below it.
            text: line.replace('\t', " ").replace(char::is_control, "\u{fffd}"),
            marked: marked.chars().count().max(1),
        }
    }

    /// The part of `span` that is `text`, or all of `span`.
    pub fn within(&self, span: Range<usize>, text: &str) -> Range<usize> {
        match self.text.get(span.clone()).and_then(|part| part.find(text)) {
            Some(at) if !text.is_empty() => span.start + at..span.start + at + text.len(),
            _ => span,
        }
    }

    fn before(&self, offset: usize) -> &str {
        self.text.get(..offset).unwrap_or(&self.text)
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = " ".repeat(self.line.to_string().len());
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{} | {}", self.line, self.text)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.column - 1), "^".repeat(self.marked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_marks_the_span_on_its_own_line() {
        let source = Source { name: "f".into(), text: "a = 1\nbé = \"x\ny\"\n".into() };
        let span = source.text.find('"').unwrap()..source.text.len() - 1;
        let shown = source.snippet(&span).to_string();
        assert_eq!(shown, " --> f:2:6\n  |\n2 | bé = \"x\n  |      ^^");
    }

    #[test]
    fn what_could_steer_a_terminal_is_not_shown() {
        let source = Source { name: "f".into(), text: "\ta\x1b[2J = 1".into() };
        assert!(source.snippet(&(2..3)).to_string().ends_with("1 |  a\u{fffd}[2J = 1\n  |   ^"));
    }

    #[test]
    fn no_span_is_too_far() {
        let source = Source { name: "f".into(), text: "a".into() };
        assert_eq!(source.snippet(&(7..9)).line, 1);
        assert_eq!(source.within(0..1, "zz"), 0..1);
    }
}
