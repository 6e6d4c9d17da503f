//! The node that images are loaded into: the project's own Kubernetes node, labelled as kind labels
//! its own, so that `kind` and Loadline load into the very same one.

use super::place::Place;
use crate::node::{self, Countdown};
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result, bail, ensure};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// The cluster; Loadline's target is `kind:` and this.
pub const CLUSTER: &str = "loadline-bench";
pub const NAME: &str = "loadline-bench-control-plane";

const SHORT: Duration = Duration::from_secs(120);
const READY: Duration = Duration::from_secs(180);

pub struct Node<'a> {
    place: &'a Place,
    /// The names of the images that it came with.
    own: BTreeSet<String>,
    /// The names of images that stay, whatever is loaded.
    kept: RefCell<BTreeSet<String>>,
}

impl<'a> Node<'a> {
    pub fn start(cache: &Cache, place: &'a Place) -> Result<Self> {
        let image = node::image(cache, &place.engine, &Countdown::default())?;
        remove(place);
        let words = format!(
            "run --detach --name {NAME} --hostname {NAME} --privileged --cgroupns private --tmpfs /run:exec \
             --tmpfs /tmp:exec --volume {NAME}:/var --label io.x-k8s.kind.cluster={CLUSTER} \
             --label io.x-k8s.kind.role=control-plane {image}"
        );
        let words: Vec<&str> = words.split_whitespace().collect();
        run::output("starting the benchmarks' node", &mut place.docker(&words), SHORT)?;
        let mut node = Self { place, own: BTreeSet::new(), kept: RefCell::default() };
        node.wait_until_ready()?;
        node.own = node.names()?;
        node.keep_all()?;
        Ok(node)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let path = "jsonpath={.items[0].status.conditions[?(@.type=='Ready')].status}";
        let words = ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "node", "--output", path];
        let ready = run::until(READY, || self.ask(&words).is_ok_and(|text| text.trim() == "True"));
        if ready {
            return Ok(());
        }
        let logs =
            run::attempt("reading the node's log", &mut self.place.docker(&["logs", "--tail", "20", NAME]), SHORT);
        let text = logs.map(|(_, text)| text).unwrap_or_default();
        bail!(
            "starting the benchmarks' node: not ready within {} s, its log ends:\n{}",
            READY.as_secs(),
            run::last_lines(&text, 20)
        )
    }

    /// A command on the node.
    pub fn exec(&self, words: &[&str]) -> Command {
        let mut command = self.place.docker(&["exec", "--interactive", NAME]);
        command.args(words);
        command
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        run::output(&format!("asking the node: {}", words.join(" ")), &mut self.exec(words), SHORT)
    }

    fn names(&self) -> Result<BTreeSet<String>> {
        let text = self.ask(&["ctr", "-n", "k8s.io", "images", "ls", "-q"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// What is on the node now stays there.
    pub fn keep_all(&self) -> Result<()> {
        *self.kept.borrow_mut() = self.names()?;
        Ok(())
    }

    /// Only what the node came with stays.
    pub fn reset(&self) -> Result<()> {
        self.kept.borrow_mut().clone_from(&self.own);
        self.forget_new()
    }

    /// Removes what came since, and what only that needed, before anything else is done. The
    /// kubelet's side is asked first: of what is removed behind its back it may go on to speak.
    pub fn forget_new(&self) -> Result<()> {
        let new = self.new_names()?;
        if new.is_empty() {
            return Ok(());
        }
        let names = || new.iter().map(String::as_str);
        let mut remove = self.exec(&["crictl", "rmi"]);
        // With its first name an image is gone, so the others are not found.
        run::succeeds(remove.args(names()), SHORT);
        let left = self.new_names()?;
        if !left.is_empty() {
            let mut remove = self.exec(&["ctr", "-n", "k8s.io", "images", "rm", "--sync"]);
            run::output("removing images from the node", remove.args(&left), SHORT)?;
        }
        // What `kind load` names by digest alone stays known there, and does no harm.
        let tags = || names().filter(|name| name.starts_with("docker.io/"));
        let gone = run::until(Duration::from_secs(20), || {
            self.ask(&["crictl", "images", "--output", "json"])
                .is_ok_and(|text| tags().all(|name| !text.contains(&format!("\"{name}\""))))
        });
        ensure!(gone, "removing images from the node: the kubelet's side still has some of {new:?}");
        Ok(())
    }

    /// The names that came since.
    fn new_names(&self) -> Result<Vec<String>> {
        let (all, kept) = (self.names()?, self.kept.borrow());
        Ok(all.difference(&kept).cloned().collect())
    }

    /// That the node has `tag`, and under it `id`, as the kubelet would find it.
    pub fn has(&self, tag: &str, id: &str) -> Result<()> {
        let name = format!("docker.io/{tag}");
        let found = self.ask(&["crictl", "inspecti", "--output", "go-template", "--template", "{{.status.id}}", &name]);
        let found = found.with_context(|| format!("the node does not have `{name}`"))?;
        ensure!(found.trim() == id, "the node has {} under `{name}`, not {id}", found.trim());
        Ok(())
    }

    pub fn version(&self) -> String {
        let text = self.ask(&["ctr", "--version"]).unwrap_or_default();
        text.trim().replace("ctr github.com/containerd/", "")
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        remove(self.place);
    }
}

/// Nothing that is not there is missed.
fn remove(place: &Place) {
    run::succeeds(&mut place.docker(&["rm", "--force", NAME]), SHORT);
    run::succeeds(&mut place.docker(&["volume", "rm", "--force", NAME]), SHORT);
}
