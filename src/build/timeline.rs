//! What is kept of a build's steps.

use super::lines::split_name;
use super::reasons::Plan;
use super::steps::{Steps, Timed as Known};
use crate::evidence::{Timed, Timeline};
use crate::types::Because;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What builders do beside instructions; what else they name may have a value in it.
const OWN: [&str; 5] = [
    "[internal] load build definition",
    "[internal] load .dockerignore",
    "[internal] load build context",
    "[internal] load metadata for",
    "exporting to image",
];

/// `steps` of a build that is over now and took `ms` milliseconds.
pub(super) fn of(steps: Vec<Timed>, ms: u64) -> Timeline {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Timeline { at, ms, steps }
}

/// Each step with when it ran, and by its number why it did.
pub(super) fn steps(
    steps: &Steps,
    plan: &Plan<'_>,
    times: &BTreeMap<String, u64>,
    reasons: &BTreeMap<usize, Vec<Because>>,
) -> Vec<Timed> {
    let timed = |one: Known<'_>| Timed {
        text: text(&one, plan),
        line: one.step.line,
        instruction: one.counted,
        cached: one.cached,
        from_ms: one.from_ms,
        ms: one.ms,
        last_ms: one.step.line.and_then(|line| times.get(plan.key(line)?)).copied().filter(|_| one.cached),
        because: reasons.get(&one.step.number).cloned().unwrap_or_default(),
    };
    steps.timed().into_iter().map(timed).collect()
}

/// The builder's names have arguments replaced by their values, which may be nothing to be kept: an instruction
/// is kept as the Dockerfile has it, or not at all.
fn text(one: &Known<'_>, plan: &Plan<'_>) -> String {
    let name = one.step.name.as_str();
    let keyword = if name.starts_with("RUN ") { "RUN " } else { "" };
    let own = one.step.line.and_then(|line| plan.text(line)).map(|text| format!("{keyword}{text}"));
    let harmless = || name.starts_with("FROM ") || OWN.iter().any(|own| name.starts_with(own));
    own.or_else(|| harmless().then(|| name.to_owned())).unwrap_or_else(|| only_keyword(name))
}

fn only_keyword(name: &str) -> String {
    let rest = split_name(name).map_or(name, |(_, _, _, rest)| rest);
    match rest.split(' ').next().unwrap_or_default() {
        word @ ("RUN" | "COPY" | "ADD" | "WORKDIR") => format!("{word} …"),
        _ => "what else the builder needs".to_owned(),
    }
}
