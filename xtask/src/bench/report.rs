//! The rows as a Markdown table and as JSON, and the section of `docs/benchmarks.md` that holds
//! them.

use super::row::{Failed, Goal, Outcome, Row, digits, factor, megabytes};
use super::series::Series;
use super::stats;
use crate::paths::checkout;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;

/// What stands around the numbers of a suite.
fn marks(suite: &str) -> [String; 2] {
    [format!("<!-- {suite}: written by `cargo xtask bench --write` -->"), format!("<!-- end of {suite} -->")]
}

/// All that was measured, and where.
pub struct Report {
    /// What it was measured on and with: name and value.
    pub facts: Vec<(&'static str, String)>,
    pub rows: Vec<Outcome>,
}

impl Report {
    /// Whether each row is there and comes to what it must at least.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.as_ref().is_ok_and(Row::is_good))
    }

    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.facts {
            text += &format!("- {name}: {value}\n");
        }
        text += "\n| work | Loadline | peer | Loadline is | at least | aim |\n| --- | --- | --- | --- | --- | --- |\n";
        for row in &self.rows {
            text += &row.as_ref().map_or_else(failed_line, line);
        }
        text += &self.list("How the work was done", notes);
        text += &self.list("Where a peer is better", Row::losses);
        text + &self.list("What is missed", missed)
    }

    fn list(&self, title: &str, of: impl Fn(&Row) -> Vec<String>) -> String {
        let all: Vec<String> = self.rows.iter().flatten().flat_map(of).collect();
        let lines: String = all.iter().map(|one| format!("- {one}\n")).collect();
        format!("\n{title}:{}\n{lines}", if all.is_empty() { " nothing." } else { "\n" })
    }

    pub fn json(&self) -> Value {
        let facts: serde_json::Map<String, Value> =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let rows: Vec<Value> = self.rows.iter().map(|row| row.as_ref().map_or_else(failed_value, value)).collect();
        json!({ "facts": facts, "rows": rows })
    }

    /// Replaces the section of `suite` in the document.
    pub fn write(&self, suite: &str) -> Result<()> {
        let [begin, end] = marks(suite);
        let path = checkout().join("docs/benchmarks.md");
        let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        let Some(((before, _), (_, after))) = text.split_once(&begin).zip(text.split_once(&end)) else {
            bail!("writing the report: `{}` lacks the lines `{begin}` and `{end}`", path.display());
        };
        fs::write(&path, format!("{before}{begin}\n{}{end}{after}", self.markdown()))
            .with_context(|| format!("writing `{}`", path.display()))
    }
}

fn line(row: &Row) -> String {
    let took = if row.memory_only { memory } else { took };
    let peers: Vec<String> = row.peers.iter().map(|peer| format!("{}: {}", peer.name, took(peer))).collect();
    let ratios: Vec<String> = row.peers.iter().map(|peer| compared(row, peer)).collect();
    let goals = |goals: &[Goal]| goals.iter().map(|goal| judged(row, goal)).collect::<Vec<_>>().join("<br>");
    let (work, ours) = (row.work, took(&row.ours));
    let (peers, ratios, at_least, aims) =
        (peers.join("<br>"), ratios.join("<br>"), goals(&row.at_least), goals(&row.aims));
    format!("| {work} | {ours} | {peers} | {ratios} | {at_least} | {aims} |\n")
}

fn failed_line(failed: &Failed) -> String {
    let why = failed.why.lines().next().unwrap_or_default().replace('|', "\\|");
    format!("| {} | error: {why} | | | not measured | |\n", failed.work)
}

/// Median, quartiles and memory.
fn took(series: &Series) -> String {
    let spread = stats::quartiles(&series.ms);
    let (median, low, high) = (digits(spread.median), digits(spread.low), digits(spread.high));
    format!("{median} ms ({low}–{high}), {}", megabytes(series.median_peak()))
}

fn memory(series: &Series) -> String {
    format!("{}, at most {}", megabytes(series.median_peak()), megabytes(series.highest_peak()))
}

fn compared(row: &Row, peer: &Series) -> String {
    if row.memory_only {
        return format!("{} of its memory", digits(row.ours.median_peak() / peer.median_peak()));
    }
    let ratio = row.ratio(peer);
    if ratio.median >= 1.0 {
        format!("{} faster", factor(ratio))
    } else {
        format!("{} **slower**", factor(ratio.invert()))
    }
}

fn judged(row: &Row, goal: &Goal) -> String {
    format!("{}: {}", goal.text, if row.meets(goal) { "reached" } else { "**missed**" })
}

fn notes(row: &Row) -> Vec<String> {
    let all = std::iter::once(&row.ours).chain(&row.peers);
    all.filter(|series| !series.notes.is_empty())
        .map(|series| format!("{}: {}: {}", row.work, series.name, series.notes.join("; ")))
        .collect()
}

fn missed(row: &Row) -> Vec<String> {
    let lines = |kind: &str, goals: &[Goal]| -> Vec<String> {
        let missed = goals.iter().filter(|goal| !row.meets(goal));
        missed.map(|goal| format!("{}: {kind} {}", row.work, goal.text)).collect()
    };
    [lines("at least", &row.at_least), lines("the aim of", &row.aims)].concat()
}

fn value(row: &Row) -> Value {
    let goals = |goals: &[Goal]| -> Vec<Value> {
        goals.iter().map(|goal| json!({ "text": goal.text, "reached": row.meets(goal) })).collect()
    };
    let peers: Vec<Value> = row
        .peers
        .iter()
        .map(|peer| {
            let ratio = row.ratio(peer);
            let mut value = samples(peer);
            value["times_faster"] = json!({ "median": ratio.median, "low": ratio.low, "high": ratio.high });
            value
        })
        .collect();
    json!({
        "id": row.id, "work": row.work, "loadline": samples(&row.ours), "peers": peers,
        "at_least": goals(&row.at_least), "aims": goals(&row.aims),
    })
}

fn failed_value(failed: &Failed) -> Value {
    json!({ "id": failed.id, "work": failed.work, "error": failed.why })
}

fn samples(series: &Series) -> Value {
    json!({ "name": series.name, "ms": series.ms, "peak_bytes": series.peaks, "notes": series.notes })
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    fn report(rows: Vec<Outcome>) -> Report {
        Report { facts: vec![("Processor", "two of them".into())], rows }
    }

    #[test]
    fn the_table_says_what_is_better_and_what_is_missed() {
        let text = report(vec![Ok(row(&[80.0, 80.0], &[320.0, 320.0]))]).markdown();
        let line = "| building | 80.0 ms (80.0–80.0), 10.0 MB | bake: 320 ms (320–320), 45.0 MB | 4.00× (4.00–4.00) faster \
                    | 5× faster: **missed**<br>a third of the memory: reached | 50 ms: **missed** |\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("Where a peer is better: nothing.\n"), "{text}");
        assert!(
            text.ends_with("What is missed:\n\n- building: at least 5× faster\n- building: the aim of 50 ms\n"),
            "{text}"
        );
    }

    #[test]
    fn a_row_that_could_not_be_measured_fails_the_run_and_says_why() {
        let failed = Failed { id: "up", work: "up", why: "no | engine\nmore".into() };
        let report = report(vec![Ok(row(&[10.0], &[320.0])), Err(failed)]);
        assert!(!report.is_good());
        assert!(report.markdown().contains("| up | error: no \\| engine | | | not measured | |\n"));
        assert_eq!(report.json()["rows"][1]["error"], "no | engine\nmore");
    }

    #[test]
    fn what_is_good_passes() {
        let report = report(vec![Ok(row(&[10.0, 12.0], &[320.0, 310.0]))]);
        assert!(report.is_good());
        assert_eq!(report.json()["rows"][0]["peers"][0]["times_faster"]["median"].as_f64().map(f64::round), Some(29.0));
    }
}
