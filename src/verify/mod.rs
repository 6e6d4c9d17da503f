//! Verify: what an image is held to. All findings, never only the first; never a pass because
//! something could not be looked at.
//!
//! Pure: an image that was read ([`crate::image`]) and a policy become a verdict. One file a
//! rule or a small group of rules; `rules.rs` lists them all.

pub mod examples;
pub mod format;
pub mod rules;

mod allow;
mod base;
mod credentials;
mod entrypoint;
mod health;
mod leaks;
mod loose;
mod parts;
pub mod pod;
mod secret;
mod size;
mod subject;
mod tools;
mod user;

pub use rules::{RULES, Rule};
pub use subject::{Draft, NotChecked, Subject};

use crate::event::Event;
use crate::image::ImageFacts;
use crate::project::{Allowance, Budgets, ImagePlan, Plan};
use crate::types::{ByteSize, Digest, Finding, ImageId, Outcome, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What an image is held to.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What its size must be less than.
    pub budget: Option<ByteSize>,
    /// What parts of it must be less than.
    pub budgets: Budgets,
    /// A user's name where a number is needed is an error.
    pub numeric_user: bool,
    /// Severities that differ from the rules' own; `None` switches a rule off.
    pub rules: BTreeMap<String, Option<Severity>>,
    /// What it was built from, if that is known.
    pub dockerfile: Option<Source>,
    /// The image that was built before, to say what is new since.
    pub previous: Option<Previous>,
    /// Findings that are accepted.
    pub allowed: Vec<Allowance>,
    /// Findings that were accepted until a day that is over.
    pub lapsed: Vec<Allowance>,
    /// The pods that it runs in. That they are others now makes no evidence stale: whoever deploys
    /// looks at them again.
    pub pods: Vec<pod::Pod>,
}

/// An image that was built before.
#[derive(Clone, Debug)]
pub struct Previous {
    /// Its id.
    pub id: ImageId,
    /// Its layers; empty if they are not known.
    pub diff_ids: Vec<Digest>,
    /// Its size, if that is known.
    pub size: Option<ByteSize>,
}

/// The Dockerfile that an image was built from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What findings call it: its path, relative to the project where it is inside it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The stage that was built; the last one if none.
    pub stage: Option<String>,
    /// The build arguments.
    pub args: BTreeMap<String, String>,
}

/// What was found of one image.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The image's id.
    pub id: ImageId,
    /// Uncompressed sum of its layers' tar sizes, in bytes.
    pub size: ByteSize,
    /// What the size must be less than.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<ByteSize>,
    /// The image that it is compared with, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The user it runs as: the resolved uid, or what is written if it resolves to none.
    pub user: String,
    /// The stand-in that it rests on instead of the official base, such as `nginx 1.26.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<String>,
    /// Its layers, bottom first.
    pub layers: Vec<LayerLine>,
    /// All findings, the gravest first.
    pub findings: Vec<Finding>,
    /// What would be found, but is accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// What could not be checked, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<Unchecked>,
    /// No finding is an error, and no rule whose findings are errors could not be checked.
    pub passed: bool,
}

/// The image before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Before {
    /// Its id.
    pub id: ImageId,
    /// Uncompressed sum of its layers' tar sizes, in bytes.
    pub size: ByteSize,
}

/// A rule that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// The rule's id.
    pub rule: &'static str,
    /// How much its findings would matter; if they were errors, the image has not passed.
    pub severity: Severity,
    /// Why.
    pub why: String,
}

/// What an allowance accepts in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The allowance.
    #[serde(flatten)]
    pub by: Allowance,
    /// The files, variables, labels or arguments; empty where the rule is about none.
    pub what: Vec<String>,
}

/// One layer, and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerLine {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The length of its uncompressed tar in bytes.
    pub size: ByteSize,
    /// The line of the Dockerfile that made it, the `FROM` for layers of the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// It came with the base.
    pub base: bool,
    /// The instruction, or what the image's history says of it.
    pub instruction: String,
}

impl Policy {
    /// What the plan holds `image` to. A Dockerfile that cannot be read is left out; rules that
    /// need it say that they could not look.
    pub fn of(plan: &Plan, image: &ImagePlan) -> Self {
        let file = image.dockerfile.strip_prefix(&plan.root).unwrap_or(&image.dockerfile);
        let source = std::fs::read(&image.dockerfile).ok().map(|bytes| Source {
            file: file.display().to_string(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            stage: image.stage.clone(),
            args: image.args.iter().map(|arg| (arg.name.clone(), arg.value.clone())).collect(),
        });
        let (lapsed, allowed) = plan.allowances_of(image).cloned().partition(Allowance::is_over);
        Self {
            allowed,
            lapsed,
            budget: image.budget,
            budgets: image.budgets.clone(),
            numeric_user: image.numeric_user,
            rules: plan.rules.clone(),
            dockerfile: source,
            ..Self::default()
        }
    }

    /// The digest of all that a verdict depends on but the image.
    pub fn digest(&self) -> Digest {
        // All of it is text, numbers and ordered maps of these: equal policies are written alike.
        // The image before only explains, unless growth is held to something.
        let before = self.previous.as_ref().filter(|_| self.budgets.growth.is_some()).map(|one| &one.id);
        let decides = (&self.budget, &self.budgets, self.numeric_user, &self.rules, &self.dockerfile);
        Digest::of(format!("{:?}", (decides, &self.allowed, before)).as_bytes())
    }

    /// How much `rule` matters under this policy; none if it is switched off.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.rules.get(rule.id) {
            Some(chosen) => *chosen,
            None if rule.id == "user.name" && self.numeric_user => Some(Severity::Error),
            None => Some(rule.severity),
        }
    }
}

impl Verdict {
    /// Whether nothing that would be an error was left unchecked.
    pub fn is_whole(&self) -> bool {
        self.not_checked.iter().all(|one| one.severity != Severity::Error)
    }

    /// What is said aloud of it; `read` is how long reading the image took, `all` everything.
    pub fn event(&self, image: &str, read: Duration, all: Duration) -> Event {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Event::Verified {
            image: image.to_owned(),
            id: self.id.clone(),
            size: self.size,
            budget: self.budget,
            user: self.user.clone(),
            stand_in: self.stand_in.clone(),
            findings: self.findings.clone(),
            passed: self.passed,
            read_ms: ms(read),
            ms: ms(all),
        }
    }

    /// How a run ends that this is all of.
    pub fn outcome(&self) -> Outcome {
        let failed = self.findings.iter().any(|finding| finding.severity == Severity::Error);
        match (failed, self.passed) {
            (true, _) => Outcome::Findings,
            (false, true) => Outcome::Fine,
            (false, false) => Outcome::Unreachable,
        }
    }
}

/// Holds `facts` to `policy`.
pub fn check(facts: &ImageFacts, policy: &Policy) -> Verdict {
    let subject = Subject::new(facts, policy);
    let mut drafts = Vec::new();
    let mut not_checked = Vec::new();
    for rule_group in rules::CHECKS {
        match rule_group(&subject) {
            Ok(found) => drafts.extend(found),
            Err(missing) => not_checked.extend(missing),
        }
    }
    drafts.retain(|draft| !subject.accepts(draft.rule(), draft.about()));
    drafts.extend(allow::unused(&subject, &not_checked));
    let weighed = drafts.into_iter().filter_map(|draft| draft.remembering(&policy.lapsed).weighed(policy));
    let mut findings: Vec<Finding> = weighed.collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let unchecked = |one: NotChecked| {
        let severity = one.severity(policy)?;
        Some(Unchecked { rule: one.rule, severity, why: one.why })
    };
    let not_checked: Vec<Unchecked> = not_checked.into_iter().filter_map(unchecked).collect();
    let blind = not_checked.iter().any(|one| one.severity == Severity::Error);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    Verdict {
        id: facts.id.clone(),
        size: facts.size(),
        budget: policy.budget,
        before: policy.previous.as_ref().and_then(|one| Some(Before { id: one.id.clone(), size: one.size? })),
        user: subject.user_shown(),
        stand_in: stand_in(facts),
        layers: subject.layer_lines(),
        findings,
        accepted: allow::accepted(&subject),
        not_checked,
        passed: !failed && !blind,
    }
}

/// Bases that are made locally in place of official ones say so in labels, which what is built
/// on them inherits.
fn stand_in(facts: &ImageFacts) -> Option<String> {
    let labels = &facts.config.config.labels;
    let is_one = labels.get("io.loadline.base").is_some_and(|base| base == "stand-in");
    is_one.then(|| labels.get("io.loadline.base.version").cloned().unwrap_or_else(|| "unknown".into()))
}
