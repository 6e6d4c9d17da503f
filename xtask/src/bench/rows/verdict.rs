//! A deployment that never becomes ready, until somebody says so.

use super::{Bench, SETUP};
use crate::bench::cluster::Cluster;
use crate::bench::node::{CLUSTER, Node};
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, rounds};
use crate::paths::checkout;
use crate::run;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

pub const WORK: &str =
    "a deployment that cannot become ready, until that is said (`fixtures/failures`, another one in each run)";

/// Failures, and what must stand in the verdict.
const FAILURES: [(&str, &str); 10] = [
    ("crash", "it ends with 1"),
    ("image-absent", "never-loaded"),
    ("secret-key", "couldn't find key TOKEN"),
    ("probe-readiness", "404"),
    ("schedule-cpu", "Insufficient cpu"),
    ("memory", "more memory than its limit"),
    ("crash-init", "it ends with 3"),
    ("user-root", "run as root"),
    ("probe-startup", "404"),
    ("config-map", "configmap \"not-there\" not found"),
];
/// Helm waits for so long; its own choice would be five minutes.
const PATIENCE: &str = "30s";
/// The exit code of a step that failed.
const FAILED: u8 = 4;

/// What both run.
struct Runs<'a> {
    bench: &'a Bench,
    cluster: &'a Cluster<'a>,
    directory: PathBuf,
    whose: &'static str,
    count: usize,
    namespace: String,
}

impl<'a> Runs<'a> {
    fn new(bench: &'a Bench, cluster: &'a Cluster<'a>, whose: &'static str) -> Self {
        let directory = checkout().join("fixtures/failures");
        Self { bench, cluster, directory, whose, count: 0, namespace: String::new() }
    }

    fn next(&mut self) -> Result<()> {
        self.count += 1;
        self.namespace = format!("failures-{}-{}", self.whose, self.count);
        self.cluster.remove(&self.namespace)
    }

    fn failure(&self) -> (&'static str, &'static str) {
        FAILURES[self.count % FAILURES.len()]
    }

    fn shell(&self, script: &str) -> Command {
        let mut shell = self.cluster.within(self.bench.place.command("sh"));
        shell.args(["-uc", script]).current_dir(&self.directory);
        shell
    }

    /// Nobody waits until it is gone.
    fn leave(&self) -> Result<()> {
        self.cluster.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]).map(drop)
    }
}

/// `loadline deploy`.
struct Deploy<'a>(Runs<'a>);

impl Contender for Deploy<'_> {
    fn name(&self) -> &str {
        "Loadline"
    }

    fn prepare(&mut self) -> Result<()> {
        self.0.next()
    }

    fn commands(&mut self) -> Vec<Command> {
        let (name, namespace) = (self.0.failure().0, &self.0.namespace);
        let program = self.0.bench.place.loadline.display();
        let script =
            format!("'{program}' deploy {name} --target kind:{CLUSTER} --namespace {namespace}; test $? -eq {FAILED}");
        vec![self.0.shell(&script)]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let (name, cause) = self.0.failure();
        ensure!(said.contains(cause), "{name}: it does not say `{cause}`");
        ensure!(
            said.lines().any(|line| line.trim_start().starts_with("change ")),
            "{name}: it names no line to change"
        );
        self.0.leave()?;
        Ok(None)
    }
}

/// `helm upgrade --install --wait`, which gives up when its time is over.
struct Helm<'a>(Runs<'a>);

impl Contender for Helm<'_> {
    fn name(&self) -> &str {
        "`helm upgrade --wait --timeout 30s`"
    }

    fn prepare(&mut self) -> Result<()> {
        self.0.next()?;
        // As Loadline makes them.
        self.0.cluster.kubectl(&["create", "namespace", &self.0.namespace])?;
        let secret = ["create", "secret", "generic", "app-secrets", "--from-literal=PASSWORD=only-for-the-benchmark"];
        self.0.cluster.kubectl(&[&["--namespace", &self.0.namespace], &secret[..]].concat())?;
        Ok(())
    }

    fn commands(&mut self) -> Vec<Command> {
        let (name, namespace, helm) = (self.0.failure().0, &self.0.namespace, self.0.cluster.helm.display());
        let script = format!(
            "! '{helm}' upgrade --install {name} chart --values {name}.yaml --namespace {namespace} --wait \
             --timeout {PATIENCE}"
        );
        vec![self.0.shell(&script)]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let told = said.contains(self.0.failure().1);
        self.0.leave()?;
        Ok(Some(if told { "named the cause" } else { "did not name the cause" }.to_owned()))
    }
}

pub fn never_ready(bench: &Bench, node: &Node, cluster: &Cluster) -> Result<Vec<Row>> {
    node.reset()?;
    let directory = checkout().join("fixtures/failures");
    let mut load = cluster.within(
        bench
            .place
            .loadline(&directory, &["load", "--image", "python:3.12-slim", "--target", &format!("kind:{CLUSTER}")]),
    );
    run::output("bringing the image to the node", &mut load, SETUP).context("for the failures")?;
    bench.place.wait_for_background()?;
    node.keep_all()?;
    let (mut ours, mut theirs) = (Deploy(Runs::new(bench, cluster, "a")), Helm(Runs::new(bench, cluster, "b")));
    let all = rounds(bench.samples, &mut [&mut ours, &mut theirs])?;
    let at_least = vec![goal("10 s", Measure::Within { ms: 10_000.0 })];
    Ok(vec![Row { at_least, ..Row::new("verdict", WORK, all) }])
}
