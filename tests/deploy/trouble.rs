//! What a deployment meets besides its own faults.

use crate::harness::{Place, detail, kubectl, said, top, try_kubectl, variable};
use crate::secrets::copy;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SETTINGS: &str =
    "version = 1\ntarget = \"minikube\"\n[deploy]\ndeadline = \"60s\"\n[release.app]\nchart = \"chart\"\n";

/// A project with the chart that runs, and its image on the node.
fn place(name: &str) -> Place {
    let place = Place::made(name, &[("loadline.toml", SETTINGS)]);
    copy(&top().join("fixtures/failures/chart"), &place.directory.join("chart"));
    place.run(&["load", "--image", "python:3.12-slim"]).fine();
    place
}

fn kubeconfig() -> String {
    std::fs::read_to_string(variable("LOADLINE_TEST_KUBECONFIG", "a cluster")).unwrap()
}

/// The kubeconfig with `change`, in a file of `place`.
fn changed_kubeconfig(place: &Place, change: impl Fn(String) -> String) -> PathBuf {
    let path = place.home.path().join(format!("kubeconfig-{}", crate::harness::salt()));
    std::fs::write(&path, change(kubeconfig())).unwrap();
    path
}

fn hint(failure: &Value) -> &str {
    failure["hint"].as_str().unwrap_or_default()
}

#[test]
fn what_was_not_proven_is_not_deployed() {
    let place = Place::of(top(), "unproven");
    let ran = place.here(&["deploy", "backend"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(hint(ran.failure()).contains("loadline build backend"));
    place.run(&["build", "backend"]).fine();
    let ran = place.here(&["deploy", "backend"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.failure()["message"].as_str().unwrap().contains("no passing evidence of `verify`"));
    let nothing = kubectl(&["get", "namespace", &place.namespace, "--ignore-not-found"]);
    assert_eq!(nothing, "", "nothing was touched");
}

#[test]
fn without_a_kubeconfig_or_with_another_cluster_nothing_is_done() {
    let place = place("lost");
    let with = |kubeconfig: &std::path::Path, words: &[&str]| {
        place.here_with(words, &[("KUBECONFIG", kubeconfig.to_str().unwrap())])
    };
    let none = with(&place.home.path().join("none"), &["deploy"]);
    assert_ne!(none.code, Some(0));
    assert!(
        hint(none.failure()).contains("KUBECONFIG") || hint(none.failure()).contains("minikube start"),
        "{}",
        none.stderr
    );

    let wrong = place.here(&["deploy", "--context", "not-there"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(hint(wrong.failure()).contains("known are: ") && wrong.stderr.contains("no context `not-there`"));

    // A cluster of the same name that has not the target's nodes: no image of ours is there.
    let docker = place.here(&["deploy", "--target", "docker:unix:///nowhere.sock"]);
    assert_eq!(docker.code, Some(2), "{}", docker.stderr);
    assert!(hint(docker.failure()).contains("--context"));

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = changed_kubeconfig(&place, |text| with_server(&text, &format!("https://127.0.0.1:{port}")));
    let silent = with(&silent, &["deploy"]);
    assert_eq!(silent.code, Some(3), "{}", silent.stderr);
    assert!(silent.stderr.contains("no cluster answers") && hint(silent.failure()).contains("minikube start"));
}

fn with_server(text: &str, server: &str) -> String {
    let line = |line: &str| match line.split_once("server: ") {
        Some((before, _)) => format!("{before}server: {server}"),
        None => line.to_owned(),
    };
    text.lines().map(|one| line(one) + "\n").collect()
}

#[test]
fn a_user_who_may_not_is_told_what() {
    let place = place("forbidden");
    kubectl(&["create", "namespace", &place.namespace]);
    place.kubectl(&["create", "serviceaccount", "nobody"]);
    let token = place.kubectl(&["create", "token", "nobody"]);
    let allowed = changed_kubeconfig(&place, |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.retain(|line| !line.contains("client-certificate") && !line.contains("client-key"));
        lines.join("\n")
    });
    let words = ["--kubeconfig", allowed.to_str().unwrap(), "config", "set-credentials"];
    let user = kubectl(&["config", "view", "--minify", "--output", "jsonpath={.users[0].name}"]);
    kubectl(&[&words[..], &[&user, "--token", &token]].concat());
    // To look at nodes is allowed, as a load needs; nothing else is.
    let role = format!("loadline-test-{}", crate::harness::salt());
    kubectl(&["create", "clusterrole", &role, "--verb=get,list", "--resource=nodes,namespaces"]);
    let subject = format!("--serviceaccount={}:nobody", place.namespace);
    kubectl(&["create", "clusterrolebinding", &role, &format!("--clusterrole={role}"), &subject]);
    let ran = place.here_with(&["deploy"], &[("KUBECONFIG", allowed.to_str().unwrap())]);
    kubectl(&["delete", "clusterrolebinding,clusterrole", &role]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(hint(ran.failure()).contains("kubectl auth can-i"), "{}", ran.stderr);
}

#[test]
fn a_namespace_that_is_being_removed_is_waited_for() {
    let place = place("terminating");
    kubectl(&["create", "namespace", &place.namespace]);
    place.kubectl(&["create", "configmap", "held"]);
    let finalizer = |value: &str| format!("--patch={{\"metadata\":{{\"finalizers\":{value}}}}}");
    place.kubectl(&["patch", "configmap", "held", "--type=merge", &finalizer("[\"loadline.test/held\"]")]);
    kubectl(&["delete", "namespace", &place.namespace, "--wait=false"]);
    let words = ["deploy", "--namespace", &place.namespace];
    let child = place.command_for_people(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    place.kubectl(&["patch", "configmap", "held", "--type=merge", &finalizer("null")]);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("is being removed: waiting"), "{}", said(&output));
}

#[test]
fn what_the_chart_gets_wrong_is_told_with_its_line() {
    let place = place("chart");
    let template = "chart/templates/broken.yaml";
    place.write(template, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.not.there }}\n");
    let ran = place.here(&["deploy"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(detail(ran.failure(), "at").ends_with("broken.yaml:4  name: {{ .Values.not.there }}"), "{}", ran.stderr);
    std::fs::remove_file(place.directory.join(template)).unwrap();

    place.write(
        "chart/values.schema.json",
        r#"{"type": "object", "properties": {"nodePort": {"type": "integer", "maximum": 32767}}}"#,
    );
    let ran = place.here(&["deploy", "--set", "app.nodePort=70000"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(detail(ran.failure(), "helm").contains("nodePort"), "{}", ran.stderr);
    assert!(hint(ran.failure()).contains("values.schema.json"));
    let nothing = kubectl(&["get", "namespace", &place.namespace, "--ignore-not-found"]);
    assert_eq!(nothing, "", "nothing was touched");
}

#[test]
fn a_field_that_cannot_change_and_a_port_that_is_taken_are_told_with_the_way_out() {
    let place = place("refused");
    place.here(&["deploy"]).fine();
    let deployment = place.directory.join("chart/templates/deployment.yaml");
    let text = std::fs::read_to_string(&deployment).unwrap();
    let other = text.replace("app.kubernetes.io/instance: {{ .Release.Name }}", "app: {{ .Release.Name }}");
    std::fs::write(&deployment, other).unwrap();
    let ran = place.here(&["deploy"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(hint(ran.failure()).contains("loadline undeploy app"), "{}", ran.stderr);
    std::fs::write(&deployment, text).unwrap();

    let port = node_port();
    let owner = Place::made("owner", &[]);
    kubectl(&["create", "namespace", &owner.namespace]);
    owner.kubectl(&["create", "service", "nodeport", "owner", "--tcp=80:80", &format!("--node-port={port}")]);
    let ran = place.here(&["deploy", &format!("--set=app.nodePort={port}")]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(hint(ran.failure()).contains("node port"), "{}", ran.stderr);
    // A refused revision is none to go on from.
    place.here(&["deploy"]).fine();
}

/// A node port that nobody has, by all likelihood.
fn node_port() -> u16 {
    31_000 + rand::random::<u16>() % 1_700
}

/// A relay to the API server that can be cut.
struct Relay {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Relay {
    fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, server) = (Arc::new(AtomicBool::new(false)), server.to_owned());
        let is_cut = cut.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_cut.load(Ordering::Relaxed) {
                    stream.shutdown(Shutdown::Both).ok();
                    continue;
                }
                let Ok(other) = TcpStream::connect(&server) else { continue };
                carry(&stream, &other, &is_cut);
                carry(&other, &stream, &is_cut);
            }
        });
        Self { port, cut }
    }
}

fn carry(from: &TcpStream, to: &TcpStream, cut: &Arc<AtomicBool>) {
    let (mut from, mut to, cut) = (from.try_clone().unwrap(), to.try_clone().unwrap(), cut.clone());
    from.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while !cut.load(Ordering::Relaxed) {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) if to.write_all(&buffer[..count]).is_err() => break,
                Err(error)
                    if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    break;
                }
                _ => {}
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

#[test]
fn a_cluster_that_is_lost_in_the_middle_ends_the_wait() {
    let place = place("cut");
    let server = kubectl(&["config", "view", "--minify", "--output", "jsonpath={.clusters[0].cluster.server}"]);
    let relay = Relay::to(server.trim_start_matches("https://"));
    let kubeconfig = changed_kubeconfig(&place, |text| {
        // The certificate is of the server's own name.
        let host = server.trim_start_matches("https://").split(':').next().unwrap_or_default();
        with_server(&text, &format!("https://127.0.0.1:{}\n    tls-server-name: {host}", relay.port))
    });
    let slow = "--set=app.probes.startup.path=/not-there";
    let words = ["deploy", slow, "--set=app.probes.startup.failureThreshold=1000", "--namespace", &place.namespace];
    let mut command = place.command(&words);
    let child = command.env("KUBECONFIG", &kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(&place);
    relay.cut.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(begun.elapsed() < Duration::from_secs(55), "not only the deadline ended it");
    assert!(said(&output).contains("watching the namespace"), "{}", said(&output));
}

/// Waits until the release of `place` has a pod.
fn waits(place: &Place) {
    let begun = Instant::now();
    loop {
        let pods = try_kubectl(&["--namespace", &place.namespace, "get", "pods", "--output", "name"]);
        if !pods.stdout.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no pod was made");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn ctrl_c_says_what_goes_on_and_leaves_nothing_stuck() {
    let place = place("interrupted");
    let slow = "--set=app.probes.startup.path=/not-there";
    let words = ["deploy", slow, "--set=app.probes.startup.failureThreshold=1000", "--namespace", &place.namespace];
    let child = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    waits(&place);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(
        said(&output).contains("loadline deploy app") && said(&output).contains("the cluster goes on"),
        "{}",
        said(&output)
    );
    place.here(&["deploy"]).fine();
}

#[test]
fn two_deployments_at_once_end_with_one_that_runs() {
    let place = place("twice");
    let run = |replicas: &str| {
        let set = format!("--set=app.resources.requests.cpu={replicas}");
        // As from another machine: nothing that is kept here is shared.
        let mut command = place.command(&["deploy", &set, "--namespace", &place.namespace]);
        command.env("XDG_STATE_HOME", place.home.path().join(replicas)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [run("11m"), run("12m")].map(|child| child.wait_with_output().unwrap());
    let fine = both.iter().filter(|output| output.status.success()).count();
    assert!(fine >= 1, "{}\n{}", said(&both[0]), said(&both[1]));
    for output in both.iter().filter(|output| !output.status.success()) {
        assert_eq!(output.status.code(), Some(4), "{}", said(output));
    }
    place.here(&["deploy"]).fine();
}

#[test]
fn a_release_that_helm_left_in_the_middle_is_explained_and_freed() {
    let place = place("stuck");
    place.here(&["deploy"]).fine();
    place.here(&["deploy", "--set=app.resources.requests.cpu=11m"]).fine();
    // As a Helm leaves it that is killed while it upgrades.
    let name = "sh.helm.release.v1.app.v2";
    let packed = place.kubectl(&["get", "secret", name, "--output", "jsonpath={.data.release}"]);
    let script = "base64 -d | base64 -d | gzip -d | sed 's/\"status\":\"deployed\"/\"status\":\"pending-upgrade\"/' | gzip | base64 -w0 | base64 -w0";
    let mut child = std::process::Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || input.write_all(packed.as_bytes()));
    let pending = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    feeding.join().unwrap().unwrap();
    let patch = format!(
        "--patch={{\"data\":{{\"release\":\"{pending}\"}},\"metadata\":{{\"labels\":{{\"status\":\"pending-upgrade\"}}}}}}"
    );
    place.kubectl(&["patch", "secret", name, "--type=merge", &patch]);

    let stuck = place.here(&["deploy"]);
    assert_eq!(stuck.code, Some(4), "{}", stuck.stderr);
    assert!(stuck.stderr.contains("`pending-upgrade`") && hint(stuck.failure()).contains("loadline rollback app"));
    // Whoever holds it may still be at work.
    let held = place.here(&["rollback", "app"]);
    assert_eq!(held.code, Some(4), "{}", held.stderr);
    assert!(hint(held.failure()).contains("--force"), "{}", held.stderr);
    place.here(&["rollback", "app", "--force"]).fine();
    place.here(&["deploy"]).fine();
}

#[test]
fn a_failed_deployment_goes_back_when_asked() {
    let place = place("back");
    place.here(&["deploy"]).fine();
    let before = place.kubectl(&["get", "pods", "--output", "jsonpath={.items[*].metadata.uid}"]);
    let ran = place.here(&["deploy", "--roll-back", "--set=app.command=[\"sh\",\"-c\",\"exit 3\"]"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let notes: Vec<&Value> = ran.of_kind("note");
    assert!(notes.iter().any(|note| note["text"] == "app: went back to revision 1, which runs"), "{notes:?}");
    let begun = Instant::now();
    // What was never ready leaves a moment later.
    while place.kubectl(&["get", "pods", "--output", "jsonpath={.items[*].metadata.uid}"]) != before {
        assert!(begun.elapsed() < Duration::from_secs(30), "what ran before does not run alone");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_has_no_earlier_revision_is_not_rolled_back() {
    let place = place("first");
    let absent = place.here(&["rollback", "app"]);
    assert_eq!(absent.code, Some(4), "{}", absent.stderr);
    place.here(&["deploy"]).fine();
    let first = place.here(&["rollback", "app"]);
    assert_eq!(first.code, Some(4), "{}", first.stderr);
    assert!(first.stderr.contains("no earlier revision"), "{}", first.stderr);
}
