//! The kept minimum of each layer.

use super::{Count, Outcome};
use crate::paths::xtask;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;

const FILE: &str = "minimum-tests.toml";

/// One failure for each layer that ran with fewer tests than are kept for it.
pub fn missing(outcomes: &[Outcome]) -> Result<Count> {
    let kept = read()?;
    let failed = outcomes.iter().filter(|outcome| is_short(outcome, &kept)).count();
    Ok(Count { failed, ..Count::default() })
}

fn is_short(outcome: &Outcome, kept: &BTreeMap<String, usize>) -> bool {
    let minimum = kept.get(&outcome.name).copied();
    let ran = outcome.count.passed + outcome.count.failed;
    let short = minimum.is_none_or(|minimum| ran < minimum);
    if short {
        let wanted =
            minimum.map_or("no number is kept for it".to_owned(), |minimum| format!("at least {minimum} are wanted"));
        println!("{}: {ran} tests, and {wanted} (xtask/{FILE})", outcome.name);
    }
    short
}

fn read() -> Result<BTreeMap<String, usize>> {
    let path = xtask(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
    toml::from_str(&text).with_context(|| format!("reading `{}`", path.display()))
}

/// Writes what passed, keeping comments and the order of lines.
pub fn record(outcomes: &[Outcome]) -> Result<()> {
    let path = xtask(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
    fs::write(&path, recorded(&text, outcomes)).with_context(|| format!("writing `{}`", path.display()))
}

fn recorded(text: &str, outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for outcome in outcomes {
        let line = format!("{} = {}", outcome.name, outcome.count.passed);
        match lines.iter_mut().find(|old| old.split_once(" = ").is_some_and(|(name, _)| name == outcome.name)) {
            Some(old) => *old = line,
            None => lines.push(line),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, passed: usize) -> Outcome {
        Outcome { name: name.to_owned(), count: Count { passed, ..Count::default() } }
    }

    #[test]
    fn fewer_than_kept_or_not_kept_at_all_is_short() {
        let kept = BTreeMap::from([("unit".to_owned(), 3)]);
        assert!(!is_short(&outcome("unit", 3), &kept));
        assert!(is_short(&outcome("unit", 2), &kept));
        assert!(is_short(&outcome("new", 2), &kept));
    }

    #[test]
    fn recording_keeps_the_other_lines() {
        let text = "# why\nunit = 1\ncli = 2\n";
        assert_eq!(recorded(text, &[outcome("cli", 5), outcome("node", 1)]), "# why\nunit = 1\ncli = 5\nnode = 1\n");
    }
}
