//! The rows of the report.

mod analyse;
mod build;
mod deploy;
mod load;
mod project;
mod up;
mod verdict;
mod walk;

use super::cluster::Cluster;
use super::node::Node;
use super::place::Place;
use super::row::{Failed, Outcome, Row};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::time::Duration;

/// For what is set up before the runs.
const SETUP: Duration = Duration::from_secs(900);

/// What to measure; some come to several rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Work {
    /// Two images built, nothing changed
    Build,
    /// The same when BuildKit has to be asked
    BuildAsked,
    /// A load of a changed small file, engine taught and not
    LoadSmall,
    /// A load of an image that the node has
    LoadNothing,
    /// A load of a changed 70 MB layer
    LoadMiddle,
    /// A load of an image of which the node has nothing
    LoadFirst,
    /// `up` with nothing to do
    Up,
    /// A walk of 100,000 files
    Walk,
    /// An archive that was never read
    AnalyseArchive,
    /// An image of the engine that was never read
    AnalyseEngine,
    /// An image of which a file changed
    AnalyseChanged,
    /// Two checks of two images
    Checks,
    /// A changed line until the new pod answers
    Change,
    /// All of the application into an empty cluster
    Empty,
    /// A deployment that never becomes ready
    Verdict,
}

/// A part of the work: its own table, measured and written by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Suite {
    /// Builds and loads
    Images,
    /// What is in images
    Analysis,
    /// Deployments into the cluster
    Deployments,
}

impl Suite {
    /// As the page of the documentation marks it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Analysis => "analysis",
            Self::Deployments => "deployments",
        }
    }
}

/// What all rows need.
pub struct Bench {
    pub place: Place,
    /// Rounds that count.
    pub samples: usize,
}

impl Work {
    pub fn needs_node(self) -> bool {
        !matches!(self, Self::Build | Self::BuildAsked | Self::Walk) && self.suite() != Suite::Analysis
    }

    /// As the report names it, should it fail.
    fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Build => ("build", build::NOTHING),
            Self::BuildAsked => ("build-asked", build::ASKED),
            Self::LoadSmall => ("load-small", "load, a small file changed"),
            Self::LoadNothing => ("load-nothing", "load, nothing changed"),
            Self::LoadMiddle => ("load-middle", "load, a 70 MB layer in the middle changed"),
            Self::LoadFirst => ("load-first", "first load"),
            Self::Up => ("up", up::WORK),
            Self::Walk => ("walk", walk::WORK),
            Self::AnalyseArchive => ("analyse-archive", analyse::ARCHIVE),
            Self::AnalyseEngine => ("analyse-engine", analyse::ENGINE),
            Self::AnalyseChanged => ("analyse-changed", analyse::CHANGED),
            Self::Checks => ("checks", analyse::CHECKS),
            Self::Change => ("change", deploy::CHANGE),
            Self::Empty => ("empty", deploy::EMPTY),
            Self::Verdict => ("verdict", verdict::WORK),
        }
    }

    pub fn needs_cluster(self) -> bool {
        self.suite() == Suite::Deployments
    }

    pub fn suite(self) -> Suite {
        match self {
            Self::AnalyseArchive | Self::AnalyseEngine | Self::AnalyseChanged | Self::Checks => Suite::Analysis,
            Self::Change | Self::Empty | Self::Verdict => Suite::Deployments,
            _ => Suite::Images,
        }
    }

    fn rows(self, bench: &Bench, node: Option<&Node>, cluster: Option<&Cluster>) -> Result<Vec<Row>> {
        let node = || node.context("the node was not started");
        let cluster = || cluster.context("the cluster was not opened");
        match self {
            Self::Build => build::nothing(bench),
            Self::BuildAsked => build::asked(bench),
            Self::LoadSmall => load::small(bench, node()?),
            Self::LoadNothing => load::nothing(bench, node()?),
            Self::LoadMiddle => load::middle(bench, node()?),
            Self::LoadFirst => load::first(bench, node()?),
            Self::Up => up::nothing(bench, node()?),
            Self::Walk => walk::nothing(bench),
            Self::AnalyseArchive => analyse::archive(bench),
            Self::AnalyseEngine => analyse::engine(bench),
            Self::AnalyseChanged => analyse::changed(bench),
            Self::Checks => analyse::checks(bench),
            Self::Change => deploy::change(bench, node()?, cluster()?),
            Self::Empty => deploy::empty(bench, node()?, cluster()?),
            Self::Verdict => verdict::never_ready(bench, node()?, cluster()?),
        }
    }
}

/// Measures all of `work`, whatever becomes of the others.
pub fn all(bench: &Bench, node: Option<&Node>, cluster: Option<&Cluster>, work: &[Work]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for one in work {
        let (id, work) = one.title();
        eprintln!("bench: {work}");
        match one.rows(bench, node, cluster) {
            Ok(rows) => outcomes.extend(rows.into_iter().map(Ok)),
            Err(error) => {
                eprintln!("bench: {id}: {error:#}");
                outcomes.push(Err(Failed { id, work, why: format!("{error:#}") }));
            }
        }
    }
    let measured: Vec<&Row> = outcomes.iter().flatten().collect();
    let memory = load::memory(&measured);
    outcomes.extend(memory.map(Ok));
    outcomes
}
