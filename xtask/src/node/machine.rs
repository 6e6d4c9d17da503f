//! The containers that are a cluster's machines: created, started, replaced.

use super::cluster::Cluster;
use super::docker;
use crate::engine::Engine;
use anyhow::{Context, Result};

/// It runs, it is ours, and nobody froze it.
pub fn is_running(engine: &Engine, machine: &str) -> bool {
    let format = "{{.State.Running}} {{.State.Paused}} {{index .Config.Labels \"name.minikube.sigs.k8s.io\"}}";
    let state = docker(engine, "looking for the node", &["inspect", "--format", format, machine]);
    state.is_ok_and(|text| text.trim() == format!("true false {machine}"))
}

/// Machines that were stopped are started again, unless their image is another by now; further
/// nodes have credentials of the first, so all are kept or none.
pub fn start_all(engine: &Engine, cluster: &Cluster, image: &str) -> Result<()> {
    let machines = cluster.machines();
    if machines.iter().all(|machine| image_of(engine, machine).as_deref() == Some(image))
        && machines.iter().all(|machine| wake(engine, machine).is_ok())
    {
        return Ok(());
    }
    remove_all(engine, cluster)?;
    let addresses = network(engine, cluster)?;
    for (machine, address) in machines.iter().zip(addresses) {
        create(engine, cluster, machine, &address, image)?;
    }
    Ok(())
}

/// With all that they hold.
pub fn remove_all(engine: &Engine, cluster: &Cluster) -> Result<()> {
    for machine in &cluster.machines() {
        if image_of(engine, machine).is_some() {
            docker(engine, "removing the old node", &["rm", "--force", machine])?;
        }
        // Also of one that somebody removed: it would tell of a node that is ready.
        docker(engine, "removing the old node's data", &["volume", "rm", "--force", machine])?;
    }
    Ok(())
}

fn image_of(engine: &Engine, machine: &str) -> Option<String> {
    let words = ["inspect", "--format", "{{.Config.Image}}", machine];
    docker(engine, "looking for the node", &words).ok().map(|text| text.trim().to_owned())
}

fn wake(engine: &Engine, machine: &str) -> Result<()> {
    // It may be paused or not.
    let _paused = docker(engine, "waking the node", &["unpause", machine]).is_ok();
    docker(engine, "starting the node", &["start", machine]).map(drop)
}

/// Makes the cluster's network; the addresses in it, which must outlive the machines: they are in
/// certificates.
fn network(engine: &Engine, cluster: &Cluster) -> Result<impl Iterator<Item = String> + use<>> {
    let name = &cluster.name;
    docker(engine, "removing the node's network", &["network", "rm", name]).ok();
    let subnets = engine.node_networks().context("starting the node: the engine has no network")?;
    // The first is the everyday cluster's, whether it is there or not.
    let subnets = subnets.into_iter().enumerate().filter(|(index, _)| (*index == 0) == cluster.is_everyday());
    let mut last = None;
    for (_, prefix) in subnets {
        let subnet = format!("{prefix}.0/24");
        match docker(engine, "making the node's network", &["network", "create", "--subnet", &subnet, name]) {
            Ok(_) => return Ok((2..).map(move |host| format!("{prefix}.{host}"))),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("making the node's network: the engine has no subnet for it")?)
}

fn create(engine: &Engine, cluster: &Cluster, machine: &str, address: &str, image: &str) -> Result<()> {
    let network = &cluster.name;
    let is_first = machine == cluster.first();
    let ports = if is_first { "--publish 127.0.0.1::8443 --publish 127.0.0.1::32443" } else { "" };
    // The everyday one has all the memory there is.
    let bound = match is_first {
        _ if cluster.is_everyday() => "",
        true => "--memory 2g",
        false => "--memory 1g",
    };
    let program = if is_first { "entrypoint" } else { "worker" };
    let words = format!(
        "run --detach --name {machine} --hostname {machine} --network {network} --ip {address} \
         --privileged --cgroupns private --tmpfs /run:exec --tmpfs /tmp:exec --volume {machine}:/var {ports} {bound} \
         --label created_by.minikube.sigs.k8s.io=true --label name.minikube.sigs.k8s.io={machine} \
         --label mode.minikube.sigs.k8s.io={machine} --label role.minikube.sigs.k8s.io= \
         --entrypoint /usr/local/bin/{program} {image}"
    );
    docker(engine, "starting the node", &words.split_whitespace().collect::<Vec<_>>()).map(drop)
}
