//! `cargo xtask test`: sets up what is missing, runs the layers, adds up.
//!
//! A skipped, ignored or vanished test fails the run; a failed layer does not stop the others.

mod layers;
mod libtest;
mod lint;
mod minimum;
mod phases;
pub mod setup;

use crate::paths::Cache;
use anyhow::Result;
use clap::{Args, ValueEnum};
use phases::Phases;
use std::process::ExitCode;

#[derive(Args)]
pub struct Options {
    /// Layers to run; all of them if none is named
    #[arg(value_enum)]
    layers: Vec<Layer>,
    /// Only tests whose name contains this; counts are not compared then
    #[arg(long)]
    filter: Option<String>,
    /// Keep the counts in xtask/minimum-tests.toml and the minutes in docs/ci.md
    #[arg(long)]
    record: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Layer {
    /// Formatting, clippy, licences and sources of dependencies, documentation
    Lint,
    /// Tests beside the code; no engine
    Unit,
    /// The command from outside; no engine
    Cli,
    /// A real engine: the distribution's, and a newer one with the containerd store
    Engine,
    /// A real node with a real kubelet
    Node,
    /// The todo application's charts: real Helm, and the API server of a real node
    Charts,
    /// Releases into a real cluster, and visits to them, also in a browser
    Deploy,
    /// The todo application's own tests
    Todo,
    /// That `down` leaves the machine as it was
    Machine,
}

/// What one run of a layer came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Count {
    pub const FAILURE: Self = Self { passed: 0, failed: 1, skipped: 0 };

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    fn is_good(self) -> bool {
        self.failed == 0 && self.skipped == 0
    }
}

/// The count of a layer's run under the name that `minimum-tests.toml` has for it.
pub struct Outcome {
    pub name: String,
    pub count: Count,
}

pub fn run(cache: &Cache, options: &Options) -> Result<ExitCode> {
    let mut phases = Phases::default();
    let layers = if options.layers.is_empty() { Layer::value_variants() } else { &options.layers };
    let outcomes = layers::run(cache, layers, options.filter.as_deref(), &mut phases)?;
    let whole = options.filter.is_none();
    let total = outcomes.iter().map(|outcome| outcome.count).fold(Count::default(), Count::plus);
    let total = if whole { total.plus(minimum::missing(&outcomes)?) } else { total };
    print!("{}", phases.table());
    if options.record && whole && total.is_good() {
        minimum::record(&outcomes)?;
        phases.record()?;
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    Ok(if total.is_good() && total.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
