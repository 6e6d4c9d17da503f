//! `secret.file`, `secret.history`: what whoever has the image has too, also where a later layer deletes it.

use crate::image::dockerfile::Instruction;
use crate::image::files::{Entry, Kind};
use crate::image::traces::{Trace, is_env};
use crate::verify::credentials::why_secret;
use crate::verify::subject::{Checked, Draft, Subject};
use std::collections::BTreeSet;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    Ok([files(subject), history(subject)].concat())
}

/// A file that gives something away.
struct Leak<'a> {
    layer: usize,
    entry: &'a Entry,
    what: String,
    /// The layer that hides it.
    hidden: Option<usize>,
}

fn files(subject: &Subject<'_>) -> Vec<Draft> {
    let mut leaks = leaks(subject);
    if leaks.is_empty() {
        return Vec::new();
    }
    // What a package ships, everyone has.
    let owners = subject.facts.owners();
    leaks.retain(|leak| owners.owner(&leak.entry.path).is_none());
    leaks.iter().map(|leak| draft(subject, leak)).collect()
}

fn leaks<'a>(subject: &Subject<'a>) -> Vec<Leak<'a>> {
    let mut found = Vec::new();
    for (layer, facts) in subject.facts.layers.iter().enumerate() {
        for (place, entry) in facts.entries.iter().enumerate() {
            let Some(what) = what(entry) else { continue };
            let covered = subject.tree.covered().iter().find(|one| (one.layer, one.entry) == (layer, place));
            found.push(Leak { layer, entry, what, hidden: covered.map(|one| one.by) });
        }
    }
    found
}

/// What it gives away, by its content or by its name.
fn what(entry: &Entry) -> Option<String> {
    if entry.kind != Kind::File || entry.size == 0 {
        return None;
    }
    let name = entry.path.rsplit('/').next().unwrap_or_default();
    let all: Vec<String> = entry.traces.iter().map(Trace::to_string).collect();
    match all.is_empty() {
        false => Some(all.join(" and ")),
        true => is_env(name).then(|| "an environment".to_owned()),
    }
}

fn draft(subject: &Subject<'_>, leak: &Leak<'_>) -> Draft {
    let line = |layer: usize| subject.origins.get(layer).and_then(|origin| origin.line);
    let later = leak.hidden.map(|by| {
        let by = line(by).map_or_else(|| "a later layer".to_owned(), |line| format!("line {line}"));
        format!("; {by} replaces or deletes it, and it is in the image all the same")
    });
    let found = format!("`/{}` holds {}{}", leak.entry.path, leak.what, later.unwrap_or_default());
    let made_by = subject.origins.get(leak.layer).map(|origin| origin.text.clone()).unwrap_or_default();
    let hint = match made_by.split(' ').next() {
        Some("COPY" | "ADD") => "leave it out by .dockerignore, and make it anew: it is known",
        _ => "give it to the step by `RUN --mount=type=secret`, and make it anew: it is known",
    };
    let details = if made_by.is_empty() { Vec::new() } else { vec![format!("put there by: {made_by}")] };
    Draft::new("secret.file", "no secret in any layer", found)
        .of(format!("/{}", leak.entry.path))
        .at(line(leak.layer).and_then(|line| subject.place(line)))
        .details(details)
        .hint(hint)
}

/// Build arguments stand before the command in what a `RUN` leaves in the history: `|1 TOKEN=… /bin/sh -c …`.
fn history(subject: &Subject<'_>) -> Vec<Draft> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for entry in &subject.facts.config.history {
        for (name, value) in arguments(&entry.created_by) {
            let Some(why) = why_secret(name, value).filter(|_| known.insert(name.to_owned())) else { continue };
            let declares = |one: &Instruction| {
                one.keyword == "ARG" && one.text.split(['=', ' ']).next().is_some_and(|word| word == name)
            };
            let draft =
                Draft::new("secret.history", "no secret in the history", format!("the argument `{name}` {why}"))
                    .of(name)
                    .at(subject.last_instruction(declares))
                    .hint(format!("give `{name}` to the step by `RUN --mount=type=secret,id={name}`"));
            found.push(draft);
        }
    }
    found
}

/// Names and values of the build arguments that an entry of the history begins with.
fn arguments(created_by: &str) -> Vec<(&str, &str)> {
    let text = created_by.trim_start();
    let text = text.strip_prefix("RUN ").unwrap_or(text).trim_start();
    let Some((count, rest)) = text.strip_prefix('|').and_then(|text| text.split_once(' ')) else { return Vec::new() };
    let count = count.parse().unwrap_or(0);
    rest.split(' ').take(count).filter_map(|pair| pair.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_before_the_command() {
        let old = "|2 TOKEN=abc MODE=x /bin/sh -c make X=1";
        assert_eq!(arguments(old), [("TOKEN", "abc"), ("MODE", "x")]);
        assert_eq!(arguments("RUN |1 TOKEN=abc /bin/sh -c make # buildkit"), [("TOKEN", "abc")]);
        assert_eq!(arguments("RUN /bin/sh -c A=b make | tee x"), []);
        assert_eq!(arguments("|x TOKEN=abc"), []);
    }
}
