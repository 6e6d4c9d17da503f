//! The steps of a Dockerfile, what each takes, and what of that changed.

use super::{Changes, Predicted};
use crate::build::lines::makes_step;
use crate::image::dockerfile::{Dockerfile, Instruction, Stage, expand};
use crate::project::ImagePlan;
use crate::types::{Because, ImageRef, wildcard};
use std::collections::{BTreeMap, BTreeSet};

/// The steps that an image needs, in the order of the Dockerfile.
pub(in crate::build) struct Plan<'a> {
    changes: &'a Changes,
    steps: Vec<Step>,
    /// The lines of those that are made from something else than before, whether the builder had that
    /// from another time or not.
    other: BTreeSet<u32>,
}

struct Step {
    line: u32,
    text: String,
    key: String,
    /// What it takes by itself, and changed.
    own: Vec<Because>,
    /// What its stage begins from changed.
    root: Vec<Because>,
    /// The step before it in its chain of stages.
    above: Option<u32>,
    /// The last steps of the stages that it takes files from.
    beside: Vec<u32>,
}

/// What stands for an instruction while lines move.
fn key(instruction: &Instruction) -> String {
    let Instruction { keyword, flags, text, heredocs, .. } = instruction;
    format!("{keyword} {} {text} {}", flags.join(" "), heredocs.concat()).trim_end().to_owned()
}

impl<'a> Plan<'a> {
    /// Of the Dockerfile `text`, built as `image` says.
    pub(in crate::build) fn new(text: &str, image: &ImagePlan, changes: &'a Changes) -> Self {
        let file = Dockerfile::parse(text);
        let values = values(&file, image);
        let target = match &image.stage {
            Some(name) => file.stage_before(name, file.stages.len()),
            None => file.stages.len().checked_sub(1),
        };
        let needed = target.map(|target| needed(&file, target)).unwrap_or_default();
        let mut plan = Self { changes, steps: Vec::new(), other: BTreeSet::new() };
        let mut last: BTreeMap<usize, u32> = BTreeMap::new();
        for index in needed {
            if let Some(line) = plan.stage(&file, index, &values, &last) {
                last.insert(index, line);
            }
        }
        for step in &plan.steps {
            let by_others = step.above.iter().chain(&step.beside).any(|line| plan.other.contains(line));
            if by_others || !step.own.is_empty() || !step.root.is_empty() {
                plan.other.insert(step.line);
            }
        }
        plan
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Adds the steps of a stage; gives the last one of its chain. `last` has those of the stages before.
    fn stage(
        &mut self,
        file: &Dockerfile,
        index: usize,
        values: &BTreeMap<String, String>,
        last: &BTreeMap<usize, u32>,
    ) -> Option<u32> {
        let stage = &file.stages[index];
        let before = self.changes.before.as_ref().and_then(|before| stage_of(before, stage, index));
        let parent = parent(file, index);
        let root = self.root(stage, before, parent.is_none(), values);
        let mut above = parent.and_then(|parent| last.get(&parent).copied());
        let mut edited = Edited::new(before);
        let mut declared = BTreeSet::new();
        for instruction in stage.instructions.iter().filter(|one| decides(&one.keyword)) {
            let by_line = edited.next(instruction);
            if instruction.keyword == "ARG" {
                declared.extend(names(&instruction.text));
            }
            if !makes_step(&instruction.keyword) {
                continue;
            }
            let mut own: Vec<Because> = by_line.into_iter().collect();
            own.extend(self.arguments(instruction, &declared));
            own.extend(self.files(instruction, values));
            self.steps.push(Step {
                line: instruction.line,
                text: instruction.summary(),
                key: key(instruction),
                own,
                root: root.clone(),
                above,
                beside: froms(instruction)
                    .filter_map(|name| last.get(&file.stage_before(name, index)?).copied())
                    .collect(),
            });
            above = Some(instruction.line);
        }
        above
    }

    fn root(
        &self,
        stage: &Stage,
        before: Option<&Stage>,
        is_image: bool,
        values: &BTreeMap<String, String>,
    ) -> Vec<Because> {
        let mut causes = Vec::new();
        if self.changes.before.is_some() && before.is_none_or(|before| before.from.text != stage.from.text) {
            causes.push(Because::Instruction { line: stage.from.line });
        }
        let used = self.changes.args.iter().filter(|name| mentions(&stage.from.text, name));
        causes.extend(used.map(|name| Because::Argument { name: name.clone() }));
        if let Some(image) = expand(&stage.base, values).filter(|_| is_image)
            && let Ok(name) = image.parse::<ImageRef>()
            && self.changes.bases.contains(&name.canonical())
        {
            causes.push(Because::Base { image });
        }
        if self.changes.platform {
            causes.push(Because::Platform);
        }
        causes
    }

    /// A `RUN` sees every argument that was declared before it; others only what they name.
    fn arguments<'c>(
        &'c self,
        instruction: &'c Instruction,
        declared: &'c BTreeSet<String>,
    ) -> impl Iterator<Item = Because> + 'c {
        let sees = |name: &&String| match instruction.keyword.as_str() {
            "RUN" => declared.contains(*name),
            _ => mentions(&instruction.text, name),
        };
        self.changes.args.iter().filter(sees).map(|name| Because::Argument { name: name.clone() })
    }

    /// What of the context it takes changed.
    fn files(&self, instruction: &Instruction, values: &BTreeMap<String, String>) -> Option<Because> {
        let sources = sources(instruction, values);
        let taken = |path: &str| sources.iter().any(|source| takes(source, path));
        let mut changed = self.changes.files.iter().filter(|(path, _)| taken(path));
        if let Some((path, change)) = changed.next() {
            return Some(Because::Files { path: path.clone(), change: *change, count: 1 + changed.count() });
        }
        None
    }

    /// Why the step at `line` ran, when those at `ran` did; nothing if it is no step of this Dockerfile.
    pub(in crate::build) fn because(&self, line: u32, ran: &BTreeSet<u32>) -> Vec<Because> {
        let Some(step) = self.steps.iter().find(|step| step.line == line) else { return Vec::new() };
        if self.changes.asked {
            return vec![Because::Asked];
        }
        if self.changes.before.is_none() {
            return vec![Because::Unknown];
        }
        let mut causes = step.own.clone();
        let is_other = |line: &u32| ran.contains(line) || self.other.contains(line);
        let above = step.above.filter(is_other);
        if above.is_none() {
            causes.extend(step.root.iter().cloned());
        }
        if causes.is_empty() {
            let first = above.or_else(|| step.beside.iter().copied().find(is_other));
            causes.extend(first.map(|line| Because::Step { line }));
        }
        if causes.is_empty() {
            causes.push(self.otherwise(step));
        }
        causes
    }

    /// What is left when nothing that it takes is known to have changed.
    fn otherwise(&self, step: &Step) -> Because {
        match &self.changes.ignore {
            _ if self.changes.is_unknown() => Because::Unknown,
            Some(file) if step.text.starts_with("COPY") || step.text.starts_with("ADD") => {
                Because::IgnoreRules { file: file.clone() }
            }
            _ if self.changes.engine => Because::Engine,
            _ => Because::CacheGone,
        }
    }

    /// The steps that will run, with what `times` says of them.
    pub(super) fn predicted(&self, times: Option<&BTreeMap<String, u64>>) -> Vec<Predicted> {
        let mut ran = BTreeSet::new();
        let mut found = Vec::new();
        for step in &self.steps {
            let by_others = step.above.iter().chain(&step.beside).any(|line| ran.contains(line));
            let all = self.changes.asked || self.changes.engine || self.changes.is_unknown();
            let ignored = self.changes.ignore.is_some() && step.text.starts_with("COPY");
            if !(all || by_others || ignored || !step.own.is_empty() || !step.root.is_empty()) {
                continue;
            }
            ran.insert(step.line);
            let (because, ms) = (self.because(step.line, &ran), times.and_then(|times| times.get(&step.key)).copied());
            found.push(Predicted { line: step.line, text: step.text.clone(), because, ms });
        }
        found
    }

    /// Whether it has a step with this key.
    pub(in crate::build) fn has(&self, key: &str) -> bool {
        self.steps.iter().any(|step| step.key == key)
    }

    /// The key of the step at `line`.
    pub(in crate::build) fn key(&self, line: u32) -> Option<&str> {
        self.steps.iter().find(|step| step.line == line).map(|step| step.key.as_str())
    }
}

/// The first instruction of a stage that is another one than before, and what it reaches.
struct Edited<'a> {
    before: Vec<&'a Instruction>,
    known: bool,
    next: usize,
    /// The line of an edited instruction that makes no step, but decides what steps after it see.
    setting: Option<u32>,
    found: bool,
}

impl<'a> Edited<'a> {
    fn new(before: Option<&'a Stage>) -> Self {
        let list = |stage: &'a Stage| stage.instructions.iter().filter(|one| decides(&one.keyword)).collect();
        let known = before.is_some();
        Self { before: before.map(list).unwrap_or_default(), known, next: 0, setting: None, found: false }
    }

    /// What the lines say of `instruction`, the next one.
    fn next(&mut self, instruction: &Instruction) -> Option<Because> {
        let before = self.before.get(self.next);
        self.next += 1;
        let line = instruction.line;
        if self.known && !self.found && before.is_none_or(|before| key(before) != key(instruction)) {
            self.found = true;
            if makes_step(&instruction.keyword) {
                return Some(Because::Instruction { line });
            }
            self.setting = Some(line);
        }
        // What the environment, the user or the shell is matters to what runs.
        self.setting.filter(|_| instruction.keyword == "RUN").map(|line| Because::Instruction { line })
    }
}

/// Whether a build step depends on instructions of this kind.
fn decides(keyword: &str) -> bool {
    makes_step(keyword) || ["ARG", "ENV", "USER", "SHELL"].contains(&keyword)
}

/// The stage of `file` that `stage`, which is at `index` of another version of it, was.
fn stage_of<'f>(file: &'f Dockerfile, stage: &Stage, index: usize) -> Option<&'f Stage> {
    match &stage.name {
        Some(name) => file.stages.iter().find(|one| one.name.as_ref() == Some(name)),
        None => file.stages.get(index).filter(|one| one.name.is_none()),
    }
}

/// The stage that the one at `index` begins from.
fn parent(file: &Dockerfile, index: usize) -> Option<usize> {
    let base = &file.stages[index].base;
    file.stage_before(base, index).filter(|_| base.parse::<usize>().is_err())
}

/// The stages that the one at `target` is made from, itself the last.
fn needed(file: &Dockerfile, target: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![target];
    while let Some(index) = open.pop() {
        if !found.insert(index) {
            continue;
        }
        open.extend(parent(file, index));
        let froms = file.stages[index].instructions.iter().flat_map(froms);
        open.extend(froms.filter_map(|name| file.stage_before(name, index)));
    }
    found
}

/// What an instruction takes files from, other than the context.
fn froms(instruction: &Instruction) -> impl Iterator<Item = &str> {
    instruction.flag("from").into_iter().chain(mounts(instruction).filter_map(|mount| option(mount, "from")))
}

fn mounts(instruction: &Instruction) -> impl Iterator<Item = &str> {
    instruction.flags.iter().filter_map(|flag| flag.strip_prefix("--mount="))
}

fn option<'m>(mount: &'m str, name: &str) -> Option<&'m str> {
    mount.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The values of all arguments, those that the plan gives before the Dockerfile's own.
fn values(file: &Dockerfile, image: &ImagePlan) -> BTreeMap<String, String> {
    let all = file.globals.iter().chain(file.stages.iter().flat_map(|stage| &stage.instructions));
    let words = all.filter(|one| one.keyword == "ARG").flat_map(|one| one.text.split_whitespace());
    let defaults = words.filter_map(|word| word.split_once('='));
    let mut values: BTreeMap<String, String> =
        defaults.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect();
    values.extend(image.args.iter().map(|arg| (arg.name.clone(), arg.value.clone())));
    values
}

fn names(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().filter_map(|word| word.split('=').next()).map(str::to_owned)
}

/// Whether `text` names the variable `name`.
fn mentions(text: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices('$').any(|(at, _)| {
        let rest = &text[at + 1..];
        rest.strip_prefix('{').unwrap_or(rest).strip_prefix(name).is_some_and(ends)
    })
}

/// The paths of the context that it takes, empty for all of it.
fn sources(instruction: &Instruction, values: &BTreeMap<String, String>) -> Vec<String> {
    let clean = |text: &str| {
        let text = expand(text, values).unwrap_or_default();
        let text = text.trim_start_matches("./").trim_matches('/');
        if text == "." { String::new() } else { text.to_owned() }
    };
    match instruction.keyword.as_str() {
        "RUN" => {
            let binds = mounts(instruction).filter(|mount| {
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
fn takes(source: &str, path: &str) -> bool {
    // A wildcard of Go's that is none of ours: what stands before it decides.
    if let Some(at) = source.find(['?', '[', '\\']) {
        return path.starts_with(&source[..at]);
    }
    source.is_empty() || wildcard(source, path) || wildcard(&format!("{source}/**"), path)
}
