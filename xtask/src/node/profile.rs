//! The files that a real Minikube leaves, for our node: shaped after the recorded ones in
//! `fixtures/minikube`, so that Loadline and other tools need not know that it is ours.

use super::{NAME, docker, home, kubeconfig, kubectl};
use crate::engine::Engine;
use crate::paths::{Cache, checkout};
use crate::run;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const RECORDED: &str = "fixtures/minikube/containerd";
const PORT: u16 = 8443;

pub fn write(cache: &Cache, engine: &Engine) -> Result<()> {
    let top = home(cache).join(".minikube");
    let address = address(engine)?;
    put(&top.join("profiles").join(NAME).join("config.json"), &profile(engine, &address)?)?;
    put(&top.join("machines").join(NAME).join("config.json"), &machine(&top)?)?;
    put(&top.join("config/config.json"), &json!({"profile": NAME}).to_string())?;
    credentials(engine, &top)?;
    put(&kubeconfig(cache), &kubernetes(&top, &address))?;
    link_kubectl(cache)
}

fn address(engine: &Engine) -> Result<String> {
    let format = format!("{{{{(index .NetworkSettings.Networks \"{NAME}\").IPAddress}}}}");
    let text = docker(engine, "asking for the node's address", &["inspect", "--format", &format, NAME])?;
    if text.trim().is_empty() {
        bail!("asking for the node's address: the container `{NAME}` has none in its network");
    }
    Ok(text.trim().to_owned())
}

fn profile(engine: &Engine, address: &str) -> Result<String> {
    let mut profile = recorded(&format!("profiles/{NAME}/config.json"))?;
    let version: Value = serde_json::from_str(&kubectl(engine, &["version", "--output", "json"])?)?;
    let version = &version["serverVersion"]["gitVersion"];
    profile["KubernetesConfig"]["KubernetesVersion"] = version.clone();
    profile["Nodes"][0]["KubernetesVersion"] = version.clone();
    profile["Nodes"][0]["IP"] = json!(address);
    profile["Nodes"][0]["Port"] = json!(PORT);
    Ok(format!("{profile:#}"))
}

fn machine(top: &Path) -> Result<String> {
    let machine = recorded(&format!("machines/{NAME}/config.json"))?;
    Ok(format!("{machine:#}").replace("/home/user/.minikube", &top.display().to_string()))
}

fn recorded(name: &str) -> Result<Value> {
    let path = checkout().join(RECORDED).join(name);
    let text = fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("reading `{}`", path.display()))
}

fn credentials(engine: &Engine, top: &Path) -> Result<()> {
    let authority =
        docker(engine, "reading the node's certificate", &["exec", NAME, "cat", "/etc/kubernetes/pki/ca.crt"])?;
    put(&top.join("ca.crt"), &authority)?;
    for (field, file) in [("certificate", "client.crt"), ("key", "client.key")] {
        let script = format!(
            "kubectl --kubeconfig /etc/kubernetes/admin.conf config view --raw --output jsonpath='{{.users[0].user.client-{field}-data}}' | base64 -d"
        );
        let text = docker(engine, "reading the node's credentials", &["exec", NAME, "sh", "-c", &script])?;
        put(&top.join("profiles").join(NAME).join(file), &text)?;
    }
    Ok(())
}

fn kubernetes(top: &Path, address: &str) -> String {
    let top = top.display();
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {NAME}
  cluster:
    certificate-authority: {top}/ca.crt
    server: https://{address}:{PORT}
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    namespace: default
    user: {NAME}
current-context: {NAME}
users:
- name: {NAME}
  user:
    client-certificate: {top}/profiles/{NAME}/client.crt
    client-key: {top}/profiles/{NAME}/client.key
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
