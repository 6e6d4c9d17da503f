//! What a Dockerfile says of its steps: which stages there are, and what an instruction takes.

use crate::build::lines::makes_step;
use crate::image::dockerfile::{Dockerfile, Instruction, Stage, expand};
use crate::project::ImagePlan;
use crate::types::wildcard;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for an instruction while lines move.
pub(super) fn key(instruction: &Instruction) -> String {
    let Instruction { keyword, flags, text, heredocs, .. } = instruction;
    format!("{keyword} {} {text} {}", flags.join(" "), heredocs.concat()).trim_end().to_owned()
}

/// Whether a build step depends on instructions of this kind.
pub(super) fn decides(keyword: &str) -> bool {
    makes_step(keyword) || ["ARG", "ENV", "USER", "SHELL"].contains(&keyword)
}

/// The stage of `file` that `stage`, which is at `index` of another version of it, was.
pub(super) fn stage_of<'f>(file: &'f Dockerfile, stage: &Stage, index: usize) -> Option<&'f Stage> {
    match &stage.name {
        Some(name) => file.stages.iter().find(|one| one.name.as_ref() == Some(name)),
        None => file.stages.get(index).filter(|one| one.name.is_none()),
    }
}

/// The stages that the one at `target` is made from, itself the last.
pub(super) fn needed(file: &Dockerfile, target: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![target];
    while let Some(index) = open.pop() {
        if !found.insert(index) {
            continue;
        }
        open.extend(file.parent(index));
        let sources = file.stages[index].instructions.iter().flat_map(Instruction::sources);
        open.extend(sources.filter_map(|name| file.stage_before(name, index)));
    }
    found
}

fn option<'m>(mount: &'m str, name: &str) -> Option<&'m str> {
    mount.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The values of all arguments, those that the plan gives before the Dockerfile's own.
pub(super) fn values(file: &Dockerfile, image: &ImagePlan) -> BTreeMap<String, String> {
    let mut values = defaults(file);
    values.extend(image.args.iter().map(|arg| (arg.name.clone(), arg.value.clone())));
    values
}

/// The values that the Dockerfile itself gives.
pub(super) fn defaults(file: &Dockerfile) -> BTreeMap<String, String> {
    let all = file.globals.iter().chain(file.stages.iter().flat_map(|stage| &stage.instructions));
    let words = all.filter(|one| one.keyword == "ARG").flat_map(|one| one.text.split_whitespace());
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect()
}

pub(super) fn names(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().filter_map(|word| word.split('=').next()).map(str::to_owned)
}

/// Whether `text` names the variable `name`.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices('$').any(|(at, _)| {
        let rest = &text[at + 1..];
        rest.strip_prefix('{').unwrap_or(rest).strip_prefix(name).is_some_and(ends)
    })
}

/// The paths of the context that it takes, empty for all of it.
pub(super) fn sources(instruction: &Instruction, values: &BTreeMap<String, String>) -> Vec<String> {
    let clean = |text: &str| {
        let text = expand(text, values).unwrap_or_default();
        let text = text.trim_start_matches("./").trim_matches('/');
        if text == "." { String::new() } else { text.to_owned() }
    };
    match instruction.keyword.as_str() {
        "RUN" => {
            let binds = instruction.mounts().filter(|mount| {
                option(mount, "from").is_none() && option(mount, "type").is_none_or(|kind| kind == "bind")
            });
            let source = |mount| option(mount, "source").or_else(|| option(mount, "src")).unwrap_or("");
            binds.map(source).map(clean).collect()
        }
        "COPY" | "ADD" if instruction.flag("from").is_none() => {
            let mut words: Vec<String> = serde_json::from_str(&instruction.text)
                .unwrap_or_else(|_| instruction.text.split_whitespace().map(str::to_owned).collect());
            words.pop();
            let local = |word: &&String| !word.starts_with("<<") && !word.contains("://");
            words.iter().filter(local).map(|word| clean(word)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether `path` is `source`, or below it.
pub(super) fn takes(source: &str, path: &str) -> bool {
    // A wildcard of Go's that is none of ours: what stands before it decides.
    if let Some(at) = source.find(['?', '[', '\\']) {
        return path.starts_with(&source[..at]);
    }
    source.is_empty() || wildcard(source, path) || wildcard(&format!("{source}/**"), path)
}
