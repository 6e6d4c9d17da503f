//! Where the time of a run went, by its events (docs/events.md).

use super::stats;
use anyhow::{Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Milliseconds of one run. Parts may overlap each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// From a build's first step to the end of its last: what is between them is the builder's, too.
    build: f64,
    /// While any smoke test ran.
    smoke: f64,
    /// From the last smoke test to the last proof of a node: what else a load does goes on beside the checks.
    load: f64,
    /// From the end of an upgrade until all of it ran.
    rollout: f64,
    /// While none of them but the load ran.
    own: f64,
}

type Interval = (f64, f64);

impl Steps {
    /// Of what a run with `--json` said.
    pub fn of(said: &str) -> Result<Self> {
        let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let last = events.last().filter(|event| event["event"] == "finished");
        ensure!(last.is_some(), "the events do not end with `finished`");
        let build = builds(&events);
        let smoke = between(&events, "smoke-started", "smoked", |event| event["image"].to_string());
        let rollout = between(&events, "waiting", "deployed", |event| event["release"].to_string());
        let last_of = |name| events.iter().rfind(|event| event["event"] == name).map(|event| ms(&event["at_ms"]));
        let load = last_of("loaded").zip(last_of("smoked")).map_or(0.0, |(loaded, smoked)| (loaded - smoked).max(0.0));
        let all: Vec<Interval> = [&build[..], &smoke, &rollout].concat();
        Ok(Self {
            build: covered(build),
            smoke: covered(smoke),
            load,
            rollout: covered(rollout),
            own: last.map_or(f64::NAN, |event| ms(&event["ms"])) - covered(all),
        })
    }

    pub fn own(&self) -> f64 {
        self.own
    }

    /// The medians of each part.
    pub fn median(all: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| stats::median(&all.iter().map(part).collect::<Vec<_>>());
        Self {
            build: of(|one| one.build),
            smoke: of(|one| one.smoke),
            load: of(|one| one.load),
            rollout: of(|one| one.rollout),
            own: of(|one| one.own),
        }
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { build, smoke, load, rollout, own } = self;
        write!(
            f,
            "the builder {build:.0} ms, the smoke test {smoke:.0} ms, the rollout {rollout:.0} ms, \
             all else {own:.0} ms, of which the load {load:.0} ms"
        )
    }
}

fn ms(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

/// From the first step of each image's build to the end of its last.
fn builds(events: &[Value]) -> Vec<Interval> {
    let mut all: BTreeMap<String, Interval> = BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "step-started" || event["event"] == "step-finished") {
        let at = ms(&event["at_ms"]);
        all.entry(event["image"].to_string()).or_insert((at, at)).1 = at;
    }
    all.into_values().collect()
}

/// From the first `begin` to the `end` of the same `key`, for each.
fn between(events: &[Value], begin: &str, end: &str, key: impl Fn(&Value) -> String) -> Vec<Interval> {
    let (mut open, mut found) = (BTreeMap::new(), Vec::new());
    for event in events {
        if event["event"] == begin {
            open.entry(key(event)).or_insert_with(|| ms(&event["at_ms"]));
        } else if event["event"] == end
            && let Some(from) = open.remove(&key(event))
        {
            found.push((from, ms(&event["at_ms"])));
        }
    }
    found
}

/// How long at least one of them went on.
fn covered(mut intervals: Vec<Interval>) -> f64 {
    intervals.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut sum, mut until) = (0.0, f64::NEG_INFINITY);
    for (from, to) in intervals {
        sum += (to - from.max(until)).max(0.0);
        until = until.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"a line for people
{"event":"step-started","image":"api","step":{"number":3},"at_ms":100}
{"event":"step-started","image":"api","step":{"number":4},"at_ms":150}
{"event":"step-finished","image":"api","step":{"number":3},"at_ms":200}
{"event":"step-finished","image":"api","step":{"number":4},"at_ms":400}
{"event":"step-started","image":"web","step":{"number":1},"at_ms":350}
{"event":"step-finished","image":"web","step":{"number":1},"at_ms":420}
{"event":"step-started","image":"api","step":{"number":5},"at_ms":430}
{"event":"step-finished","image":"api","step":{"number":5},"at_ms":440}
{"event":"smoke-started","image":"api","at_ms":500}
{"event":"smoked","image":"api","at_ms":1500}
{"event":"loaded","image":"api","ms":200,"at_ms":1700}
{"event":"waiting","release":"api","at_ms":2000}
{"event":"waiting","release":"api","at_ms":2500}
{"event":"deployed","release":"api","at_ms":3000}
{"event":"finished","ms":3050,"at_ms":3050}
"#;

    #[test]
    fn time_that_overlaps_counts_once() {
        let steps = Steps::of(SAID).unwrap();
        assert_eq!(steps, Steps { build: 340.0, smoke: 1000.0, load: 200.0, rollout: 1000.0, own: 710.0 });
        assert_eq!(Steps::median(&[steps, steps]), steps);
    }

    #[test]
    fn events_that_break_off_are_no_measurement() {
        assert!(Steps::of("{\"event\":\"waiting\",\"at_ms\":3}").is_err());
    }
}
