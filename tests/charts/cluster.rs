//! The charts before a real API server, which takes them without a word in a namespace that enforces
//! the pod security level `restricted`. Nothing is kept: each request is a dry run.

use crate::helm::{CHARTS, STAND_IN, chart, helm, objects, text, top, variable, workload, yaml};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Every option at once.
const OPTIONS: [&str; 3] = ["networkPolicy.enabled=true", "autoscaling.enabled=true", "replicas=2"];

struct Namespace {
    name: String,
    home: tempfile::TempDir,
}

impl Namespace {
    /// As `k8s/namespace.yaml` has it, under a name of the test's own; with the accounts that pods
    /// name, because no pod is taken without.
    fn create() -> Self {
        let name = format!("charts-{}", hex::encode(rand::random::<[u8; 5]>()));
        let namespace = Self { name, home: tempfile::tempdir().unwrap() };
        let mut object = yaml(&top().join("k8s/namespace.yaml"));
        object["metadata"]["name"] = json!(namespace.name);
        let output = namespace.kubectl(&["create", "-f", "-"], &object.to_string());
        assert!(output.status.success(), "{}", said(&output));
        for account in CHARTS {
            namespace.kubectl(&["create", "serviceaccount", account], "");
        }
        namespace.kubectl(&["wait", "--for=create", "serviceaccount/default", "--timeout=60s"], "");
        namespace
    }

    fn kubectl(&self, words: &[&str], input: &str) -> Output {
        let mut command = Command::new(variable("LOADLINE_TEST_KUBECTL", "kubectl"));
        let kubeconfig = variable("LOADLINE_TEST_KUBECONFIG", "a cluster");
        command
            .args(["--kubeconfig", &kubeconfig, "--namespace", &self.name])
            .args(words)
            .env("HOME", self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What the API server has against `manifest`: nothing, if it would take it without a warning.
    fn objection(&self, manifest: &str) -> Option<String> {
        let output = self.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", "-"], manifest);
        (!output.status.success() || !output.stderr.is_empty()).then(|| said(&output))
    }

    /// A node port has one owner in the cluster: whether somebody has this one.
    fn is_taken(&self, port: u16) -> bool {
        let output = self.kubectl(&["get", "services", "--all-namespaces", "--output", "json"], "");
        let services: Value = serde_json::from_slice(&output.stdout).expect("a list");
        let ports =
            services["items"].as_array().unwrap().iter().flat_map(|service| service["spec"]["ports"].as_array());
        ports.flatten().any(|one| one["nodePort"] == port)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.kubectl(&["delete", "namespace", &self.name, "--timeout=60s"], "");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The workload's pod by itself: of a pod the level is enforced, of a workload only warned of.
fn pod(manifest: &str) -> Value {
    let mut template = workload(&objects(manifest))["spec"]["template"].clone();
    // The claim is the StatefulSet's to fill in.
    if let Some(mounts) = template["spec"]["containers"][0]["volumeMounts"].as_array_mut() {
        mounts.retain(|mount| mount["name"] != "data");
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "alone", "labels": template["metadata"]["labels"]}, "spec": template["spec"],
    })
}

fn lint(name: &str, sets: &[&str]) {
    let path = chart(name);
    let mut words = vec!["lint", "--strict", path.to_str().unwrap()];
    words.extend(sets.iter().flat_map(|set| ["--set-json", set]));
    let output = helm(&words);
    let text = said(&output);
    assert!(output.status.success() && !text.contains("[WARNING]") && !text.contains("[ERROR]"), "{name}: {text}");
}

/// Linted, rendered and taken by the API server, as they are and with every option on.
#[test]
fn mission_charts() {
    let namespace = Namespace::create();
    let elsewhere = namespace.is_taken(30000).then_some("service.nodePort=0");
    for name in CHARTS.into_iter().chain([STAND_IN]) {
        let port: Vec<&str> = elsewhere.into_iter().filter(|_| name == "frontend").collect();
        let options = match name {
            STAND_IN => &OPTIONS[..0],
            "database" => &OPTIONS[..1],
            _ => &OPTIONS,
        };
        for sets in [port.clone(), [&port, options].concat()] {
            lint(name, &sets);
            let manifest = text(name, &sets);
            assert_eq!(namespace.objection(&manifest), None, "{name} with {sets:?}");
            assert_eq!(namespace.objection(&pod(&manifest).to_string()), None, "the pod of {name} with {sets:?}");
        }
    }
}

/// The dry run above can fail: of what the level forbids, each is refused or warned of.
#[test]
fn the_namespace_refuses_a_pod_that_is_less_restricted() {
    let namespace = Namespace::create();
    for name in CHARTS {
        let manifest = text(name, &[]);
        let weaken: [(&str, Value); 4] = [
            ("/spec/securityContext/runAsNonRoot", json!(false)),
            ("/spec/securityContext/seccompProfile", json!({"type": "Unconfined"})),
            ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
            ("/spec/containers/0/securityContext/capabilities", json!({})),
        ];
        for (place, value) in weaken {
            let mut pod = pod(&manifest);
            *pod.pointer_mut(place).expect(place) = value;
            let said = namespace.objection(&pod.to_string()).unwrap_or_default();
            assert!(said.contains("violates PodSecurity \"restricted"), "{name}, {place}: {said}");
        }
    }
}

#[test]
fn the_template_of_secrets_is_one_that_the_api_server_takes() {
    let namespace = Namespace::create();
    let template = std::fs::read_to_string(top().join("k8s/secrets/app-secrets.template.yaml")).unwrap();
    assert_eq!(namespace.objection(&template), None);
}
