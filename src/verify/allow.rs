//! `allow.unused`, and what is accepted.

use crate::project::Allowance;
use crate::verify::Accepted;
use crate::verify::subject::{Draft, Subject};

/// What each allowance accepts, where it accepts anything.
pub(super) fn accepted(subject: &Subject<'_>) -> Vec<Accepted> {
    let one = |(by, what): (&Allowance, Option<Vec<String>>)| Some(Accepted { by: by.clone(), what: what? });
    subject.uses().filter_map(one).collect()
}

/// An allowance of this very image that accepts nothing: what it was for is repaired, or it names it wrongly.
pub(super) fn unused(subject: &Subject<'_>) -> Vec<Draft> {
    let idle = subject.uses().filter(|(by, what)| what.is_none() && by.image.is_some()).map(|(by, _)| by);
    let draft = |by: &Allowance| {
        Draft::new("allow.unused", "allowances that accept something", format!("nothing of `{}` to accept", by.rule))
            .at(Some(by.place.clone()))
            .hint("remove it")
    };
    idle.map(draft).collect()
}
