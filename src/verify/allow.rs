//! `allow.unused`, and what is accepted.

use crate::project::Allowance;
use crate::verify::subject::{Draft, Subject};
use crate::verify::{Accepted, NotChecked, pod, rules};

/// What each allowance accepts, where it accepts anything.
pub(super) fn accepted(subject: &Subject<'_>) -> Vec<Accepted> {
    let one = |(by, what): (&Allowance, Option<Vec<String>>)| Some(Accepted { by: by.clone(), what: what? });
    subject.uses().filter_map(one).collect()
}

/// An allowance of this very image that accepts nothing: what it was for is repaired, or it names it wrongly.
pub(super) fn unused(subject: &Subject<'_>, not_checked: &[NotChecked]) -> Vec<Draft> {
    // What was not looked at may need it: rules of `smoke`, those of pods where none are known, and those
    // that could not be checked.
    let looked = |rule: &str| {
        let pods = !pod::is_rule(rule) || !subject.policy.pods.is_empty();
        pods && rules::find(rule).is_some() && !not_checked.iter().any(|one| one.rule == rule)
    };
    let idle = subject.uses().filter(|(by, what)| what.is_none() && by.image.is_some() && looked(&by.rule));
    let idle = idle.map(|(by, _)| by);
    let draft = |by: &Allowance| {
        Draft::new("allow.unused", "allowances that accept something", format!("nothing of `{}` to accept", by.rule))
            .at(Some(by.place.clone()))
            .hint("remove it")
    };
    idle.map(draft).collect()
}
