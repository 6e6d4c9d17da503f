//! Containers that stand for machines: what a node that is not well looks like. The suite needs
//! no docker CLI, so it speaks to the engine itself.

use crate::harness::{BASE, engine, nodes_in, run_in, salt};
use loadline::engine::Address;
use loadline::node::{Node, Surroundings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What a `crictl` does that has no image.
pub const NO_IMAGE: &str = "echo 'no such image' >&2; exit 1";

/// One request to the engine under test; the answer's status and body.
async fn ask(method: &str, path: &str, body: Option<Value>) -> (u16, String) {
    let engine = engine().await;
    let Address::Unix(socket) = engine.address() else { panic!("the engine under test has a Unix socket") };
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub async fn must(method: &str, path: &str, body: Option<Value>) -> String {
    let (status, answer) = ask(method, path, body).await;
    assert!(status < 300, "{method} {path}: {status} {answer}");
    answer
}

/// `start`, `pause`, `unpause`, `kill`.
pub async fn act(container: &str, what: &str) {
    must("POST", &format!("/containers/{container}/{what}"), None).await;
}

/// The same from within a test's runtime, which waits.
pub fn act_now(container: &str, what: &str) {
    let (container, what) = (container.to_owned(), what.to_owned());
    std::thread::spawn(move || runtime().block_on(act(&container, &what))).join().unwrap();
}

/// Removes a container with its volumes, if it is there.
pub fn delete_now(container: &str) {
    let path = format!("/containers/{container}?force=1&v=1");
    std::thread::spawn(move || runtime().block_on(ask("DELETE", &path, None))).join().ok();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A container in the place of a machine, with a profile of its own; it goes when this is dropped.
pub struct Machine {
    pub name: String,
    home: TempDir,
}

impl Machine {
    /// Created, not started. `runtime` is what the profile says.
    pub async fn new(runtime: &str, image: &str, binds: &[String]) -> Self {
        let machine = Self { name: format!("loadline-test-{}", salt()), home: tempfile::tempdir().unwrap() };
        let name = &machine.name;
        let profile = machine.home.path().join(".minikube/profiles").join(name);
        std::fs::create_dir_all(&profile).unwrap();
        let config = json!({
            "Name": name, "Driver": "docker", "Nodes": [{"Name": ""}],
            "KubernetesConfig": {"KubernetesVersion": "v1.34.4", "ContainerRuntime": runtime},
        });
        std::fs::write(profile.join("config.json"), config.to_string()).unwrap();
        let body = json!({
            "Image": image, "Entrypoint": ["sleep", "600"], "Cmd": [], "User": "0", "Hostname": "elsewhere",
            "Labels": {"name.minikube.sigs.k8s.io": name, "io.x-k8s.kind.cluster": name, "io.x-k8s.kind.role": "control-plane"}, "HostConfig": {"Binds": binds, "NetworkMode": "none"},
        });
        must("POST", &format!("/containers/create?name={name}"), Some(body)).await;
        machine
    }

    /// Running, with these programs in it.
    pub async fn with(programs: &[(&str, &str)]) -> Self {
        let machine = Self::new("containerd", BASE, &[]).await;
        machine.act("start").await;
        machine.install(programs).await;
        machine
    }

    /// Running, with a containerd's tools that do what is said.
    pub async fn with_tools(import: &str, cri: &str) -> Self {
        Self::with_intake("cat >/dev/null", import, cri).await
    }

    /// The same, with what `ctr content ingest` does.
    pub async fn with_intake(ingest: &str, import: &str, cri: &str) -> Self {
        let machine = Self::with(&[("crictl", cri)]).await;
        machine.install_ctr("", ingest, import).await;
        machine
    }

    /// A `ctr` that knows the blobs `there`.
    pub async fn install_ctr(&self, there: &str, ingest: &str, import: &str) {
        let ctr = format!(
            "case \"$*\" in *ingest*) {ingest};; *import*) {import};; *'content ls'*) echo {there};; *' ls'*) ;; \
             *) echo 'does not exist' >&2; exit 1;; esac"
        );
        self.install(&[("ctr", &ctr)]).await;
    }

    pub async fn install(&self, programs: &[(&str, &str)]) {
        for (name, text) in programs {
            let path = format!("/usr/local/bin/{name}");
            let write = format!("cat >{path} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod +x {path}");
            assert_eq!(run_in(&self.name, &write).await, "");
        }
    }

    /// `start`, `pause`, `unpause`, `kill`.
    pub async fn act(&self, what: &str) {
        act(&self.name, what).await;
    }

    pub async fn nodes(&self) -> Vec<Node> {
        let home = Some(self.home.path().to_owned());
        nodes_in(&format!("minikube:{}", self.name), Surroundings { minikube_home: home, ..Default::default() }).await
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        delete_now(&self.name);
    }
}

/// The image that a container runs.
pub async fn image_of(container: &str) -> String {
    let found: Value =
        serde_json::from_str(&must("GET", &format!("/containers/{container}/json"), None).await).unwrap();
    found["Config"]["Image"].as_str().unwrap().to_owned()
}
