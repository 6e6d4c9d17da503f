//! What every rule looks at: the image, its files, its user, its Dockerfile.

use crate::image::ImageFacts;
use crate::image::accounts::{self, User, UserError};
use crate::image::dockerfile::{Dockerfile, Instruction, Origin, origins};
use crate::image::tree::Tree;
use crate::project::Allowance;
use crate::types::{Finding, Place, Severity};
use crate::verify::{LayerLine, Policy, Source, rules};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// An image, as the rules see it.
pub struct Subject<'a> {
    /// What was read.
    pub facts: &'a ImageFacts,
    /// What it is held to.
    pub policy: &'a Policy,
    /// Its files, merged.
    pub tree: Tree<'a>,
    /// Who it runs as.
    pub user: Result<User, UserError>,
    /// Where each layer comes from, bottom first.
    pub origins: Vec<Origin>,
    dockerfile: Option<(Dockerfile, &'a Source)>,
    /// What each allowance of the policy was needed for; none if for nothing.
    uses: RefCell<Vec<Option<BTreeSet<String>>>>,
}

/// A finding before the policy says how much it matters.
#[derive(Clone, Debug)]
pub struct Draft {
    finding: Finding,
    /// The file, variable, label or argument that it is about.
    about: Option<String>,
}

/// A rule that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// The rule's id.
    pub rule: &'static str,
    /// Why.
    pub why: String,
}

/// What a group of rules found, or why it could not look.
pub type Checked = Result<Vec<Draft>, Vec<NotChecked>>;

impl<'a> Subject<'a> {
    /// Prepares what the rules need.
    pub fn new(facts: &'a ImageFacts, policy: &'a Policy) -> Self {
        let tree = Tree::new(&facts.layers);
        let user = accounts::resolve(&facts.config.config.user, &tree);
        let dockerfile = policy.dockerfile.as_ref().map(|source| (Dockerfile::parse(&source.text), source));
        let (file, stage) = match &dockerfile {
            Some((file, source)) => (Some(file), source.stage.as_deref()),
            None => (None, None),
        };
        let origins = origins(&facts.config, file, stage);
        let uses = RefCell::new(vec![None; policy.allowed.len()]);
        Self { facts, policy, tree, user, origins, dockerfile, uses }
    }

    /// Whether an allowance accepts that `rule` finds `what`; this is kept.
    pub fn accepts(&self, rule: &str, what: Option<&str>) -> bool {
        let Some(number) = self.policy.allowed.iter().position(|one| one.accepts(rule, what)) else { return false };
        if let Some(uses) = self.uses.borrow_mut().get_mut(number) {
            uses.get_or_insert_default().extend(what.map(str::to_owned));
        }
        true
    }

    /// The allowances, each with what it was needed for until now, if for anything.
    pub fn uses(&self) -> impl Iterator<Item = (&'a Allowance, Option<Vec<String>>)> {
        let uses: Vec<_> = self.uses.borrow().iter().map(|what| what.clone().map(Vec::from_iter)).collect();
        self.policy.allowed.iter().zip(uses)
    }

    /// The Dockerfile and where it comes from.
    pub fn dockerfile(&self) -> Option<(&Dockerfile, &'a Source)> {
        self.dockerfile.as_ref().map(|(file, source)| (file, *source))
    }

    /// A line of the Dockerfile; none without a Dockerfile.
    pub fn place(&self, line: u32) -> Option<Place> {
        let (_, source) = self.dockerfile()?;
        Some(Place { file: source.file.clone(), line: Some(line) })
    }

    /// The last instruction of the built stages that `is_it` says yes to.
    pub fn last_instruction(&self, is_it: impl Fn(&Instruction) -> bool) -> Option<Place> {
        let (file, source) = self.dockerfile()?;
        let chain = file.chain(source.stage.as_deref());
        let found = chain.iter().rev().flat_map(|stage| stage.instructions.iter().rev()).find(|one| is_it(one))?;
        self.place(found.line)
    }

    /// The `FROM` of the stage that was built.
    pub fn last_from(&self) -> Option<Place> {
        let (file, source) = self.dockerfile()?;
        let line = file.chain(source.stage.as_deref()).last()?.from.line;
        self.place(line)
    }

    /// The uid it runs as, or what is written if that leads to none.
    pub fn user_shown(&self) -> String {
        match &self.user {
            Ok(user) => user.identity.uid.to_string(),
            Err(_) => self.facts.config.config.user.clone(),
        }
    }

    /// Each layer with its origin, bottom first.
    pub fn layer_lines(&self) -> Vec<LayerLine> {
        let line = |(layer, origin): (&std::sync::Arc<crate::image::layers::LayerFacts>, &Origin)| LayerLine {
            diff_id: layer.diff_id.clone(),
            size: layer.size,
            line: origin.line,
            base: origin.base,
            instruction: origin.text.clone(),
        };
        self.facts.layers.iter().zip(&self.origins).map(line).collect()
    }
}

impl Draft {
    /// `rule` wants `expected`, and `found` is there.
    pub fn new(rule: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let finding = Finding {
            rule: rule.to_owned(),
            severity: Severity::Info,
            place: None,
            expected: expected.into(),
            found: found.into(),
            details: Vec::new(),
            hint: None,
        };
        Self { finding, about: None }
    }

    /// The file (with a leading slash), variable, label or argument that it is about: what an
    /// allowance names.
    pub fn of(mut self, what: impl Into<String>) -> Self {
        self.about = Some(what.into());
        self
    }

    pub(super) fn rule(&self) -> &str {
        &self.finding.rule
    }

    pub(super) fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// With what is to be known of the allowances in `lapsed` that were for it.
    pub(super) fn remembering(mut self, lapsed: &[Allowance]) -> Self {
        // A finding about several files may be about one that it was for.
        let about = self.about.as_deref();
        let for_it =
            |one: &&Allowance| one.rule == self.finding.rule && (about.is_none() || one.accepts(&one.rule, about));
        let one = lapsed.iter().find(for_it);
        self.finding.details.extend(one.map(|one| {
            let Allowance { until, place, reason, .. } = one;
            format!("an allowance of it ended on {until} ({place}): {reason}")
        }));
        self
    }

    /// Where it is.
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.finding.place = place;
        self
    }

    /// Further lines.
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.finding.details = details;
        self
    }

    /// One action that repairs it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.finding.hint = Some(hint.into());
        self
    }

    /// The finding under `policy`; none if its rule is switched off.
    pub fn weighed(mut self, policy: &Policy) -> Option<Finding> {
        let rule = rules::find(&self.finding.rule)?;
        self.finding.severity = policy.severity(rule)?;
        Some(self.finding)
    }
}

impl NotChecked {
    /// How much the rule matters under `policy`; none if it is switched off.
    pub fn severity(&self, policy: &Policy) -> Option<Severity> {
        policy.severity(rules::find(self.rule)?)
    }
}
