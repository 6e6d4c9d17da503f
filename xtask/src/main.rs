//! Developer commands: `cargo xtask demo | test | bench | fuzz | env | down` and the parts that these set up.

mod bases;
mod bench;
mod buildkitd;
mod cgroup;
mod demo;
mod docker;
mod engine;
mod fuzz;
mod go;
mod helm;
mod host;
mod kind;
mod manifests;
mod missing;
mod net;
mod node;
mod paths;
mod run;
mod service;
mod test;
mod wheel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use engine::Kind;
use node::{Cluster, Countdown};
use paths::Cache;
use std::process::ExitCode;

/// Sets up what developing Loadline needs, and runs its tests.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Set up what is missing, then run Loadline on the todo application
    Demo(demo::Options),
    /// Start an engine of our own and print its address
    Engine {
        #[arg(long, value_enum, default_value_t)]
        kind: Kind,
    },
    /// Put base images into our engine: pulled, or stand-ins where no registry answers
    Bases {
        #[arg(long, value_enum, default_value_t)]
        kind: Kind,
        /// Ask the registry again, even if it did not answer last time
        #[arg(long)]
        retry: bool,
    },
    /// Compile and start Kubernetes nodes of our own
    Node(node::Options),
    /// Start a stand-alone buildkitd and print its address
    Buildkitd,
    /// Provide Helm 4 and kubectl, and print where Helm is
    Helm,
    /// Render the charts as plain manifests into `k8s/manifests`
    Manifests(manifests::Options),
    /// Set up what is missing, then run every test
    Test(test::Options),
    /// Measure Loadline against the tools that do the same work
    Bench(bench::Options),
    /// Look for bytes that make Loadline panic, hang or contradict itself
    Fuzz(fuzz::Options),
    /// Print the environment in which docker, kubectl, helm and minikube find our engine and node
    Env,
    /// Stop all that xtask started and leave the machine as it was
    Down,
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(verb: Verb) -> Result<ExitCode> {
    let cache = Cache::from_environment()?;
    match verb {
        Verb::Engine { kind } => println!("{}", engine::ensure(&cache, kind)?.address()),
        Verb::Bases { kind, retry } => {
            let engine = engine::ensure(&cache, kind)?;
            bases::ensure(&cache, &engine, retry)?;
        }
        Verb::Demo(options) => demo::run(&cache, &options)?,
        Verb::Node(options) => nodes(&cache, &options.cluster())?,
        Verb::Buildkitd => println!("{}", buildkitd::ensure(&cache)?),
        Verb::Helm => println!("{}", helm::ensure(&cache)?.display()),
        Verb::Manifests(options) => manifests::run(&cache, &options)?,
        Verb::Test(options) => return test::run(&cache, &options),
        Verb::Bench(options) => return bench::run(&cache, &options),
        Verb::Fuzz(options) => return fuzz::run(&cache, &options),
        Verb::Env => print!("{}", environment(&cache)),
        Verb::Down => {
            buildkitd::down(&cache);
            engine::down_all(&cache)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts `cluster`; one that is not the everyday one says how to reach it.
fn nodes(cache: &Cache, cluster: &Cluster) -> Result<()> {
    let engine = engine::ensure(cache, Kind::default())?;
    node::ensure(cache, &engine, &Countdown::default(), cluster)?;
    if !cluster.is_everyday() {
        println!("export MINIKUBE_HOME={}", cluster.home(cache).display());
        println!("export KUBECONFIG={}", cluster.kubeconfig(cache).display());
    }
    Ok(())
}

/// Shell lines for `eval "$(cargo xtask env)"`.
fn environment(cache: &Cache) -> String {
    let mut lines = Vec::new();
    if engine::is_up(cache, Kind::default()) {
        lines.push(format!("export DOCKER_HOST={}", engine::address(cache, Kind::default())));
    }
    if node::is_known(cache) {
        lines.push(format!("export MINIKUBE_HOME={}", node::home(cache).display()));
        lines.push(format!("export KUBECONFIG={}", node::kubeconfig(cache).display()));
    }
    lines.push(format!("export PATH={}:\"$PATH\"", cache.file("bin").display()));
    lines.join("\n") + "\n"
}
