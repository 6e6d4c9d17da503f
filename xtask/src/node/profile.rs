//! The files that a real Minikube leaves, for our node: shaped after the recorded ones in
//! `fixtures/minikube`, so that Loadline and other tools need not know that it is ours.

use super::cluster::{Cluster, node_name};
use super::{docker, kubectl};
use crate::engine::Engine;
use crate::paths::{Cache, checkout};
use crate::run;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PORT: u16 = 8443;

pub fn write(cache: &Cache, engine: &Engine, cluster: &Cluster) -> Result<()> {
    let (top, name) = (cluster.home(cache).join(".minikube"), &cluster.name);
    let addresses: Vec<String> =
        cluster.machines().iter().map(|machine| address(engine, cluster, machine)).collect::<Result<_>>()?;
    put(&top.join("profiles").join(name).join("config.json"), &profile(engine, cluster, &addresses)?)?;
    for machine in cluster.machines() {
        put(&top.join("machines").join(&machine).join("config.json"), &machine_file(&top, cluster, &machine)?)?;
    }
    put(&top.join("config/config.json"), &json!({"profile": name}).to_string())?;
    credentials(engine, &top, cluster)?;
    put(&cluster.kubeconfig(cache), &kubernetes(&top, cluster, &addresses[0]))?;
    link_kubectl(cache)
}

fn address(engine: &Engine, cluster: &Cluster, machine: &str) -> Result<String> {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", cluster.name);
    let text = docker(engine, "asking for the node's address", &["inspect", "--format", &format, machine])?;
    if text.trim().is_empty() {
        bail!("asking for the node's address: the container `{machine}` has none in its network");
    }
    Ok(text.trim().to_owned())
}

fn profile(engine: &Engine, cluster: &Cluster, addresses: &[String]) -> Result<String> {
    let mut profile = recorded(cluster, |recorded| format!("profiles/{recorded}/config.json"))?;
    let version: Value = serde_json::from_str(&kubectl(engine, cluster, &["version", "--output", "json"])?)?;
    let version = &version["serverVersion"]["gitVersion"];
    profile["Name"] = json!(cluster.name);
    profile["KubernetesConfig"]["ClusterName"] = json!(cluster.name);
    profile["KubernetesConfig"]["KubernetesVersion"] = version.clone();
    let nodes: Vec<Value> = (1..).zip(addresses).map(|(number, address)| node(number, address, version)).collect();
    profile["Nodes"] = json!(nodes);
    Ok(format!("{profile:#}"))
}

fn node(number: usize, address: &str, version: &Value) -> Value {
    json!({
        "Name": node_name(number), "IP": address, "Port": PORT, "KubernetesVersion": version,
        "ContainerRuntime": "containerd", "ControlPlane": number == 1, "Worker": true,
    })
}

fn machine_file(top: &Path, cluster: &Cluster, machine: &str) -> Result<String> {
    let mut file = recorded(cluster, |recorded| format!("machines/{recorded}/config.json"))?;
    file["Name"] = json!(machine);
    file["Driver"]["MachineName"] = json!(machine);
    file["Driver"]["NodeConfig"]["MachineName"] = json!(machine);
    file["Driver"]["NodeConfig"]["ClusterName"] = json!(cluster.name);
    file["Driver"]["SSHKeyPath"] = json!(top.join("machines").join(machine).join("id_rsa"));
    Ok(format!("{file:#}").replace("/home/user/.minikube", &top.display().to_string()))
}

/// A file of a recorded cluster with one node, or with several.
fn recorded(cluster: &Cluster, file: impl Fn(&str) -> String) -> Result<Value> {
    let (directory, name) = if cluster.nodes == 1 { ("containerd", "minikube") } else { ("two-nodes", "two") };
    let path = checkout().join("fixtures/minikube").join(directory).join(file(name));
    let text = fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("reading `{}`", path.display()))
}

fn credentials(engine: &Engine, top: &Path, cluster: &Cluster) -> Result<()> {
    let first = cluster.first();
    let authority =
        docker(engine, "reading the node's certificate", &["exec", first, "cat", "/etc/kubernetes/pki/ca.crt"])?;
    put(&top.join("ca.crt"), &authority)?;
    for (field, file) in [("certificate", "client.crt"), ("key", "client.key")] {
        let script = format!(
            "kubectl --kubeconfig /etc/kubernetes/admin.conf config view --raw --output jsonpath='{{.users[0].user.client-{field}-data}}' | base64 -d"
        );
        let text = docker(engine, "reading the node's credentials", &["exec", first, "sh", "-c", &script])?;
        put(&top.join("profiles").join(first).join(file), &text)?;
    }
    Ok(())
}

fn kubernetes(top: &Path, cluster: &Cluster, address: &str) -> String {
    let (top, name) = (top.display(), &cluster.name);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    certificate-authority: {top}/ca.crt
    server: https://{address}:{PORT}
contexts:
- name: {name}
  context:
    cluster: {name}
    namespace: default
    user: {name}
current-context: {name}
users:
- name: {name}
  user:
    client-certificate: {top}/profiles/{name}/client.crt
    client-key: {top}/profiles/{name}/client.key
"
    )
}

/// The node's program is kubectl too, under that name.
fn link_kubectl(cache: &Cache) -> Result<()> {
    let (program, link) = (cache.file("node/kube/kube"), cache.directory("bin")?.join("kubectl"));
    if program.exists() {
        let mut ln = Command::new("ln");
        run::output("linking kubectl", ln.arg("-sf").arg(&program).arg(&link), Duration::from_secs(10))?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let parent = path.parent().context("a path without a parent")?;
    fs::create_dir_all(parent).with_context(|| format!("creating `{}`", parent.display()))?;
    fs::write(path, text).with_context(|| format!("writing `{}`", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("restricting `{}`", path.display()))
}
