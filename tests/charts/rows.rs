//! What setting one value changes, as lines to compare.

use crate::helm::{Objects, render, workload};
use serde_json::Value;
use std::collections::BTreeSet;

/// One value of a chart, another value for it, and the one thing that this changes.
pub struct Row {
    pub value: String,
    to: Value,
    given: Vec<&'static str>,
    changes: Vec<String>,
}

/// Each change is `KIND/PLACE = JSON`, `KIND/PLACE gone`, `+ KIND` or `- KIND`. Instead of a kind,
/// `workload`, `pod` and `container` lead to the Deployment's or StatefulSet's own, and `*` stands
/// for every object that has such a place.
pub fn row(value: &str, to: Value, changes: &[&str]) -> Row {
    let changes = changes.iter().map(|change| (*change).to_owned()).collect();
    Row { value: value.to_owned(), to, given: Vec::new(), changes }
}

impl Row {
    /// What else must be set, `PATH=JSON`, for the value to mean anything.
    pub fn given(self, given: &[&'static str]) -> Self {
        Self { given: given.to_vec(), ..self }
    }

    /// What is wrong with it, if anything is.
    pub fn problem(&self, chart: &str) -> Option<String> {
        let set = format!("{}={}", self.value, self.to);
        let before = render(chart, &self.given);
        let after = render(chart, &[self.given.as_slice(), &[&set]].concat());
        let (found, expected) = (changes(&before, &after), self.expected(&before, &after));
        let lines =
            |lines: BTreeSet<&String>| lines.into_iter().map(|line| format!("    {line}\n")).collect::<String>();
        let (missing, surprising) = (expected.difference(&found).collect(), found.difference(&expected).collect());
        (found != expected)
            .then(|| format!("{chart}: {set}\n  does not:\n{}  but does:\n{}", lines(missing), lines(surprising)))
    }

    fn expected(&self, before: &Objects, after: &Objects) -> BTreeSet<String> {
        self.changes.iter().flat_map(|change| expand(change, before, after)).collect()
    }
}

fn expand(change: &str, before: &Objects, after: &Objects) -> Vec<String> {
    let Some((first, rest)) = change.split_once('/') else { return vec![change.to_owned()] };
    let kind = workload(before)["kind"].as_str().unwrap();
    let at = |place: &str| vec![format!("{kind}{place}/{rest}")];
    match first {
        "workload" => at(""),
        "pod" => at("/spec/template/spec"),
        "container" => at("/spec/template/spec/containers/0"),
        "*" => {
            let place = rest.split(' ').next().unwrap_or(rest);
            let has = |objects: &Objects, kind| objects[kind].pointer(&format!("/{place}")).is_some();
            let kinds = before.keys().filter(|kind| after.contains_key(*kind) && has(before, *kind));
            kinds.map(|kind| format!("{kind}/{rest}")).collect()
        }
        _ => vec![change.to_owned()],
    }
}

/// All that differs, a line each.
pub fn changes(before: &Objects, after: &Objects) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for kind in before.keys().chain(after.keys()) {
        match (before.get(kind), after.get(kind)) {
            (Some(old), Some(new)) => differences(kind, old, new, &mut lines),
            (Some(_), None) => drop(lines.insert(format!("- {kind}"))),
            _ => drop(lines.insert(format!("+ {kind}"))),
        }
    }
    lines
}

fn differences(place: &str, old: &Value, new: &Value, lines: &mut BTreeSet<String>) {
    if old == new {
        return;
    }
    let (old_parts, new_parts) = (parts(old), parts(new));
    if old_parts.is_empty() || new_parts.is_empty() || old.is_array() != new.is_array() {
        lines.insert(format!("{place} = {new}"));
        return;
    }
    for (key, inside) in &new_parts {
        let place = format!("{place}/{key}");
        match old_parts.iter().find(|(other, _)| other == key) {
            Some((_, before)) => differences(&place, before, inside, lines),
            None => drop(lines.insert(format!("{place} = {inside}"))),
        }
    }
    let gone = old_parts.iter().filter(|(key, _)| !new_parts.iter().any(|(other, _)| other == key));
    lines.extend(gone.map(|(key, _)| format!("{place}/{key} gone")));
}

/// What is inside, by the names that a JSON pointer has for it.
fn parts(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_change_is_told_by_its_place() {
    let objects = |json: Value| -> Objects { serde_json::from_value(json).unwrap() };
    let before = objects(serde_json::json!({"A": {"x": {"y/z": 1}, "list": [1, 2], "old": 1}, "B": {}}));
    let after = objects(serde_json::json!({"A": {"x": {"y/z": 2}, "list": [1, 3, 4], "new": {"k": 1}}, "C": {}}));
    let lines: Vec<String> = changes(&before, &after).into_iter().collect();
    let expected = ["+ C", "- B", "A/list/1 = 3", "A/list/2 = 4", "A/new = {\"k\":1}", "A/old gone", "A/x/y~1z = 2"];
    assert_eq!(lines, expected);
    assert!(changes(&before, &before).is_empty());
}
