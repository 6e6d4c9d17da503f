//! `.dockerignore` files, read as moby's `ignorefile.ReadAll` reads them.

use super::glob;
use super::pattern::{Origin, PatternError, Patterns};
use crate::types::{Explained, Outcome};
use std::sync::Arc;

/// Upstream reads with a `bufio.Scanner`, which gives up on a line as long as its buffer.
const LONGEST_LINE: usize = 64 * 1024 - 1;

/// An ignore file: its patterns, and the line of each.
#[derive(Clone, Debug)]
pub struct IgnoreFile {
    lines: Vec<IgnoreLine>,
    patterns: Patterns,
}

/// A pattern of an ignore file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreLine {
    /// Counted from 1.
    pub number: usize,
    /// Cleaned and relative to the context, with its `!`.
    pub pattern: String,
}

/// What was given is no ignore file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A line is longer than Docker reads.
    #[error("`{file}` line {line} is longer than {LONGEST_LINE} bytes")]
    LineTooLong {
        /// The name of the file.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// A line holds no valid pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Explained for IgnoreError {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::LineTooLong { .. } => Some("write one pattern a line".to_owned()),
            Self::Pattern(error) => error.hint(),
        }
    }
}

impl IgnoreFile {
    /// Reads the content of the file; `file` is its name for messages.
    pub fn parse(file: &str, content: &[u8]) -> Result<Self, IgnoreError> {
        let lines = read_lines(file, content)?;
        let file: Arc<str> = file.into();
        let origin = |line: usize| Some(Origin { file: file.clone(), line });
        let patterns = Patterns::with_origins(lines.iter().map(|line| (line.pattern.as_str(), origin(line.number))))?;
        Ok(Self { lines, patterns })
    }

    /// The patterns as text, in the order of the file.
    pub fn lines(&self) -> &[IgnoreLine] {
        &self.lines
    }

    /// The patterns, to match paths with.
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// The line that keeps a path (clean, relative to the context) out of the build: none if it
    /// is part of it.
    pub fn decided_by(&self, path: &str) -> Option<usize> {
        self.patterns.deciding(path)?.origin().map(|origin| origin.line)
    }
}

fn read_lines(file: &str, content: &[u8]) -> Result<Vec<IgnoreLine>, IgnoreError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").map_or((content, 0), |rest| (rest, 3));
    let (content, mark) = content;
    let mut lines = Vec::new();
    for (i, line) in content.split(|b| *b == b'\n').enumerate() {
        let length = line.len() + if i == 0 { mark } else { 0 };
        if length > LONGEST_LINE {
            return Err(IgnoreError::LineTooLong { file: file.to_owned(), line: i + 1 });
        }
        if let Some(pattern) = read_line(&go_text(line)) {
            lines.push(IgnoreLine { number: i + 1, pattern });
        }
    }
    Ok(lines)
}

/// The pattern of a line; none if it is blank or a comment.
fn read_line(line: &str) -> Option<String> {
    let text = line.trim();
    // A `#` after spaces is part of a pattern.
    if line.starts_with('#') || text.is_empty() {
        return None;
    }
    Some(match text.strip_prefix('!') {
        Some(pattern) => format!("!{}", clean(pattern.trim())),
        None => clean(text),
    })
}

fn clean(pattern: &str) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let cleaned = glob::clean(pattern);
    match cleaned.strip_prefix('/') {
        Some(relative) if !relative.is_empty() => relative.to_owned(),
        _ => cleaned,
    }
}

/// Text in which each byte that is not UTF-8 is a U+FFFD, which is what becomes of it on its way
/// through BuildKit. (`from_utf8_lossy` would put one for several bytes.)
pub(super) fn go_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &[u8]) -> IgnoreFile {
        IgnoreFile::parse(".dockerignore", content).unwrap()
    }

    #[test]
    fn the_line_that_keeps_a_path_out_is_known() {
        let file = parse(b"\xef\xbb\xbf# comment\n\n node_modules/ \r\n!/node_modules/keep\n**/*.log\n");
        let patterns: Vec<&str> = file.lines().iter().map(|line| line.pattern.as_str()).collect();
        assert_eq!(patterns, ["node_modules", "!node_modules/keep", "**/*.log"]);
        assert_eq!(file.decided_by("node_modules/a/b"), Some(3));
        assert_eq!(file.decided_by("node_modules/keep/b"), None);
        assert_eq!(file.decided_by("node_modules/keep/b.log"), Some(5));
        assert_eq!(file.decided_by("src"), None);
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = |content: &[u8]| IgnoreFile::parse(".dockerignore", content).unwrap_err().to_string();
        assert_eq!(
            error(b"a\n\n!x[\n"),
            "`.dockerignore` line 3: `!x[` is not a pattern: a class or an escape in it is not complete"
        );
        let long = [b"a\n".as_slice(), &[b'x'; LONGEST_LINE + 1]].concat();
        assert_eq!(error(&long), "`.dockerignore` line 2 is longer than 65535 bytes");
        assert_eq!(parse(&long[..long.len() - 1]).lines().len(), 2);
    }
}
