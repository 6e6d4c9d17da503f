//! Charts as the real Helm renders them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The charts that are deployed, in the order in which they are.
pub const CHARTS: [&str; 3] = ["database", "backend", "frontend"];
/// The chart of what stands in for Cohere.
pub const STAND_IN: &str = "cohere";

/// Objects by their kind: no chart here has two of one kind.
pub type Objects = BTreeMap<String, Value>;

pub fn variable(name: &str, what: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} names {what}; `cargo xtask test charts` sets it"))
}

pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn chart(name: &str) -> PathBuf {
    let place =
        if name == STAND_IN { "fixtures/todo/cohere-stand-in".to_owned() } else { format!("k8s/charts/{name}") };
    top().join(place)
}

/// Helm with no settings but what comes with it.
pub fn helm(words: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(variable("LOADLINE_TEST_HELM", "a Helm 4"));
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, home.path());
    }
    command.env_remove("KUBECONFIG").args(words).output().expect("Helm starts")
}

fn template(name: &str, release: &str, sets: &[&str]) -> Output {
    let path = chart(name);
    let mut words = vec!["template", release, path.to_str().unwrap(), "--namespace", "todo"];
    words.extend(sets.iter().flat_map(|set| ["--set-json", set]));
    helm(&words)
}

/// What the chart makes with each of `sets`, `PATH=JSON`, said otherwise. Helm has nothing to complain of.
pub fn text(name: &str, sets: &[&str]) -> String {
    text_of(name, name, sets)
}

/// The same for a release of that name.
pub fn text_of(name: &str, release: &str, sets: &[&str]) -> String {
    let output = template(name, release, sets);
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{name} with {sets:?}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

pub fn render(name: &str, sets: &[&str]) -> Objects {
    objects(&text(name, sets))
}

/// Why Helm refuses to render the chart with `sets`.
pub fn refusal(name: &str, sets: &[&str]) -> String {
    let output = template(name, name, sets);
    assert!(!output.status.success(), "{name} is rendered with {sets:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn objects(text: &str) -> Objects {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    let count = documents.iter().filter(|document| !document.is_null()).count();
    let objects: Objects = documents
        .into_iter()
        .filter(|document| !document.is_null())
        .map(|document| (document["kind"].as_str().expect("a kind").to_owned(), document))
        .collect();
    assert_eq!(objects.len(), count, "each kind once");
    objects
}

pub fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The chart's `values.yaml`.
pub fn defaults(name: &str) -> Value {
    yaml(&chart(name).join("values.yaml"))
}

/// The paths of all that can be set: what is no map, and maps whose keys are the user's.
pub fn leaves(values: &Value) -> Vec<String> {
    walk(values, |value| !is_branch(value))
}

/// The paths of the maps whose keys are the chart's; the first, the whole, has none.
pub fn branches(values: &Value) -> Vec<String> {
    walk(values, is_branch)
}

fn is_branch(value: &Value) -> bool {
    value.as_object().is_some_and(|inside| !inside.is_empty())
}

fn walk(value: &Value, wanted: fn(&Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        if wanted(value) {
            found.push(path.clone());
        }
        let dot = if path.is_empty() { "" } else { "." };
        let inside = value.as_object().into_iter().flatten();
        open.extend(inside.map(|(key, value)| (format!("{path}{dot}{key}"), value)));
    }
    found
}

/// The Deployment or the StatefulSet.
pub fn workload(objects: &Objects) -> &Value {
    objects.get("Deployment").or_else(|| objects.get("StatefulSet")).expect("a workload")
}

pub fn pod(objects: &Objects) -> &Value {
    &workload(objects)["spec"]["template"]["spec"]
}

pub fn container(objects: &Objects) -> &Value {
    let containers = pod(objects)["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}
