//! Kubernetes nodes of our own: containers in an engine of ours, in Minikube's shape.

mod cluster;
mod image;
mod machine;
mod profile;
mod volumes;

use crate::engine::Engine;
use crate::paths::Cache;
use crate::run;
use anyhow::{Result, bail, ensure};
use clap::Args;
pub use cluster::Cluster;
pub use image::Countdown;
use std::path::PathBuf;
use std::time::Duration;
pub use volumes::free as free_volumes;

const LIMIT: Duration = Duration::from_secs(60);
const READY: Duration = Duration::from_secs(180);

#[derive(Args)]
pub struct Options {
    /// The cluster, as Minikube's `-p` names it
    #[arg(long, default_value_t = Cluster::default().name)]
    profile: String,
    /// How many nodes it has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
}

impl Options {
    pub fn cluster(&self) -> Cluster {
        Cluster { name: self.profile.clone(), nodes: self.nodes.into() }
    }
}

/// What `MINIKUBE_HOME` is set to.
pub fn home(cache: &Cache) -> PathBuf {
    Cluster::default().home(cache)
}

pub fn kubeconfig(cache: &Cache) -> PathBuf {
    Cluster::default().kubeconfig(cache)
}

/// Whether the node's files are there.
pub fn is_known(cache: &Cache) -> bool {
    kubeconfig(cache).exists()
}

/// Compiled, started and ready.
pub fn ensure(cache: &Cache, engine: &Engine, countdown: &Countdown, cluster: &Cluster) -> Result<()> {
    let _lock = cache.lock("node")?;
    let machines = cluster.machines();
    let running = machines.iter().all(|machine| machine::is_running(engine, machine));
    // What the everyday one holds is somebody's; all others are to be as the sources say.
    if !(running && cluster.is_everyday()) {
        let image = image::ensure(cache, engine, countdown)?;
        machine::start_all(engine, cluster, &image)?;
    }
    wait_until_ready(engine, cluster, cluster.first())?;
    if machines.len() > 1 && !has_first_range(engine, cluster) {
        let image = image::ensure(cache, engine, countdown)?;
        machine::remove_all(engine, cluster)?;
        machine::start_all(engine, cluster, &image)?;
        wait_until_ready(engine, cluster, cluster.first())?;
        ensure!(has_first_range(engine, cluster), "starting `{}`: its pods have another network", cluster.first());
    }
    for further in &machines[1..] {
        admit(engine, cluster, further)?;
    }
    for further in &machines[1..] {
        wait_until_ready(engine, cluster, further)?;
    }
    if machines.len() > 1 {
        for machine in &machines {
            docker(engine, "connecting the nodes' pods", &["exec", machine, "pod-routes"])?;
        }
    }
    volumes::free(engine, cluster)?;
    profile::write(cache, engine, cluster)
}

/// Where the everyday cluster's nodes answer.
pub fn address(engine: &Engine) -> Result<String> {
    let words =
        ["get", "nodes", "--output", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}"];
    Ok(kubectl(engine, &Cluster::default(), &words)?.trim().to_owned())
}

/// Whether the first node has the pod network that it takes for its own (`xtask/node/entrypoint`). The
/// controllers hand networks out in the order in which they meet the nodes, so no other may come before.
fn has_first_range(engine: &Engine, cluster: &Cluster) -> bool {
    let words = ["get", "node", cluster.first(), "--output", "jsonpath={.spec.podCIDR}"];
    let range = || kubectl(engine, cluster, &words).map(|text| text.trim().to_owned()).unwrap_or_default();
    run::until(READY, || !range().is_empty()) && range() == "10.244.0.0/24"
}

/// Gives a further node the credentials that it waits for, if it has none yet.
fn admit(engine: &Engine, cluster: &Cluster, machine: &str) -> Result<()> {
    let script = "docker exec \"$2\" test -e /etc/kubernetes/kubelet.conf && exit
        docker exec \"$1\" admit \"$2\" | docker exec -i \"$2\" sh -c 'mkdir -p /etc/kubernetes && tar x -C /etc/kubernetes'";
    let mut command = engine.with_docker("sh");
    command.args(["-c", script, "sh", cluster.first(), machine]);
    run::output(&format!("admitting the node `{machine}`"), &mut command, LIMIT).map(drop)
}

fn wait_until_ready(engine: &Engine, cluster: &Cluster, machine: &str) -> Result<()> {
    let words = ["get", "node", machine, "--output", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"];
    let is_ready = || kubectl(engine, cluster, &words).is_ok_and(|text| text.trim() == "True");
    let ready = run::until(READY, || !machine::is_running(engine, machine) || is_ready());
    if ready && machine::is_running(engine, machine) {
        return Ok(());
    }
    let logs = run::attempt("reading the node's log", engine.docker().args(["logs", "--tail", "20", machine]), LIMIT);
    let text = logs.map(|(_, text)| text).unwrap_or_default();
    bail!(
        "starting the node `{machine}`: not ready within {} s, its log ends:\n{}",
        READY.as_secs(),
        run::last_lines(&text, 20)
    )
}

/// `kubectl` on the first node, with the administrator's credentials.
fn kubectl(engine: &Engine, cluster: &Cluster, words: &[&str]) -> Result<String> {
    let all = [&["exec", cluster.first(), "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"], words].concat();
    docker(engine, "asking the node", &all)
}

/// The name of the node's image, which is made if it is missing.
pub fn image(cache: &Cache, engine: &Engine, countdown: &Countdown) -> Result<String> {
    let _lock = cache.lock("node")?;
    image::ensure(cache, engine, countdown)
}

fn docker(engine: &Engine, what: &str, words: &[&str]) -> Result<String> {
    run::output(what, engine.docker().args(words), LIMIT)
}
