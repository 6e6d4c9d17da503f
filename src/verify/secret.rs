//! `secret.env`, `secret.label`.

use crate::image::dockerfile::Instruction;
use crate::verify::credentials::why_secret;
use crate::verify::subject::{Checked, Draft, Subject};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let config = &subject.facts.config.config;
    let env = config.env.iter().filter_map(|pair| pair.split_once('='));
    let labels = config.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let in_env = env.filter_map(|(name, value)| draft(subject, "secret.env", "ENV", name, value));
    let in_labels = labels.filter_map(|(name, value)| draft(subject, "secret.label", "LABEL", name, value));
    Ok(in_env.chain(in_labels).collect())
}

fn draft(subject: &Subject<'_>, rule: &'static str, keyword: &str, name: &str, value: &str) -> Option<Draft> {
    let why = why_secret(name, value)?;
    let sets = |one: &Instruction| one.keyword == keyword && names(&one.text, name);
    let kind = if keyword == "ENV" { "environment" } else { "labels" };
    let hint = match keyword {
        "ENV" => {
            format!("give `{name}` to the container when it starts, or as a build secret to the step that needs it")
        }
        _ => format!("remove the label `{name}`"),
    };
    Some(
        Draft::new(rule, format!("no secret in the {kind}"), format!("`{name}` {why}"))
            .of(name)
            .at(subject.last_instruction(sets))
            .hint(hint),
    )
}

/// The text of an `ENV` or `LABEL` sets `name`.
fn names(text: &str, name: &str) -> bool {
    let is_name = |word: &str| word.split('=').next().is_some_and(|word| word.trim_matches(['"', '\'']) == name);
    text.split_whitespace().any(is_name)
}
