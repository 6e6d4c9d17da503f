//! A Kubernetes node of our own: one container in an engine of ours, in Minikube's shape.

mod image;
mod profile;

use crate::engine::Engine;
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result, bail};
pub use image::Countdown;
use std::path::PathBuf;
use std::time::Duration;

/// The profile, the machine, the container and its network.
const NAME: &str = "minikube";
const SHORT: Duration = Duration::from_secs(30);
const READY: Duration = Duration::from_secs(180);

/// What `MINIKUBE_HOME` is set to.
pub fn home(cache: &Cache) -> PathBuf {
    cache.file("minikube")
}

pub fn kubeconfig(cache: &Cache) -> PathBuf {
    home(cache).join("kubeconfig")
}

/// Whether the node's files are there.
pub fn is_known(cache: &Cache) -> bool {
    kubeconfig(cache).exists()
}

pub fn is_running(engine: &Engine) -> bool {
    let format = "{{.State.Running}} {{index .Config.Labels \"name.minikube.sigs.k8s.io\"}}";
    let state = docker(engine, "looking for the node", &["inspect", "--format", format, NAME]);
    state.is_ok_and(|text| text.trim() == format!("true {NAME}"))
}

/// Compiled, started and ready.
pub fn ensure(cache: &Cache, engine: &Engine, countdown: &Countdown) -> Result<()> {
    let _lock = cache.lock("node")?;
    if !is_running(engine) {
        let image = image::ensure(cache, engine, countdown)?;
        start(engine, &image)?;
    }
    wait_until_ready(engine)?;
    profile::write(cache, engine)
}

/// A node that was stopped is started again, unless its image is another by now.
fn start(engine: &Engine, image: &str) -> Result<()> {
    let old =
        docker(engine, "looking for the node", &["inspect", "--format", "{{.Config.Image}}", NAME]).unwrap_or_default();
    if old.trim() == image && docker(engine, "starting the node", &["start", NAME]).is_ok() {
        return Ok(());
    }
    if !old.trim().is_empty() {
        docker(engine, "removing the old node", &["rm", "--force", NAME])?;
        docker(engine, "removing the old node's data", &["volume", "rm", "--force", NAME])?;
    }
    create(engine, image)
}

fn create(engine: &Engine, image: &str) -> Result<()> {
    let (subnet, address) = engine.node_network().context("starting the node: the engine has no network")?;
    docker(engine, "removing the node's network", &["network", "rm", NAME]).ok();
    docker(engine, "making the node's network", &["network", "create", "--subnet", &subnet, NAME])?;
    let words = format!(
        "run --detach --name {NAME} --hostname {NAME} --network {NAME} --ip {address} \
         --privileged --cgroupns private --tmpfs /run:exec --tmpfs /tmp:exec --volume {NAME}:/var \
         --publish 127.0.0.1::8443 --publish 127.0.0.1::32443 \
         --label created_by.minikube.sigs.k8s.io=true --label name.minikube.sigs.k8s.io={NAME} \
         --label mode.minikube.sigs.k8s.io={NAME} --label role.minikube.sigs.k8s.io= {image}"
    );
    docker(engine, "starting the node", &words.split_whitespace().collect::<Vec<_>>()).map(drop)
}

fn wait_until_ready(engine: &Engine) -> Result<()> {
    let words = ["get", "node", NAME, "--output", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"];
    let ready =
        run::until(READY, || !is_running(engine) || kubectl(engine, &words).is_ok_and(|text| text.trim() == "True"));
    if ready && is_running(engine) {
        return Ok(());
    }
    let logs = run::attempt("reading the node's log", engine.docker().args(["logs", "--tail", "20", NAME]), SHORT);
    let text = logs.map(|(_, text)| text).unwrap_or_default();
    bail!("starting the node: not ready within {} s, its log ends:\n{}", READY.as_secs(), run::last_lines(&text, 20))
}

/// `kubectl` on the node, with the administrator's credentials.
fn kubectl(engine: &Engine, words: &[&str]) -> Result<String> {
    let all = [&["exec", NAME, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"], words].concat();
    docker(engine, "asking the node", &all)
}

/// The name of the node's image, which is made if it is missing.
pub fn image(cache: &Cache, engine: &Engine, countdown: &Countdown) -> Result<String> {
    let _lock = cache.lock("node")?;
    image::ensure(cache, engine, countdown)
}

fn docker(engine: &Engine, what: &str, words: &[&str]) -> Result<String> {
    run::output(what, engine.docker().args(words), SHORT.max(Duration::from_secs(60)))
}
