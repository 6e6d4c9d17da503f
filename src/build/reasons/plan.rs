//! The steps of a Dockerfile, what each takes, and what of that changed.

use super::reading::{decides, defaults, key, mentions, names, needed, sources, stage_of, takes, values};
use super::{Changes, Predicted};
use crate::build::lines::makes_step;
use crate::image::dockerfile::{Dockerfile, Instruction, Stage, expand};
use crate::project::ImagePlan;
use crate::types::{Because, ImageRef};
use std::collections::{BTreeMap, BTreeSet};

/// The steps that an image needs, in the order of the Dockerfile.
pub(in crate::build) struct Plan<'a> {
    changes: &'a Changes,
    steps: Vec<Step>,
    /// The lines of those that are made from something else than before, whether the builder had that
    /// from another time or not.
    other: BTreeSet<u32>,
    /// The arguments that the plan gives.
    given: Vec<String>,
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
    /// It copies from the context.
    copies: bool,
}

/// What a stage leaves to those that begin from it.
#[derive(Clone, Default)]
struct Left {
    /// The last step of its chain.
    last: Option<u32>,
    /// What it begins from itself, as long as no step followed.
    root: Vec<Because>,
    /// The line of an edited setting that no step has seen yet.
    setting: Option<u32>,
}

impl<'a> Plan<'a> {
    /// Of the Dockerfile `text`, built as `image` says.
    pub(in crate::build) fn new(text: &str, image: &ImagePlan, changes: &'a Changes) -> Self {
        let file = Dockerfile::parse(text);
        let values = values(&file, image);
        let needed = file.target(image.stage.as_deref()).map(|target| needed(&file, target)).unwrap_or_default();
        let given = image.args.iter().map(|arg| arg.name.clone()).collect();
        let mut plan = Self { changes, steps: Vec::new(), other: BTreeSet::new(), given };
        let mut left: BTreeMap<usize, Left> = BTreeMap::new();
        for index in needed {
            let stage = plan.stage(&file, index, &values, &left);
            left.insert(index, stage);
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

    /// Adds the steps of a stage. `left` has the stages before.
    fn stage(
        &mut self,
        file: &Dockerfile,
        index: usize,
        values: &BTreeMap<String, String>,
        left: &BTreeMap<usize, Left>,
    ) -> Left {
        let stage = &file.stages[index];
        let before = self.changes.before.as_ref().and_then(|before| stage_of(before, stage, index));
        let parent = file.parent(index);
        let Left { last: mut above, root: inherited, setting } =
            parent.and_then(|parent| left.get(&parent).cloned()).unwrap_or_default();
        let mut root = self.root(stage, before, parent.is_none(), values);
        root.extend(inherited);
        let mut edited = Edited::new(before, setting);
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
            let beside =
                instruction.sources().into_iter().filter_map(|name| left.get(&file.stage_before(name, index)?)?.last);
            self.steps.push(Step {
                line: instruction.line,
                text: instruction.summary(),
                key: key(instruction),
                own,
                root: root.clone(),
                above,
                beside: beside.collect(),
                copies: ["COPY", "ADD"].contains(&instruction.keyword.as_str()) && instruction.flag("from").is_none(),
            });
            above = Some(instruction.line);
        }
        // What was taken away at its end made its last step's result another one.
        if edited.is_cut() {
            self.other.extend(above);
        }
        Left { last: above, root: if above.is_none() { root } else { Vec::new() }, setting: edited.setting }
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
        let image = expand(&stage.base, values).filter(|_| is_image);
        // The same words may mean another image: an `ARG` before the first `FROM` has another value.
        let was = before.and_then(|before| expand(&before.base, &self.values_before(values)));
        if causes.is_empty() && is_image && was.is_some() && was != image {
            causes.push(Because::Instruction { line: stage.from.line });
        }
        if let Some(image) = image
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

    /// The values of arguments by the Dockerfile before; those that the plan gives are as they are now.
    fn values_before(&self, now: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut values = self.changes.before.as_ref().map(defaults).unwrap_or_default();
        values.extend(self.given.iter().filter_map(|name| Some((name.clone(), now.get(name)?.clone()))));
        values
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
        let (path, change) = changed.next()?;
        Some(Because::Files { path: path.clone(), change: *change, count: 1 + changed.count() })
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
            Some(file) if step.copies => Because::IgnoreRules { file: file.clone() },
            _ if self.changes.engine => Because::Engine,
            _ => Because::CacheGone,
        }
    }

    /// The steps that will run, with what `times` says of them.
    pub(super) fn predicted(&self, times: Option<&BTreeMap<String, u64>>) -> Vec<Predicted> {
        let mut ran = BTreeSet::new();
        let mut found = Vec::new();
        for step in &self.steps {
            let changed = |line: &u32| ran.contains(line) || self.other.contains(line);
            let by_others = step.above.iter().chain(&step.beside).any(changed);
            let all = self.changes.asked || self.changes.engine || self.changes.is_unknown();
            let ignored = self.changes.ignore.is_some() && step.copies;
            let own = !step.own.is_empty() || !step.root.is_empty();
            if !(all || by_others || ignored || own) {
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

    /// The instruction of the step at `line`, in one line.
    pub(in crate::build) fn text(&self, line: u32) -> Option<&str> {
        self.steps.iter().find(|step| step.line == line).map(|step| step.text.as_str())
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
    fn new(before: Option<&'a Stage>, setting: Option<u32>) -> Self {
        let list = |stage: &'a Stage| stage.instructions.iter().filter(|one| decides(&one.keyword)).collect();
        let known = before.is_some();
        Self { before: before.map(list).unwrap_or_default(), known, next: 0, setting, found: false }
    }

    /// Whether instructions at its end are gone.
    fn is_cut(&self) -> bool {
        self.known && !self.found && self.next < self.before.len()
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
