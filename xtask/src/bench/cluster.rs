//! The cluster of the benchmarks' node, as `helm`, `kubectl` and Loadline reach it.

use super::node::{CLUSTER, NAME};
use super::place::Place;
use crate::node::{Cluster as Machines, free_volumes};
use crate::paths::Cache;
use crate::{helm, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PORT: u16 = 8443;
const SHORT: Duration = Duration::from_secs(120);
/// Pods may take their time to end.
const REMOVAL: Duration = Duration::from_secs(180);

pub struct Cluster<'a> {
    place: &'a Place,
    kubeconfig: PathBuf,
    pub helm: PathBuf,
    /// Where `helm` and `kubectl` are found first.
    path: OsString,
}

impl<'a> Cluster<'a> {
    pub fn open(cache: &Cache, place: &'a Place) -> Result<Self> {
        let helm = helm::ensure(cache)?;
        let path = cache.path_with_ours()?;
        let kubeconfig = place.directory("cluster")?.join("kubeconfig");
        fs::write(&kubeconfig, credentials(place)?).with_context(|| format!("writing `{}`", kubeconfig.display()))?;
        Ok(Self { place, kubeconfig, helm, path })
    }

    /// `command`, in this cluster.
    pub fn within(&self, mut command: Command) -> Command {
        command.env("KUBECONFIG", &self.kubeconfig).env("PATH", &self.path);
        command
    }

    pub fn kubectl(&self, words: &[&str]) -> Result<String> {
        let mut kubectl = self.within(self.place.command("kubectl"));
        run::output(&format!("kubectl {}", words.join(" ")), kubectl.args(words), SHORT)
    }

    /// What `path` of the service answers to the API server, which asks a pod that is ready.
    pub fn ask(&self, namespace: &str, service: &str, path: &str) -> Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/services/{service}/proxy{path}");
        self.kubectl(&["get", "--raw", &path])
    }

    /// That all pods of the deployment are ready, none older being left.
    pub fn runs(&self, namespace: &str, deployment: &str) -> Result<()> {
        let text = self.kubectl(&["get", "deployment", deployment, "--namespace", namespace, "--output", "json"])?;
        let found: Value = serde_json::from_str(&text)?;
        let (wanted, status) = (&found["spec"]["replicas"], &found["status"]);
        for count in ["replicas", "updatedReplicas", "readyReplicas"] {
            ensure!(status[count] == *wanted, "{deployment}: `{count}` is {}, not {wanted}", status[count]);
        }
        Ok(())
    }

    /// Removes a namespace with all that is in it, and makes the volumes that it had as new.
    pub fn remove(&self, namespace: &str) -> Result<()> {
        let words = ["--namespace", namespace, "delete", "pods", "--all", "--force", "--grace-period=0"];
        run::succeeds(self.within(self.place.command("kubectl")).args(words), SHORT);
        let mut delete = self.within(self.place.command("kubectl"));
        delete.args(["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
        run::output(&format!("removing the namespace {namespace}"), &mut delete, REMOVAL)?;
        free_volumes(&self.place.engine, &Machines { name: NAME.to_owned(), nodes: 1 })
    }
}

/// The administrator's, by the name that kind gives its contexts.
fn credentials(place: &Place) -> Result<String> {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address =
        run::output("asking for the node's address", &mut place.docker(&["inspect", "--format", format, NAME]), SHORT)?;
    let mut read = place.docker(&["exec", NAME, "cat", "/etc/kubernetes/admin.conf"]);
    let text = run::output("reading the node's credentials", &mut read, SHORT)?;
    let context = text.lines().find_map(|line| line.strip_prefix("current-context: "));
    let context = context.context("the node's credentials name no context")?;
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server: "));
    let server = server.context("the node's credentials name no server")?;
    let here = format!("https://{}:{PORT}", address.trim());
    Ok(text.replace(server, &here).replace(context, &format!("kind-{CLUSTER}")))
}
