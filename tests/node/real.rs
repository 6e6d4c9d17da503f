//! Machines of a test's own with a real containerd, sshd or Docker Engine in them: the node's
//! image without Kubernetes, ready in a second or two.

use crate::harness::{nodes_in, run_in, salt};
use crate::machine::{act, delete_now, image_of, must};
use loadline::node::{Node, Surroundings};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The image of the machines of this container is what all of them run.
const PATTERN: &str = "two";

/// A running container; it goes when this is dropped.
pub struct Real {
    pub name: String,
}

impl Real {
    /// Runs `machine` with `arguments`, and waits until `ready`, a command in it, succeeds.
    pub async fn start(name: String, arguments: &[&str], labels: Value, ready: &str) -> Self {
        let body = json!({
            "Image": image_of(PATTERN).await, "Entrypoint": ["/usr/local/bin/machine"], "Cmd": arguments,
            "Hostname": name, "Labels": labels, "Volumes": {"/var/lib/containerd": {}, "/var/lib/docker": {}},
            "ExposedPorts": {"2376/tcp": {}},
            "HostConfig": {
                "Privileged": true, "CgroupnsMode": "private", "Tmpfs": {"/run": "exec", "/tmp": "exec"},
                "PortBindings": {"2376/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
            },
        });
        must("POST", &format!("/containers/create?name={name}"), Some(body)).await;
        let real = Self { name };
        act(&real.name, "start").await;
        real.wait_for(ready).await;
        real
    }

    /// Waits until a command in it succeeds.
    pub async fn wait_for(&self, command: &str) {
        let mut said = String::new();
        for _ in 0..300 {
            said = run_in(&self.name, &format!("{command} 2>&1 && echo it-does")).await;
            if said.ends_with("it-does\n") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{}: `{command}` does not succeed: {said}", self.name);
    }

    pub async fn address(&self) -> String {
        let found = must("GET", &format!("/containers/{}/json", self.name), None).await;
        let found: Value = serde_json::from_str(&found).unwrap();
        found["NetworkSettings"]["IPAddress"].as_str().unwrap().to_owned()
    }

    /// What the CRI in it has under `tag`.
    pub async fn cri(&self, tag: &str) -> String {
        let template = "crictl inspecti -o go-template --template '{{.status.id}}'";
        run_in(&self.name, &format!("{template} {tag}")).await.trim().to_owned()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        delete_now(&self.name);
    }
}

/// A Minikube home with one profile of one machine, of the same name.
pub struct Profile {
    pub name: String,
    home: TempDir,
}

impl Profile {
    pub fn new(driver: &str, runtime: &str) -> Self {
        let profile = Self { name: format!("loadline-test-{}", salt()), home: tempfile::tempdir().unwrap() };
        let config = json!({
            "Name": profile.name, "Driver": driver, "Nodes": [{"Name": ""}],
            "KubernetesConfig": {"KubernetesVersion": "v1.34.4", "ContainerRuntime": runtime},
        });
        profile.write(&format!("profiles/{}/config.json", profile.name), &config.to_string());
        profile
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(".minikube").join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What a driver with an address writes of its machine.
    pub fn write_machine(&self, driver: Value) {
        let machine = json!({"ConfigVersion": 3, "Driver": driver, "Name": self.name});
        self.write(&format!("machines/{}/config.json", self.name), &machine.to_string());
    }

    /// Makes the machine's key; the public part.
    pub fn key(&self) -> String {
        let key = self.path(&format!("machines/{}/id_rsa", self.name));
        std::fs::create_dir_all(key.parent().unwrap()).unwrap();
        make_key(&key);
        std::fs::read_to_string(key.with_extension("pub")).unwrap()
    }

    pub async fn nodes(&self) -> Vec<Node> {
        let home = Some(self.home.path().to_owned());
        nodes_in(&format!("minikube:{}", self.name), Surroundings { minikube_home: home, ..Default::default() }).await
    }
}

fn make_key(path: &Path) {
    let mut make = Command::new("ssh-keygen");
    assert!(make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap().success());
}
