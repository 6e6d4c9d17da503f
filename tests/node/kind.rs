//! Beside the real `kind`: what one puts on a node, the other finds there.

use crate::harness::*;
use crate::machine::act;
use crate::real::Real;
use loadline::load::Image;
use loadline::node::{self, Target};
use loadline::types::{Explained, Outcome};
use serde_json::json;
use std::process::Command;

/// A cluster as kind labels it, with a node for each of `roles`.
struct Cluster {
    name: String,
    nodes: Vec<Real>,
}

impl Cluster {
    async fn new(roles: &[&str]) -> Self {
        let name = format!("loadline-test-{}", salt());
        let node = async |role: &&str| {
            let labels = json!({"io.x-k8s.kind.cluster": name, "io.x-k8s.kind.role": role});
            // The load balancer of a real cluster has no containerd, and is asked for nothing.
            Real::start(format!("{name}-{role}"), &["containerd"], labels, "crictl images").await
        };
        let nodes = futures_util::future::join_all(roles.iter().map(node)).await;
        Self { name, nodes }
    }

    async fn load(&self, image: &Image) -> Run {
        load_to(image, &nodes(&format!("kind:{}", self.name)).await).await
    }

    /// Runs `kind` on this cluster; all that it says.
    async fn kind(&self, words: &[&str]) -> String {
        let mut kind = Command::new(variable("LOADLINE_TEST_KIND", "the program kind"));
        kind.args(words).args(["--name", &self.name]);
        kind.env("DOCKER_HOST", variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in"));
        let output = tokio::task::spawn_blocking(move || kind.output()).await.unwrap().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(output.status.success(), "{text}");
        text
    }
}

async fn sample() -> Image {
    make(&format!("loadline-test-{}:1", salt()), &[&vec![6; 900_000], salt().as_bytes()]).await
}

#[tokio::test]
async fn what_kind_has_loaded_is_proven_and_not_sent_again() {
    let cluster = Cluster::new(&["control-plane"]).await;
    let image = sample().await;
    let tag = image.tags[0].to_string();
    assert!(cluster.kind(&["load", "docker-image", &tag]).await.contains("not yet present"));
    let run = cluster.load(&image).await;
    // kind leaves unpacking to the first pod, so that it is not proven to be possible yet.
    assert!(run.sent() < 20_000, "{:?}", run.arrived());
    assert_eq!(cluster.nodes[0].cri(&tag).await, image.id.to_string());
    assert_eq!(cluster.load(&image).await.sent(), 0);
    forget(&[&image]).await;
}

#[tokio::test]
async fn what_we_have_loaded_kind_finds_on_all_nodes() {
    let cluster = Cluster::new(&["control-plane", "worker", "external-load-balancer"]).await;
    let seen = cluster.kind(&["get", "nodes"]).await;
    let mut seen: Vec<&str> = seen.lines().collect();
    seen.sort();
    let ours = nodes(&format!("kind:{}", cluster.name)).await;
    let ours: Vec<&str> = ours.iter().map(node::Node::name).collect();
    let balancer = format!("{}-external-load-balancer", cluster.name);
    assert_eq!([&[ours[0], &balancer], &ours[1..]].concat(), seen, "all but the balancer, which runs no images");
    let image = sample().await;
    let run = cluster.load(&image).await;
    assert_eq!(run.arrived().len(), 2);
    assert!(run.arrived().iter().all(|one| one.sent.0 > 900_000), "{:?}", run.arrived());
    let said = cluster.kind(&["load", "docker-image", &image.tags[0].to_string()]).await;
    assert!(said.contains("found to be already present on all nodes"), "{said}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_of_kind_that_is_not_well_is_named_and_the_others_are_loaded() {
    let cluster = Cluster::new(&["control-plane", "worker"]).await;
    let image = sample().await;
    let (first, worker) = (format!("{}-control-plane", cluster.name), format!("{}-worker", cluster.name));
    act(&worker, "pause").await;
    let run = cluster.load(&image).await;
    act(&worker, "unpause").await;
    assert_eq!(run.confirmed(), [first.as_str()]);
    let error = run.result.unwrap_err();
    assert_eq!(error.to_string(), format!("app: {worker}: it is paused"));
    assert_eq!(error.outcome(), Outcome::Unreachable);
    act(&worker, "kill").await;
    let error = cluster.load(&image).await.result.unwrap_err();
    assert_eq!(error.hint().unwrap(), format!("`docker start {worker}` starts it"));
    act(&worker, "start").await;
    cluster.nodes[1].wait_for("crictl images").await;
    assert_eq!(cluster.load(&image).await.at(&first).sent.0, 0);
    let target: Target = "kind:no-such".parse().unwrap();
    let Err(error) = target.nodes(&engine().await, &surroundings()).await else { panic!("there is none") };
    assert_eq!(error.outcome(), Outcome::Usage);
    assert!(error.hint().unwrap().contains(&cluster.name), "{error:?}");
    forget(&[&image]).await;
}
