//! The todo application in the cluster, deployed once for all tests that visit it.

use crate::harness::{Place, Ran, kubectl, object, salt, top, try_kubectl};
use serde_json::Value;
use std::sync::OnceLock;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The node port of the frontend, as the mission has it.
const PORT: u64 = 30000;
/// Namespaces that a killed run may have left.
const PREFIX: &str = "loadline-test-";

pub struct Application {
    pub place: Place,
    /// What `up --deploy` said.
    pub first: Ran,
}

static APPLICATION: OnceLock<Application> = OnceLock::new();
/// Who visits reads; who deletes pods writes.
static PODS: RwLock<()> = RwLock::const_new(());

/// The application, for those who leave it as it is.
pub async fn visit() -> (&'static Application, RwLockReadGuard<'static, ()>) {
    let guard = PODS.read().await;
    (application(), guard)
}

/// The application, for those who disturb it.
pub async fn disturb() -> (&'static Application, RwLockWriteGuard<'static, ()>) {
    let guard = PODS.write().await;
    (application(), guard)
}

fn application() -> &'static Application {
    APPLICATION.get_or_init(|| {
        remove_leftovers();
        let place = Place::of(top(), "todo");
        place.run(&["load", "--image", "postgres:16-alpine"]).fine();
        // What answers in Cohere's place runs on the backend's image, which must be there first.
        place.run(&["up"]).fine();
        let key = format!("stand-in-key-{}", salt());
        let environment = [("COHERE_API_KEY", key.as_str())];
        place.here_with(&["deploy", "cohere-stand-in"], &environment).fine();
        let port = if is_taken(PORT) { 0 } else { PORT };
        let sets = [
            "--set=backend.cohere.apiUrl=http://cohere-stand-in:8000".to_owned(),
            format!("--set=frontend.service.nodePort={port}"),
        ];
        let words = [&["up", "--deploy"][..], &sets.each_ref().map(String::as_str)].concat();
        let first = place.here_with(&words, &environment).fine();
        Application { place, first }
    })
}

/// Whether another namespace has this port of the nodes.
fn is_taken(port: u64) -> bool {
    let services = object(&["get", "services", "--all-namespaces"]);
    let ports = services["items"].as_array().unwrap().iter().filter_map(|service| service["spec"]["ports"].as_array());
    ports.flatten().any(|one| one["nodePort"] == port)
}

fn remove_leftovers() {
    let namespaces = object(&["get", "namespaces"]);
    let names = namespaces["items"].as_array().unwrap().iter().filter_map(|one| one["metadata"]["name"].as_str());
    for name in names.filter(|name| name.starts_with(&format!("{PREFIX}todo-"))) {
        try_kubectl(&["delete", "namespace", name, "--timeout=120s"]);
    }
}

impl Application {
    /// The only pod of a release.
    pub fn pod(&self, release: &str) -> Value {
        let selector = format!("app.kubernetes.io/instance={release}");
        let pods = self.place.object(&["get", "pods", "--selector", &selector]);
        let all = pods["items"].as_array().unwrap().iter();
        let mut living: Vec<&Value> = all.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
        assert_eq!(living.len(), 1, "pods of {release}: {pods}");
        living.remove(0).clone()
    }

    pub fn pod_name(&self, release: &str) -> String {
        self.pod(release)["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Where the frontend answers from outside of the cluster.
    pub fn address(&self) -> String {
        let service = self.place.object(&["get", "service", "frontend"]);
        let port = &service["spec"]["ports"][0]["nodePort"];
        let words =
            ["get", "nodes", "--output", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}"];
        format!("http://{}:{port}", kubectl(&words))
    }

    /// Makes these journeys, as the settings name them.
    pub fn journeys(&self, names: &[&str]) -> Ran {
        let only = names.iter().flat_map(|name| ["--only", name]);
        self.place.here(&["e2e"].into_iter().chain(only).collect::<Vec<_>>())
    }

    /// The words of a container's shell command.
    pub fn shell(&self, release: &str, command: &str) -> String {
        self.place.kubectl(&["exec", &self.pod_name(release), "--", "sh", "-c", command])
    }
}
