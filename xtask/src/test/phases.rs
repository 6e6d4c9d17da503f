//! How long each phase took.

use crate::paths::checkout;
use anyhow::{Context, Result, bail};
use std::fs;
use std::time::{Duration, Instant};

/// In `docs/ci.md`, the table lies between these lines.
const BEGIN: &str = "<!-- minutes: written by `cargo xtask test --record` -->";
const END: &str = "<!-- end of minutes -->";

#[derive(Default)]
pub struct Phases(Vec<(String, Duration)>);

impl Phases {
    /// Runs `work` and remembers how long it took.
    pub fn time<T>(&mut self, name: &str, work: impl FnOnce() -> T) -> T {
        println!("== {name}");
        let start = Instant::now();
        let result = work();
        self.0.push((name.to_owned(), start.elapsed()));
        result
    }

    pub fn table(&self) -> String {
        let total: Duration = self.0.iter().map(|(_, took)| *took).sum();
        let rows = self.0.iter().map(|(name, took)| format!("| {name} | {} |\n", minutes(*took)));
        format!("| phase | minutes |\n| --- | --- |\n{}| all | {} |\n", rows.collect::<String>(), minutes(total))
    }

    pub fn record(&self) -> Result<()> {
        let path = checkout().join("docs/ci.md");
        let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        let Some((before, after)) =
            text.split_once(BEGIN).zip(text.split_once(END)).map(|(begin, end)| (begin.0, end.1))
        else {
            bail!("recording the minutes: `{}` lacks the lines `{BEGIN}` and `{END}`", path.display());
        };
        fs::write(&path, format!("{before}{BEGIN}\n{}{END}{after}", self.table()))
            .with_context(|| format!("writing `{}`", path.display()))
    }
}

fn minutes(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64() / 60.0)
}
