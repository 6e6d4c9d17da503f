//! Which entries of a tree are wanted: fsutil's `NewFilterFS`.

use super::error::WalkError;
use super::follow::{follow_links, without_children};
use super::pattern::{Marks, Pattern, PatternError, Patterns};
use std::path::Path;

/// Patterns that entries must match, and patterns that they must not.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Option<Side>,
    exclude: Option<Side>,
}

#[derive(Clone, Debug)]
struct Side {
    patterns: Patterns,
    /// All patterns that can bring something in are plain paths, so that it can be told from the
    /// name of a directory whether there can be anything for them in it.
    plain: bool,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is wanted.
    Take,
    /// It is not; what lies in it may be.
    LookInside,
    /// Neither it nor what lies in it.
    Leave,
}

/// What is known of a directory, for the verdicts on what lies in it.
#[derive(Clone, Debug, Default)]
pub(super) struct DirMarks {
    include: Marks,
    exclude: Marks,
}

impl Filter {
    /// A filter for trees at `root`. Empty lists do not filter. `follow` are paths that are
    /// included together with all that is needed to resolve them where they lead through symbolic
    /// links, which are read now.
    pub fn new(root: &Path, include: &[String], exclude: &[String], follow: &[String]) -> Result<Self, WalkError> {
        let include = if follow.is_empty() { Some(include.to_vec()) } else { with_followed(root, include, follow)? };
        Ok(Self { include: Side::new(&include.unwrap_or_default(), false)?, exclude: Side::new(exclude, true)? })
    }

    /// A verdict on a path; `parent` is none at the top. Fills `marks` if there are any.
    pub(super) fn judge(
        &self,
        path: &str,
        is_dir: bool,
        parent: Option<&DirMarks>,
        marks: Option<&mut DirMarks>,
    ) -> Result<Verdict, PatternError> {
        let (include_marks, exclude_marks) =
            marks.map_or((None, None), |marks| (Some(&mut marks.include), Some(&mut marks.exclude)));
        let mut verdict = Verdict::Take;
        if let Some(side) = &self.include
            && !side.patterns.matches_under(path, parent.map(|marks| &marks.include), include_marks)?
        {
            if is_dir && !side.may_bring_in(path, false) {
                return Ok(Verdict::Leave);
            }
            verdict = Verdict::LookInside;
        }
        if let Some(side) = &self.exclude
            && side.patterns.matches_under(path, parent.map(|marks| &marks.exclude), exclude_marks)?
        {
            if is_dir && !side.may_bring_in(path, true) {
                return Ok(Verdict::Leave);
            }
            verdict = Verdict::LookInside;
        }
        Ok(if verdict == Verdict::LookInside && !is_dir { Verdict::Leave } else { verdict })
    }
}

/// The include patterns and what the follow paths add to them; none if all is wanted.
fn with_followed(root: &Path, include: &[String], follow: &[String]) -> Result<Option<Vec<String>>, WalkError> {
    let root = root.canonicalize().map_err(|error| WalkError::root(root, error))?;
    match follow_links(&root, follow)? {
        // A follow path that is the root adds nothing, and takes nothing away.
        None => Ok(Some(include.to_vec())),
        Some(followed) => Ok(without_children(include.iter().cloned().chain(followed))),
    }
}

impl Side {
    fn new(patterns: &[String], exceptions_bring_in: bool) -> Result<Option<Self>, PatternError> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let patterns = Patterns::new(patterns)?;
        let plain = |pattern: &Pattern| !pattern.stem().contains(['*', '[', ']', '?', '^', '\\']);
        let plain = patterns.of_kind(exceptions_bring_in).all(plain);
        Ok(Some(Self { patterns, plain }))
    }

    /// Whether some of the patterns that bring entries in could match below `dir`.
    fn may_bring_in(&self, dir: &str, exceptions: bool) -> bool {
        if exceptions && !self.patterns.has_exceptions() {
            return false;
        }
        let below = |pattern: &Pattern| {
            pattern.stem().strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !self.plain || self.patterns.of_kind(exceptions).any(below)
    }
}
