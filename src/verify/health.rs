//! `healthcheck.missing`.

use crate::verify::subject::{Checked, Draft, Subject};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let test = subject.facts.config.config.healthcheck.as_ref().map_or(&[][..], |check| &check.test);
    let found = match test.first().map(String::as_str) {
        None => "no HEALTHCHECK",
        Some("NONE") => "HEALTHCHECK is NONE",
        Some(_) => return Ok(Vec::new()),
    };
    let place = subject.last_instruction(|one| one.keyword == "HEALTHCHECK").or_else(|| subject.last_from());
    Ok(vec![Draft::new("healthcheck.missing", "a HEALTHCHECK", found).at(place)])
}
