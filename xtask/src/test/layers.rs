//! The layers, each with what it runs.

use super::phases::Phases;
use super::setup::SetUp;
use super::{Count, Layer, Outcome, libtest, lint, setup};
use crate::engine::Kind;
use crate::host;
use crate::node::{self, Cluster};
use crate::paths::{Cache, checkout};
use crate::run::{self, Ended};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const COMPILE: Duration = Duration::from_secs(1800);
const TESTS: Duration = Duration::from_secs(1200);
/// Tests that have a layer of their own; every other one of `tests/` is of the layer `cli`.
const OWN_LAYERS: [&str; 4] = ["charts", "deploy", "engine", "node"];

/// Runs the layers one after the other.
pub fn run(cache: &Cache, layers: &[Layer], filter: Option<&str>, phases: &mut Phases) -> Result<Vec<Outcome>> {
    setup::check_go()?;
    let set = setup::run(cache, layers, phases)?;
    if layers.iter().any(|layer| *layer != Layer::Todo) {
        let compiled = phases.time("compile", || compile(cache))?;
        if !compiled {
            return Ok(vec![Outcome { name: "compile".to_owned(), count: Count::FAILURE }]);
        }
    }
    let mut outcomes = Vec::new();
    for layer in layers {
        outcomes.extend(one(cache, *layer, &set, filter, phases));
    }
    Ok(outcomes)
}

fn one(cache: &Cache, layer: Layer, set: &SetUp, filter: Option<&str>, phases: &mut Phases) -> Vec<Outcome> {
    match layer {
        Layer::Lint => vec![outcome("lint", phases.time("lint", || lint::run(cache)))],
        Layer::Unit => vec![outcome("unit", phases.time("unit", || unit(cache, filter)))],
        Layer::Cli => vec![outcome("cli", phases.time("cli", || cli(cache, filter)))],
        Layer::Engine => Kind::ALL.iter().map(|kind| on_engine(cache, *kind, set, filter, phases)).collect(),
        Layer::Node => vec![outcome("node", phases.time("node", || on_node(cache, set, filter)))],
        Layer::Charts => vec![outcome("charts", phases.time("charts", || charts(cache, set, filter)))],
        Layer::Deploy => vec![outcome("deploy", phases.time("deploy", || deploy(cache, set, filter)))],
        Layer::Todo => vec![outcome("todo", phases.time("todo", || todo(cache, set)))],
        Layer::Machine => vec![outcome("machine", phases.time("machine", || machine(cache, filter)))],
    }
}

/// A layer that could not even run is one failure.
fn outcome(name: &str, result: Result<Count>) -> Outcome {
    let count = result.unwrap_or_else(|error| {
        println!("{name}: {error:#}");
        Count::FAILURE
    });
    println!("{name}: {} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    Outcome { name: name.to_owned(), count }
}

fn compile(cache: &Cache) -> Result<bool> {
    let mut command = cargo(&["build", "--workspace", "--all-targets", "--locked"]);
    Ok(step(cache, "compile", &mut command, COMPILE)?.0)
}

fn unit(cache: &Cache, filter: Option<&str>) -> Result<Count> {
    libtest_run(cache, "unit", &["--lib", "--bins"], &[], filter)
}

fn machine(cache: &Cache, filter: Option<&str>) -> Result<Count> {
    libtest_run(cache, "machine", &["--test", "machine"], &[], filter)
}

fn on_engine(cache: &Cache, kind: Kind, set: &SetUp, filter: Option<&str>, phases: &mut Phases) -> Outcome {
    let name = format!("engine-{}", kind.name());
    let result = phases.time(&name, || {
        let engine = setup::engine(cache, kind)?;
        let (tls_host, certificates) = set.engine.as_ref().context("no engine listens with TLS")?.over_tls()?;
        let environment = [
            ("LOADLINE_TEST_DOCKER_HOST", engine.address()),
            ("LOADLINE_TEST_ENGINE", kind.name().to_owned()),
            ("LOADLINE_TEST_BUILDKIT_HOST", set.buildkitd.clone().unwrap_or_default()),
            ("LOADLINE_TEST_TLS_HOST", tls_host),
            ("LOADLINE_TEST_TLS_CERT_PATH", certificates.display().to_string()),
        ];
        libtest_run(cache, &name, &["--test", "engine"], &environment, filter)
    });
    outcome(&name, result)
}

fn on_node(cache: &Cache, set: &SetUp, filter: Option<&str>) -> Result<Count> {
    let engine = set.engine.as_ref().context("the node has no engine")?;
    let second = setup::engine(cache, Kind::Containerd)?;
    let kind = set.kind.as_ref().context("there is no kind")?;
    let environment = [
        ("LOADLINE_TEST_DOCKER_HOST", engine.address()),
        ("LOADLINE_TEST_SECOND_DOCKER_HOST", second.address()),
        ("LOADLINE_TEST_MINIKUBE_HOME", node::home(cache).display().to_string()),
        ("LOADLINE_TEST_KUBECONFIG", node::kubeconfig(cache).display().to_string()),
        ("LOADLINE_TEST_TWO_NODES_HOME", Cluster::two().home(cache).display().to_string()),
        ("LOADLINE_TEST_KIND", kind.display().to_string()),
    ];
    libtest_run(cache, "node", &["--test", "node"], &environment, filter)
}

fn charts(cache: &Cache, set: &SetUp, filter: Option<&str>) -> Result<Count> {
    let helm = set.helm.as_ref().context("there is no Helm")?;
    let xtask = set.xtask.as_ref().context("this program is nowhere")?;
    let environment = [
        ("LOADLINE_TEST_HELM", helm.display().to_string()),
        ("LOADLINE_TEST_KUBECTL", cache.file("bin/kubectl").display().to_string()),
        ("LOADLINE_TEST_KUBECONFIG", node::kubeconfig(cache).display().to_string()),
        ("LOADLINE_TEST_XTASK", xtask.display().to_string()),
    ];
    libtest_run(cache, "charts", &["--test", "charts"], &environment, filter)
}

fn deploy(cache: &Cache, set: &SetUp, filter: Option<&str>) -> Result<Count> {
    let engine = set.engine.as_ref().context("the node has no engine")?;
    let helm = set.helm.as_ref().context("there is no Helm")?;
    let driver = host::find_program("chromedriver").context("there is no chromedriver")?;
    let environment = [
        ("LOADLINE_TEST_DOCKER_HOST", engine.address()),
        ("LOADLINE_TEST_MINIKUBE_HOME", node::home(cache).display().to_string()),
        ("LOADLINE_TEST_KUBECONFIG", node::kubeconfig(cache).display().to_string()),
        ("LOADLINE_TEST_TWO_NODES_HOME", Cluster::two().home(cache).display().to_string()),
        ("LOADLINE_TEST_HELM", helm.display().to_string()),
        ("LOADLINE_TEST_KUBECTL", cache.file("bin/kubectl").display().to_string()),
        ("LOADLINE_TEST_CHROMEDRIVER", driver.display().to_string()),
    ];
    let count = libtest_run(cache, "deploy", &["--test", "deploy"], &environment, filter);
    forget(cache);
    count
}

/// Removes what the tests deployed: the application is there until the last of them has ended.
fn forget(cache: &Cache) {
    let script = "for namespace in $(\"$1\" get namespaces --output name | grep /loadline-test-); do
        \"$1\" delete \"$namespace\" --timeout=120s; done";
    let mut remove = Command::new("sh");
    remove.args(["-c", script, "sh"]).arg(cache.file("bin/kubectl")).env("KUBECONFIG", node::kubeconfig(cache));
    if let Err(error) = run::output("removing what was deployed", &mut remove, Duration::from_secs(300)) {
        println!("deploy: {error:#}");
    }
}

/// Every test of `tests/` that needs no more than the command.
fn cli(cache: &Cache, filter: Option<&str>) -> Result<Count> {
    let files = test_files(&checkout().join("tests"))?;
    let mine = files.iter().filter(|file| !OWN_LAYERS.contains(&file.as_str()));
    let targets: Vec<&str> = mine.flat_map(|file| ["--test", file]).collect();
    libtest_run(cache, "cli", &targets, &[], filter)
}

fn test_files(directory: &Path) -> Result<Vec<String>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            // As cargo finds them: a file, or a directory with a `main.rs`.
            let directory = entry.path().join("main.rs").is_file().then(|| name.clone());
            name.strip_suffix(".rs").map(str::to_owned).or(directory)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn libtest_run(
    cache: &Cache,
    name: &str,
    targets: &[&str],
    environment: &[(&str, String)],
    filter: Option<&str>,
) -> Result<Count> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    // Always the whole workspace: another choice of packages has other features, and compiles anew.
    command.args(targets).envs(environment.iter().map(|(key, value)| (key, value))).args(filter);
    let (good, text) = step(cache, name, &mut command, TESTS)?;
    let count = libtest::count(&text, filter.is_some());
    // A test program that crashed has no summary.
    Ok(if !good && count.failed == 0 { count.plus(Count::FAILURE) } else { count })
}

/// The application's own tests; its script ends with `N passed`.
fn todo(cache: &Cache, set: &SetUp) -> Result<Count> {
    let script = checkout().join("fixtures/todo/test");
    if !script.exists() {
        return Ok(Count::default());
    }
    let mut command = Command::new(&script);
    command.current_dir(checkout()).envs(set.engine.as_ref().map(|engine| ("DOCKER_HOST", engine.address())));
    let (good, text) = step(cache, "todo", &mut command, TESTS)?;
    let count = libtest::last_count(&text).unwrap_or_default();
    Ok(if !good && count.failed == 0 { count.plus(Count::FAILURE) } else { count })
}

pub fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What the outer cargo set for us is not meant for the inner one.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "RUSTUP_TOOLCHAIN_SOURCE"] {
        command.env_remove(name);
    }
    command.current_dir(checkout()).args(words);
    command
}

/// Runs one step with its output in a log, shown when the step fails.
pub fn step(cache: &Cache, name: &str, command: &mut Command, limit: Duration) -> Result<(bool, String)> {
    let (ended, text) = run::attempt(name, command, limit)?;
    let log = cache.directory("logs")?.join(format!("test-{name}.log"));
    fs::write(&log, &text).with_context(|| format!("writing `{}`", log.display()))?;
    let good = matches!(ended, Ended::With(status) if status.success());
    if !good {
        let why = if matches!(ended, Ended::OutOfTime) {
            format!("not done within {} s", limit.as_secs())
        } else {
            "failed".to_owned()
        };
        println!("{name}: {why}, `{}` ends:\n{}", log.display(), run::last_lines(&text, 60));
    }
    Ok((good, text))
}
