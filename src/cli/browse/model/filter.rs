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
            // One that is too large for the engine matches nothing; it is longer than any path.
            let whole = Regex::new(&expression(&pattern));
            let (text, mut start) = (&index.haystack().text, 0);
            for (found, end) in found.iter_mut().zip(&index.haystack().ends) {
                *found = *found && whole.as_ref().is_ok_and(|whole| whole.is_match(&text[start..*end]));
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

/// `*` is anything but `/`, `**` is anything; all of the path, or its end from some name on. It takes time
/// linear in the path, whatever is typed.
fn expression(pattern: &str) -> String {
    let start = if pattern.starts_with('/') { "" } else { "(?:.*/)" };
    let parts: Vec<String> =
        pattern.split("**").map(|part| part.split('*').map(regex::escape).collect::<Vec<_>>().join("[^/]*")).collect();
    format!("(?s)^{start}{}$", parts.join(".*"))
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
