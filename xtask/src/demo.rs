//! `cargo xtask demo`: what is missing is listed and set up, then Loadline runs on the todo
//! application. Images are built, verified and smoked while the node still compiles.

use crate::engine::{self, Engine, Kind};
use crate::node::{self, Cluster, Countdown};
use crate::paths::{Cache, checkout};
use crate::run::{self, Ended};
use crate::test::setup;
use crate::{bases, docker, helm, host, missing};
use anyhow::{Result, bail};
use clap::Args;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What runs before there is a node, and after.
const BEFORE_NODE: [&[&str]; 3] = [&["build"], &["verify"], &["smoke"]];
const WITH_NODE: [&[&str]; 1] = [&["up"]];
/// What brings the application into a cluster of ours. Where there is no key for Cohere, its stand-in
/// answers in its place.
const DEPLOY: [&[&str]; 2] = [&["load", "--image", "postgres:16-alpine"], &["up", "--deploy"]];
const DEPLOY_WITH_STAND_IN: [&[&str]; 3] = [
    &["load", "--image", "postgres:16-alpine"],
    &["deploy", "cohere-stand-in"],
    &["up", "--deploy", "--set", "backend.cohere.apiUrl=http://cohere-stand-in:8000"],
];
const VISIT: [&[&str]; 1] = [&["e2e"]];
const KEY: &str = "COHERE_API_KEY";
const NO_KEY: &str = "the-stand-in-takes-any-key";
const VERB: Duration = Duration::from_secs(1800);
const SAY_EVERY: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct Options {
    /// Use an engine and a node of our own in any case
    #[arg(long)]
    private: bool,
}

/// Where the images go.
enum Place {
    /// Docker and Minikube of this machine.
    Theirs,
    /// An engine of ours, with a node of ours in it.
    Ours(Engine),
}

pub fn run(cache: &Cache, options: &Options) -> Result<()> {
    let start = Instant::now();
    setup::check_go()?;
    compile()?;
    let place = place(cache, options)?;
    match &place {
        Place::Theirs => verbs(cache, &place, &[BEFORE_NODE.as_slice(), &WITH_NODE].concat())?,
        Place::Ours(engine) => with_node(cache, &place, engine)?,
    }
    println!(
        "demo: done in {} s; `cargo xtask env` prints how to reach it, `cargo xtask down` stops it",
        start.elapsed().as_secs()
    );
    Ok(())
}

fn compile() -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "loadline", "--locked"]).current_dir(checkout());
    match run::shown("compiling Loadline", &mut cargo, VERB)? {
        Ended::With(status) if status.success() => Ok(()),
        _ => bail!("compiling Loadline failed"),
    }
}

/// A node of ours needs an engine of ours: in theirs we put nothing but the images of the plan.
fn place(cache: &Cache, options: &Options) -> Result<Place> {
    let theirs = (!options.private).then(docker::users_engine).flatten();
    if let Some(version) = &theirs {
        println!("here: Docker {version}");
        if minikube_runs() {
            println!("here: Minikube");
            return Ok(Place::Theirs);
        }
        println!("Minikube does not run: the images go to an engine and a node of our own");
    }
    missing::list(cache, [missing::ENGINE, missing::BASES, missing::NODE, missing::HELM]);
    Ok(Place::Ours(engine::ensure(cache, Kind::Distribution)?))
}

fn minikube_runs() -> bool {
    let mut status = Command::new("minikube");
    status.args(["status", "--format", "{{.Host}}"]);
    run::output("looking for Minikube", &mut status, Duration::from_secs(30)).is_ok_and(|text| text.trim() == "Running")
}

/// The node is made while the images are built; then it gets them.
fn with_node(cache: &Cache, place: &Place, engine: &Engine) -> Result<()> {
    // What the settings leave open, `smoke` takes from the charts.
    helm::ensure(cache)?;
    let (countdown, done) = (Countdown::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let node = scope.spawn(|| {
            let result = node::ensure(cache, engine, &countdown, &Cluster::default());
            done.store(true, Ordering::Relaxed);
            result
        });
        scope.spawn(|| say(&countdown, &done));
        let before = bases::ensure(cache, engine, false).and_then(|()| verbs(cache, place, &BEFORE_NODE));
        if before.is_err() {
            // Nobody wants to wait for the node before they are told.
            run::kill_children();
        }
        before?;
        match node.join() {
            Ok(result) => result,
            Err(_) => bail!("making the node: its thread panicked"),
        }
    })?;
    println!("node: ready");
    verbs(cache, place, &WITH_NODE)?;
    let deploy = if std::env::var_os(KEY).is_some() { &DEPLOY[..] } else { &DEPLOY_WITH_STAND_IN };
    verbs(cache, place, &[deploy, &VISIT].concat())?;
    show(cache, engine)
}

/// Says where the application is, and takes a picture of it if there is something to take it with.
fn show(cache: &Cache, engine: &Engine) -> Result<()> {
    let address = format!("http://{}:30000", node::address(engine)?);
    println!("the application is at {address}");
    let Some(browser) = ["chromium", "google-chrome"].into_iter().find_map(host::find_program) else {
        println!("no chromium here: no picture of it is taken");
        return Ok(());
    };
    let picture = cache.directory("demo")?.join("application.png");
    let mut take = Command::new(browser);
    take.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars"]);
    take.args(["--window-size=1000,700", "--virtual-time-budget=5000"]);
    take.arg(format!("--screenshot={}", picture.display())).arg(&address);
    run::output("taking a picture of the application", &mut take, Duration::from_secs(60))?;
    println!("it looks like this: {}", picture.display());
    Ok(())
}

fn say(countdown: &Countdown, done: &AtomicBool) {
    let mut last = Instant::now();
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        if last.elapsed() >= SAY_EVERY {
            println!("{}", countdown.say());
            last = Instant::now();
        }
    }
}

fn verbs(cache: &Cache, place: &Place, verbs: &[&[&str]]) -> Result<()> {
    verbs.iter().try_for_each(|words| loadline(cache, place, words))
}

fn loadline(cache: &Cache, place: &Place, words: &[&str]) -> Result<()> {
    let verb = words.join(" ");
    println!("$ loadline {verb}");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--package", "loadline", "--locked", "--"]).args(words).current_dir(checkout());
    if let Place::Ours(engine) = place {
        cargo.env("DOCKER_HOST", engine.address()).env("MINIKUBE_HOME", node::home(cache));
        cargo.env("KUBECONFIG", node::kubeconfig(cache)).env_remove("DOCKER_CONTEXT");
        cargo.env("PATH", cache.path_with_ours()?).env(KEY, std::env::var_os(KEY).unwrap_or_else(|| NO_KEY.into()));
    }
    match run::shown(&format!("loadline {verb}"), &mut cargo, VERB)? {
        Ended::With(status) if status.success() => Ok(()),
        Ended::With(status) => bail!("`loadline {verb}`: {status}"),
        Ended::OutOfTime => bail!("`loadline {verb}`: not done within {} s", VERB.as_secs()),
    }
}
