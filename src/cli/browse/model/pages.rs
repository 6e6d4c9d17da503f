//! The pages beside the files: what could go, and what is more or less than in another image.

use super::list::List;
use crate::blame::{Blame, Change, Cut, Effort, Growth};

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An instruction.
    Line,
    /// A package or a folder.
    Part,
    /// A file.
    File,
}

/// A row of the page on growth.
#[derive(Clone, Copy, Debug)]
pub enum GrowthRow<'a> {
    /// So many changes of a kind follow.
    Head(What, usize),
    /// A change.
    Change(What, &'a Change),
}

/// What could go.
pub struct Cuts<'a> {
    /// What costs least first.
    pub all: Vec<&'a Cut>,
    /// The cursor.
    pub list: List,
}

/// What is more or less.
pub struct Grown<'a> {
    /// All of it.
    pub growth: &'a Growth,
    /// By line, by part, by file.
    pub rows: Vec<GrowthRow<'a>>,
    /// The cursor.
    pub list: List,
}

impl<'a> Cuts<'a> {
    /// Those of `blame`.
    pub fn new(blame: &'a Blame) -> Self {
        Self { all: blame.cuts.iter().collect(), list: List::default() }
    }

    /// What those of `effort` save, in bytes.
    pub fn saved(&self, effort: Effort) -> u64 {
        self.all.iter().filter(|cut| cut.effort == effort).map(|cut| cut.saves.0).sum()
    }

    /// The selected one.
    pub fn selected(&self) -> Option<&'a Cut> {
        self.all.get(self.list.cursor).copied()
    }
}

impl<'a> Grown<'a> {
    /// All of `growth`.
    pub fn new(growth: &'a Growth) -> Self {
        let all = [(What::Line, &growth.lines), (What::Part, &growth.parts), (What::File, &growth.files)];
        let rows = all.into_iter().filter(|(_, changes)| !changes.is_empty()).flat_map(|(what, changes)| {
            let head = std::iter::once(GrowthRow::Head(what, changes.len()));
            head.chain(changes.iter().map(move |change| GrowthRow::Change(what, change)))
        });
        Self { growth, rows: rows.collect(), list: List::default() }
    }

    /// The selected row.
    pub fn selected(&self) -> Option<GrowthRow<'a>> {
        self.rows.get(self.list.cursor).copied()
    }
}
