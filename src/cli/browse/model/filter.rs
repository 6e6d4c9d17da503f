//! Which entries are looked for: by what they are, and by what somebody types.

use super::index::{Index, Item, is_set_id, is_writable};
use memchr::memmem::Finder;
use regex::Regex;

/// Longer patterns are not typed, in characters.
const LONGEST: usize = 200;

/// What entries have to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// Anything.
    #[default]
    All,
    /// What a container sees.
    Seen,
    /// What a later layer replaces or deletes.
    Hidden,
    /// Files whose content a container sees under another name, too.
    Twins,
    /// Programs that give their caller other rights.
    SetId,
    /// What everyone may change.
    Writable,
}

impl Only {
    /// `item` is one; `last` is the last layer that counts for what is hidden.
    pub fn takes(self, index: &Index<'_>, item: &Item, last: u32) -> bool {
        match self {
            Self::All => true,
            Self::Seen => !item.is_hidden(last),
            Self::Hidden => item.is_hidden(last),
            Self::Twins => item.twin,
            Self::SetId => is_set_id(index.entry(item)),
            Self::Writable => is_writable(index.entry(item)),
        }
    }

    /// As titles say it; nothing if it takes all.
    pub fn words(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Seen => "only what a container sees",
            Self::Hidden => "only hidden",
            Self::Twins => "only duplicates",
            Self::SetId => "only setuid, setgid",
            Self::Writable => "only world-writable",
        }
    }
}

/// What is typed: part of a path or, with a `*`, all of its end. Capitals are small letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With another character.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.0.chars().count() < LONGEST {
            self.0.push(c);
        }
    }

    /// Without its last character.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Without its last word, as shells have it.
    pub fn pop_word(&mut self) {
        let kept = self.0.trim_end_matches(['/', ' ']).rfind(['/', ' ']).map_or(0, |at| at + 1);
        self.0.truncate(kept);
    }

    /// Nothing.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// For each item whether it matches; none if nothing is typed.
    pub fn matches(&self, index: &Index<'_>) -> Option<Vec<bool>> {
        let pattern = self.0.to_ascii_lowercase();
        if pattern.is_empty() {
            return None;
        }
        let mut found = contain(index, literal(&pattern));
        if pattern.contains('*') {
            let whole = Whole::new(&pattern);
            let (text, mut start) = (&index.haystack().text, 0);
            for (found, end) in found.iter_mut().zip(&index.haystack().ends) {
                *found = *found && whole.matches(&text[start..*end]);
                start = end + 1;
            }
        }
        Some(found)
    }
}

/// The longest part of `pattern` that stands for itself.
fn literal(pattern: &str) -> &str {
    pattern.split('*').max_by_key(|part| part.len()).unwrap_or_default()
}

/// A pattern with stars: `*` is anything but `/`, `**` is anything. It is all of the path if it begins with
/// `/`, the end of the path from some name on if it has a `/`, and a name otherwise. Whatever is typed, it takes
/// time linear in the path.
enum Whole<'p> {
    /// What is between the stars of a name.
    Name(Vec<&'p str>),
    /// What a path begins and ends with, and all of it. One that is too large for the engine is none: it is
    /// longer than any path.
    Path(&'p str, &'p str, Option<Regex>),
}

impl<'p> Whole<'p> {
    fn new(pattern: &'p str) -> Self {
        if !pattern.contains('/') {
            return Self::Name(pattern.split('*').collect());
        }
        let starts = if pattern.starts_with('/') { pattern.split('*').next().unwrap_or_default() } else { "" };
        let ends = pattern.rsplit('*').next().unwrap_or_default();
        Self::Path(starts, ends, Regex::new(&expression(pattern)).ok())
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Name(parts) => are_in(parts, &path[path.rfind('/').map_or(0, |at| at + 1)..]),
            Self::Path(starts, ends, whole) => {
                let may = path.starts_with(starts) && path.ends_with(ends);
                may && whole.as_ref().is_some_and(|whole| whole.is_match(path))
            }
        }
    }
}

/// `name` begins with the first of `parts`, ends with the last, and has the others in between, in order.
fn are_in(parts: &[&str], name: &str) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    middle.iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

fn expression(pattern: &str) -> String {
    let start = if pattern.starts_with('/') { "" } else { "(?:.*/)" };
    let part = |part: &str| part.split('*').map(regex::escape).collect::<Vec<_>>().join("[^/]*");
    format!("(?s)^{start}{}$", pattern.split("**").map(part).collect::<Vec<_>>().join(".*"))
}

/// Which paths have `part` in them: one pass over all of them.
fn contain(index: &Index<'_>, part: &str) -> Vec<bool> {
    let haystack = index.haystack();
    if part.is_empty() {
        return vec![true; haystack.ends.len()];
    }
    let mut found = vec![false; haystack.ends.len()];
    let (text, finder) = (haystack.text.as_bytes(), Finder::new(part));
    let (mut from, mut item) = (0, 0);
    while let Some(at) = finder.find(&text[from..]) {
        while haystack.ends[item] < from + at {
            item += 1;
        }
        found[item] = true;
        from = haystack.ends[item];
    }
    found
}
