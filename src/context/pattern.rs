//! Patterns over paths with the meaning of `github.com/moby/patternmatcher`: the last one that
//! matches a path or one of its parents decides; `!` makes an exception.

use super::glob::{self, Malformed};
use super::regexp;
use crate::types::{Explained, Outcome};
use regex::bytes::Regex;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// An ordered list of patterns.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    exceptions: bool,
}

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// As it was written, but for spaces around it.
    pub pattern: String,
    /// The ignore file that it stands in and the line there, counted from 1.
    pub origin: Option<Origin>,
    why: &'static str,
}

/// Where a pattern was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name of the file.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
}

/// Which patterns matched a directory: what its children need to know.
pub(super) type Marks = Vec<bool>;

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Cleaned, without the `!`.
    text: String,
    exception: bool,
    origin: Option<Origin>,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Exact,
    /// `name**`
    Prefix,
    /// `**name`
    Suffix,
    /// Compiled when first needed, because upstream too refuses some expressions only then.
    Expression(OnceLock<Result<Regex, Malformed>>),
}

impl Patterns {
    /// Reads patterns, the last being the strongest. Blank ones are left out.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        Self::with_origins(patterns.iter().map(|pattern| (pattern.as_ref(), None)))
    }

    /// The same, with the place where each was written.
    pub(super) fn with_origins<'a>(
        patterns: impl IntoIterator<Item = (&'a str, Option<Origin>)>,
    ) -> Result<Self, PatternError> {
        let mut read = Self::default();
        for (text, origin) in patterns {
            let text = text.trim();
            if !text.is_empty() {
                let pattern = Pattern::new(text, origin)?;
                read.exceptions |= pattern.exception;
                read.patterns.push(pattern);
            }
        }
        Ok(read)
    }

    /// Whether a clean path with `/` between its parts is matched, by itself or by a parent.
    pub fn matches(&self, path: &str) -> Result<bool, PatternError> {
        self.matches_under(path, None, None)
    }

    /// The same for a walk, which knows the marks of the parent: upstream's
    /// `MatchesUsingParentResults`. Fills `marks` for the children.
    pub(super) fn matches_under(
        &self,
        path: &str,
        parent: Option<&Marks>,
        mut marks: Option<&mut Marks>,
    ) -> Result<bool, PatternError> {
        let mut matched = false;
        for (i, pattern) in self.patterns.iter().enumerate() {
            let inherited = parent.is_some_and(|marks| marks[i]);
            let hit = inherited || pattern.exception == matched && pattern.matches_here_or_above(path, parent)?;
            if let Some(marks) = marks.as_deref_mut() {
                marks.push(hit);
            }
            if hit {
                matched = !pattern.exception;
            }
        }
        Ok(matched)
    }

    /// The pattern because of which a path is matched: the last that does, unless an exception
    /// takes it back.
    pub(super) fn deciding(&self, path: &str) -> Option<&Pattern> {
        let mut decided = None;
        for pattern in &self.patterns {
            if pattern.matches_here_or_above(path, None).unwrap_or(false) {
                decided = Some(pattern).filter(|pattern| !pattern.exception);
            }
        }
        decided
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn has_exceptions(&self) -> bool {
        self.exceptions
    }

    /// The patterns that are exceptions, or those that are not.
    pub(super) fn of_kind(&self, exception: bool) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().filter(move |pattern| pattern.exception == exception)
    }
}

impl Pattern {
    fn new(text: &str, origin: Option<Origin>) -> Result<Self, PatternError> {
        let wrong = |why| PatternError { pattern: text.to_owned(), origin: origin.clone(), why };
        let cleaned = glob::clean(text);
        let (exception, body) = match cleaned.strip_prefix('!') {
            Some("") => return Err(wrong("nothing follows the `!`")),
            Some(body) => (true, body),
            None => (false, cleaned.as_str()),
        };
        glob::check(body).map_err(|_| wrong(MALFORMED))?;
        Ok(Self { text: body.to_owned(), exception, shape: Shape::of(body), origin })
    }

    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The text without a `/**` or `/*` at its end: what it matches lies in there.
    pub(super) fn stem(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }

    /// Without marks of a parent, each parent is tried as well.
    fn matches_here_or_above(&self, path: &str, parent: Option<&Marks>) -> Result<bool, PatternError> {
        if self.matches_only(path)? {
            return Ok(true);
        }
        if parent.is_some() {
            return Ok(false);
        }
        let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        Ok(parents.into_iter().any(|parent| self.matches_only(parent).unwrap_or(false)))
    }

    fn matches_only(&self, path: &str) -> Result<bool, PatternError> {
        // Bytes, because after a byte order mark upstream cuts the `**` off in the middle of it.
        let (text, path) = (self.text.as_bytes(), path.as_bytes());
        Ok(match &self.shape {
            Shape::Exact => path == text,
            Shape::Prefix => path.starts_with(&text[..text.len() - 2]),
            Shape::Suffix => path.ends_with(&text[2..]) || text.get(2) == Some(&b'/') && path == &text[3..],
            Shape::Expression(cell) => match cell.get_or_init(|| regexp::compile(&regexp::go_expression(&self.text))) {
                Ok(regex) => regex.is_match(path),
                Err(Malformed) => return Err(self.malformed()),
            },
        })
    }

    fn malformed(&self) -> PatternError {
        let pattern = if self.exception { format!("!{}", self.text) } else { self.text.clone() };
        PatternError { pattern, origin: self.origin.clone(), why: MALFORMED }
    }
}

impl Shape {
    /// As upstream tells them apart, while it writes the expression.
    fn of(pattern: &str) -> Self {
        let body = pattern.strip_prefix('\u{feff}').unwrap_or(pattern);
        let plain = |text: &str| !text.contains(['*', '?', '[', ']', '\\']);
        if plain(body) {
            return Self::Exact;
        }
        match (body.strip_prefix("**"), body.strip_suffix("**")) {
            (Some(rest), _) if plain(rest) => Self::Suffix,
            (None, Some(rest)) if plain(rest) => Self::Prefix,
            _ => Self::Expression(OnceLock::new()),
        }
    }
}

const MALFORMED: &str = "a class or an escape in it is not complete";

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Origin { file, line }) = &self.origin {
            write!(f, "`{file}` line {line}: ")?;
        }
        write!(f, "`{}` is not a pattern: {}", self.pattern, self.why)
    }
}

impl std::error::Error for PatternError {}

impl Explained for PatternError {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(r"put a `\` before a `[`, `*`, `?` or `\` that is part of a name".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(patterns: &[&str], path: &str) -> bool {
        Patterns::new(patterns).unwrap().matches(path).unwrap()
    }

    #[test]
    fn the_last_match_decides_and_parents_count() {
        assert!(matches(&["a"], "a/b/c"));
        assert!(!matches(&["a", "!a/b"], "a/b/c"));
        assert!(matches(&["a", "!a/b", "**/c"], "a/b/c"));
        assert!(!matches(&["!a", "b"], "a"));
    }

    #[test]
    fn fast_paths_mean_what_the_expression_means() {
        assert!(matches(&["**/x"], "x") && matches(&["**/x"], "a/x") && !matches(&["**/x"], "ax"));
        assert!(matches(&["**x"], "a/bx") && matches(&["**"], "a"));
        assert!(matches(&["a/**"], "a/b") && !matches(&["a/**"], "a"));
        assert!(matches(&["a**"], "ab/c"));
    }

    #[test]
    fn bad_patterns_are_named() {
        let error = |text: &str| Patterns::new(&[text]).unwrap_err().to_string();
        assert_eq!(error("! "), "`!` is not a pattern: nothing follows the `!`");
        assert_eq!(error("[a"), "`[a` is not a pattern: a class or an escape in it is not complete");
        let late = Patterns::new(&["a", r"!\C"]).unwrap();
        assert_eq!(late.matches("b"), Ok(false), "upstream does not compile what it need not ask");
        assert_eq!(late.matches("a").unwrap_err().pattern, r"!\C");
    }
}
