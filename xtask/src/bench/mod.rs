//! `cargo xtask bench`: Loadline against the tools that do the same work, in turn, on one machine.

mod cluster;
mod images;
mod machine;
mod measure;
mod node;
mod peers;
mod place;
mod report;
mod row;
mod rows;
mod series;
mod stats;
mod steps;

use crate::engine::Kind;
use crate::missing;
use crate::paths::Cache;
use crate::test::setup;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use cluster::Cluster;
use node::Node;
use peers::Peers;
use place::Place;
use report::Report;
use rows::{Bench, Suite, Work};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Fewer rounds than this are no report.
const ENOUGH: usize = 10;

#[derive(Args)]
pub struct Options {
    /// Measure only this; may be repeated
    #[arg(long, value_enum, value_name = "WORK")]
    only: Vec<Work>,
    /// Measure only this part
    #[arg(long, value_enum, value_name = "SUITE", conflicts_with = "only")]
    suite: Option<Suite>,
    /// Rounds that count
    #[arg(long, value_name = "N", default_value_t = ENOUGH, value_parser = at_least_one)]
    samples: usize,
    /// Write all samples to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables into docs/benchmarks.md
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it is no number above 0".to_owned())
}

pub fn run(cache: &Cache, options: &Options) -> Result<ExitCode> {
    if options.write && options.samples < ENOUGH {
        bail!("--write wants at least {ENOUGH} samples");
    }
    let _lock = cache.lock("bench")?;
    let bench = set_up(cache, options.samples)?;
    let mut reports = Vec::new();
    for suite in Suite::value_variants() {
        let works = options.works(*suite);
        if works.is_empty() {
            continue;
        }
        let report = measure(cache, &bench, &works)?;
        print!("{}", report.markdown());
        if options.write {
            report.write(suite.name())?;
        }
        reports.push(report);
    }
    bench.place.clean()?;
    if let Some(path) = &options.json {
        let text = serde_json::to_vec_pretty(&reports.iter().map(Report::json).collect::<Vec<_>>())?;
        fs::write(path, text).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(if reports.iter().all(Report::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Options {
    /// What is to be measured of `suite`.
    fn works(&self, suite: Suite) -> Vec<Work> {
        let all = if self.only.is_empty() { Work::value_variants() } else { &self.only };
        let wanted = self.suite.is_none_or(|only| only == suite);
        all.iter().copied().filter(|work| wanted && work.suite() == suite).collect()
    }
}

fn set_up(cache: &Cache, samples: usize) -> Result<Bench> {
    setup::check_go()?;
    missing::list(cache, [missing::ENGINE, missing::BASES, missing::NODE, missing::HELM, missing::PEERS]);
    let engine = setup::engine(cache, Kind::Distribution)?;
    let peers = Peers::ensure(cache)?;
    Ok(Bench { place: Place::new(cache, engine, peers)?, samples })
}

fn measure(cache: &Cache, bench: &Bench, works: &[Work]) -> Result<Report> {
    let before = machine::load();
    let node = works.iter().any(|work| work.needs_node()).then(|| Node::start(cache, &bench.place)).transpose()?;
    let wanted = works.iter().any(|work| work.needs_cluster());
    let cluster = wanted.then(|| Cluster::open(cache, &bench.place)).transpose()?;
    let rows = rows::all(bench, node.as_ref(), cluster.as_ref(), works);
    let mut facts = machine::facts(&bench.place, node.as_ref(), cluster.as_ref());
    facts.push(("Rounds", format!("{} after one to warm up", bench.samples)));
    facts.push(("Load average", format!("{before} before, {} after", machine::load())));
    Ok(Report { facts, rows })
}

/// Whether the peers are compiled.
pub fn peers_are_there(cache: &Cache) -> bool {
    peers::are_there(cache)
}
