//! A cluster of two nodes: each is asked, sent only what it lacks, and proven; one that is not well
//! does not keep the other from it.

use crate::harness::*;
use crate::machine::{act, act_now, must};
use loadline::engine::MachineState;
use loadline::event::Event;
use loadline::load::{Error, Image};
use loadline::node::{self, Node, Surroundings};
use loadline::types::{Explained, Outcome};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, MutexGuard};

const FIRST: &str = "two";
const SECOND: &str = "two-m02";

/// The cluster, for one test at a time: some stop a node of it.
struct Two(#[expect(dead_code, reason = "held, never read")] MutexGuard<'static, ()>);

static TURN: Mutex<()> = Mutex::const_new(());

fn home() -> String {
    variable("LOADLINE_TEST_TWO_NODES_HOME", "the Minikube home of a cluster with two nodes")
}

async fn nodes_of(home: &Path) -> Vec<Node> {
    nodes_in("minikube:two", Surroundings { minikube_home: Some(home.to_owned()), ..Default::default() }).await
}

impl Two {
    async fn new() -> Self {
        let two = Self(TURN.lock().await);
        // As a test that failed may have left it.
        two.wake().await;
        two
    }

    /// Brings the second node back, however it was taken away.
    async fn wake(&self) {
        match engine().await.machine_state(SECOND).await.unwrap().expect("the cluster is there") {
            MachineState::Running => return,
            MachineState::Paused => return act(SECOND, "unpause").await,
            MachineState::Stopped => act(SECOND, "start").await,
        }
        let up = "for i in $(seq 300); do crictl images >/dev/null 2>&1 && break; sleep 0.1; done; pod-routes";
        run_in(SECOND, up).await;
    }

    async fn nodes(&self) -> Vec<Node> {
        nodes_of(Path::new(&home())).await
    }

    async fn load(&self, image: &Image) -> Run {
        load_to(image, &self.nodes().await).await
    }

    async fn forget(&self, images: &[&Image]) {
        forget_on(&[FIRST, SECOND], images).await;
    }

    /// Loads `image`, and does `what` to the second node in the middle of it.
    async fn load_while(&self, image: &Image, what: &'static str) -> Run {
        let done = AtomicBool::new(false);
        let in_the_middle = move |event: &Event| {
            let begun = matches!(event, Event::Loading { node, done, .. } if node == SECOND && done.0 > 0);
            if begun && !done.swap(true, Ordering::Relaxed) {
                act_now(SECOND, what);
            }
        };
        let run = load_watched(&engine().await, image, &self.nodes().await, in_the_middle).await;
        assert!(run.events.iter().any(|event| matches!(event, Event::Loading { node, .. } if node == SECOND)));
        run
    }
}

/// The command, against this cluster, with a state of its own in `state`.
fn loadline(state: &Path, directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    command.args(arguments).args(["--target", "minikube:two", "--json"]).current_dir(directory);
    command.env("DOCKER_HOST", variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in"));
    command.env("MINIKUBE_HOME", home()).env("XDG_STATE_HOME", state).env("XDG_CACHE_HOME", state);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A program that waits: what a pod's sandbox runs.
async fn program() -> Vec<u8> {
    let take = "tar xOf /images/pause.tar --wildcards '*layer.tar' | tar xO pause";
    let program = bytes_in(FIRST, take).await;
    assert!(program.starts_with(b"\x7fELF"));
    program
}

fn random(bytes: usize) -> Vec<u8> {
    let mut all = vec![0; bytes];
    rand::fill(&mut all[..]);
    all
}

async fn sample(bytes: usize) -> Image {
    make(&format!("loadline-test-{}:1", salt()), &[&random(bytes), &random(1000)]).await
}

async fn kubectl(command: &str) -> String {
    run_in(FIRST, &format!("kubectl --kubeconfig /etc/kubernetes/admin.conf {command}")).await
}

/// How often the engine was asked to save this image since `since`, in seconds since 1970.
async fn saves(image: &Image, since: u64) -> usize {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 1;
    let filters = r#"{"type":{"image":true},"event":{"save":true}}"#;
    let filters: String = filters.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/events?since={since}&until={now}&filters={filters}");
    must("GET", &path, None).await.matches(&format!("\"id\":\"{}\"", image.id)).count()
}

#[tokio::test]
async fn one_pass_reaches_both_nodes_and_the_kubelet_of_each_starts_the_image() {
    let two = Two::new().await;
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[&program().await, &random(2_000_000)]).await;
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let run = two.load(&image).await;
    assert!([FIRST, SECOND].iter().all(|node| run.at(node).sent.0 > 2_000_000), "{:?}", run.arrived());
    assert_eq!(saves(&image, since).await, 1, "one pass over the engine's export feeds both");
    for node in [FIRST, SECOND] {
        let id = run_in(node, &format!("crictl inspecti -o go-template --template '{{{{.status.id}}}}' {tag}")).await;
        assert_eq!(id.trim(), image.id.to_string(), "{node}");
        let pod = format!("{}-{node}", tag.trim_end_matches(":1"));
        let pinned = format!("--overrides='{{\"apiVersion\":\"v1\",\"spec\":{{\"nodeName\":\"{node}\"}}}}'");
        let made =
            kubectl(&format!("run {pod} --image={tag} --image-pull-policy=Never --restart=Never {pinned}")).await;
        assert!(made.contains("created"), "{made}");
        kubectl(&format!("wait --for=condition=Ready --timeout=60s pod/{pod}")).await;
        let what = "jsonpath='{.spec.nodeName} {.status.phase} {.status.containerStatuses[0].imageID}'";
        let seen = kubectl(&format!("get pod {pod} -o {what}")).await;
        assert_eq!(seen, format!("{node} Running {}", image.id));
        kubectl(&format!("delete pod {pod} --now --wait=false")).await;
    }
    two.forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_that_has_all_is_asked_and_sent_nothing() {
    let two = Two::new().await;
    let image = sample(500_000).await;
    load_to(&image, &two.nodes().await[..1]).await.arrived();
    let run = two.load(&image).await;
    assert_eq!(run.at(FIRST).sent.0, 0);
    assert!(run.at(SECOND).sent.0 > 500_000, "{:?}", run.arrived());
    let asked = |node: &str| {
        run.events
            .iter()
            .any(|event| matches!(event, Event::Reached { node: of, by, .. } if of == node && by.contains(node)))
    };
    assert!(asked(FIRST) && asked(SECOND));
    assert!(two.load(&image).await.arrived().iter().all(|one| one.sent.0 == 0));
    two.forget(&[&image]).await;
}

#[tokio::test]
async fn each_node_is_sent_only_what_it_lacks_itself() {
    let two = Two::new().await;
    let nodes = two.nodes().await;
    let tag = format!("loadline-test-{}:1", salt());
    let (large, small) = (random(1_000_000), random(300_000));
    let with_large = make(&tag, &[&large]).await;
    load_to(&with_large, &nodes[..1]).await.arrived();
    let with_both = make(&tag, &[&large, &small]).await;
    let run = two.load(&with_both).await;
    let (first, second) = (run.at(FIRST), run.at(SECOND));
    assert!((300_000..400_000).contains(&first.sent.0), "{first:?}");
    assert!((1_300_000..1_400_000).contains(&second.sent.0), "{second:?}");
    assert_eq!((first.moved.len(), second.moved.len()), (1, 0), "the tag was there on one of them");
    two.forget(&[&with_large, &with_both]).await;
}

/// What a load says that one node did not take; the other must have taken it.
fn only_the_second_failed(run: &Run) -> &node::Error {
    assert_eq!(run.confirmed(), [FIRST]);
    let Err(Error::Node { source, .. }) = &run.result else { panic!("{:?}", run.result) };
    assert!(source.to_string().starts_with(&format!("{SECOND}: ")), "{source}");
    assert_eq!(source.outcome(), Outcome::Unreachable);
    source
}

#[tokio::test]
async fn a_node_paused_in_the_middle_is_named_and_a_second_load_repairs_it() {
    let two = Two::new().await;
    let image = sample(20_000_000).await;
    let run = two.load_while(&image, "pause").await;
    act(SECOND, "unpause").await;
    let error = only_the_second_failed(&run);
    assert!(matches!(error, node::Error::Paused { .. }), "{error:?}");
    assert_eq!(error.hint().unwrap(), format!("`docker unpause {SECOND}` wakes it"));
    let again = two.load(&image).await;
    assert_eq!(again.at(FIRST).sent.0, 0);
    assert!(again.at(SECOND).sent.0 > 0);
    assert!(two.load(&image).await.arrived().iter().all(|one| one.sent.0 == 0));
    two.forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_that_dies_in_the_middle_is_named_and_loaded_when_it_is_back() {
    let two = Two::new().await;
    let image = sample(20_000_000).await;
    let run = two.load_while(&image, "kill").await;
    only_the_second_failed(&run);
    let stopped = two.load(&image).await;
    let error = only_the_second_failed(&stopped);
    assert_eq!(error.hint().unwrap(), "`minikube start -p two` starts it");
    two.wake().await;
    let again = two.load(&image).await;
    assert_eq!(again.at(FIRST).sent.0, 0);
    assert!(again.at(SECOND).sent.0 > 0);
    two.forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_that_only_the_profile_still_knows_is_named() {
    let two = Two::new().await;
    let copy = tempfile::tempdir().unwrap();
    let file = ".minikube/profiles/two/config.json";
    let mut profile: Value = serde_json::from_slice(&std::fs::read(Path::new(&home()).join(file)).unwrap()).unwrap();
    let mut third = profile["Nodes"][1].clone();
    third["Name"] = "m03".into();
    profile["Nodes"].as_array_mut().unwrap().push(third);
    std::fs::create_dir_all(copy.path().join(file).parent().unwrap()).unwrap();
    std::fs::write(copy.path().join(file), profile.to_string()).unwrap();
    let image = sample(1000).await;
    let run = load_to(&image, &nodes_of(copy.path()).await).await;
    let mut confirmed = run.confirmed();
    confirmed.sort();
    assert_eq!(confirmed, [FIRST, SECOND]);
    let error = run.result.as_ref().unwrap_err();
    assert!(error.to_string().starts_with("app: two-m03: the engine at unix://"), "{error}");
    assert!(error.hint().unwrap().starts_with("`minikube start -p two` makes it"), "{error:?}");
    two.forget(&[&image]).await;
}

#[tokio::test]
async fn the_command_says_which_node_failed_and_status_tells_them_apart() {
    let two = Two::new().await;
    let (state, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tag = format!("loadline-test-{}:1", salt());
    std::fs::write(project.path().join("Dockerfile"), "FROM scratch\nCOPY file /file\n").unwrap();
    std::fs::write(project.path().join("file"), salt()).unwrap();
    let settings = format!("version = 1\n[image.app]\ncontext = \".\"\ndockerfile = \"Dockerfile\"\ntag = \"{tag}\"\n");
    std::fs::write(project.path().join("loadline.toml"), settings).unwrap();
    let run = |arguments: &[&str]| loadline(state.path(), project.path(), arguments);
    let mut build = Command::new(env!("CARGO_BIN_EXE_loadline"));
    build
        .arg("build")
        .current_dir(project.path())
        .env("XDG_STATE_HOME", state.path())
        .env("XDG_CACHE_HOME", state.path());
    build.env("DOCKER_HOST", variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in"));
    // What a build used is kept only if its files were not written just before.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(build.output().unwrap().status.success());
    act(SECOND, "pause").await;
    let (code, _, stderr) = run(&["load", "--ungated"]);
    let (looked, _, _) = run(&["status"]);
    act(SECOND, "unpause").await;
    assert_eq!((code, looked), (Some(3), Some(3)), "{stderr}");
    assert!(stderr.contains("two-m02: it is paused"), "{stderr}");
    assert!(stderr.contains("`docker unpause two-m02`"), "{stderr}");
    let (code, document, stderr) = run(&["status"]);
    assert_eq!(code, Some(0), "{document} {stderr}");
    let states = |document: &str| {
        let document: Value = serde_json::from_str(document).unwrap();
        let nodes = document["images"][0]["nodes"].as_array().unwrap().clone();
        let pair = |node: &Value| format!("{} {}", node["node"].as_str().unwrap(), node["state"].as_str().unwrap());
        nodes.iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(states(&document), ["two complete", "two-m02 missing"]);
    assert_eq!(run(&["load", "--ungated"]).0, Some(0));
    let (_, document, _) = run(&["status"]);
    assert_eq!(states(&document), ["two complete", "two-m02 complete"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    let id = document["images"][0]["built"]["id"].as_str().unwrap().parse().unwrap();
    two.forget(&[&image(&engine().await, &tag, id).await]).await;
}
