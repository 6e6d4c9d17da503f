//! Nodes that cannot be loaded, or fail in the middle: each says which, why, and what to type.

use crate::harness::*;
use crate::machine::{Machine, NO_IMAGE};
use loadline::load::{Error, Image};
use loadline::node;
use loadline::types::{Explained, Outcome};

/// Loads an image of some size into `machine`, which must refuse it.
async fn refused(machine: &Machine) -> Error {
    let image = small().await;
    let run = load_to(&image, &machine.nodes().await).await;
    forget(&[&image]).await;
    run.result.expect_err("it cannot take it")
}

async fn small() -> Image {
    make(&format!("loadline-test-{}:1", salt()), &[&vec![3; 2_000_000], salt().as_bytes()]).await
}

fn node_error(error: &Error) -> &node::Error {
    match error {
        Error::Node { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stopped_machine_names_the_command_that_starts_it() {
    let machine = Machine::new("containerd", BASE, &[]).await;
    let error = refused(&machine).await;
    assert_eq!(error.to_string(), format!("app: {}: it does not run", machine.name));
    assert_eq!(error.hint().unwrap(), format!("`minikube start -p {}` starts it", machine.name));
    assert_eq!(error.outcome(), Outcome::Unreachable);
}

#[tokio::test]
async fn a_paused_machine_names_the_command_that_wakes_it() {
    let machine = Machine::new("containerd", BASE, &[]).await;
    machine.act("start").await;
    machine.act("pause").await;
    let error = refused(&machine).await;
    machine.act("unpause").await;
    assert_eq!(error.to_string(), format!("app: {}: it is paused", machine.name));
    assert_eq!(error.hint().unwrap(), format!("`docker unpause {}` wakes it", machine.name));
    assert_eq!(error.outcome(), Outcome::Unreachable);
}

#[tokio::test]
async fn a_profile_without_its_machine_says_where_it_was_looked_for() {
    let machine = Machine::new("containerd", BASE, &[]).await;
    let nodes = machine.nodes().await;
    let name = machine.name.clone();
    drop(machine);
    let image = small().await;
    let error = load_to(&image, &nodes).await.result.unwrap_err();
    forget(&[&image]).await;
    assert!(error.to_string().starts_with(&format!("app: {name}: the engine at unix://")), "{error}");
    assert!(error.hint().unwrap().starts_with(&format!("`minikube start -p {name}` makes it")));
}

#[tokio::test]
async fn a_node_without_the_tools_names_the_tool() {
    let machine = Machine::with(&[]).await;
    let error = refused(&machine).await;
    assert!(matches!(node_error(&error), node::Error::NoTool { tool, .. } if tool == "ctr"), "{error:?}");
    machine.install(&[("ctr", "exit 0")]).await;
    let error = refused(&machine).await;
    assert!(matches!(node_error(&error), node::Error::NoTool { tool, .. } if tool == "crictl"), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    run_in(&machine.name, "rm /bin/sh").await;
    let error = refused(&machine).await;
    assert!(matches!(node_error(&error), node::Error::NoTool { tool, .. } if tool == "sh"), "{error:?}");
}

#[tokio::test]
async fn a_part_that_cannot_be_asked_ends_the_load_before_a_byte_moves() {
    let machine = Machine::with_tools("cat >/dev/null", "echo 'connection refused' >&2; exit 1").await;
    let error = refused(&machine).await;
    assert_eq!(error.to_string(), format!("app: {}: CRI cannot be asked for images", machine.name));
    assert_eq!(error.details(), [("node".to_owned(), "connection refused".to_owned())]);
    assert_eq!(error.outcome(), Outcome::Unreachable);
}

#[tokio::test]
async fn a_full_disk_is_named_at_once_though_the_node_reads_no_more() {
    let full = "echo 'ctr: write /var/lib/x: no space left on device' >&2; exit 1";
    let machine = Machine::with_tools(full, NO_IMAGE).await;
    let error = refused(&machine).await;
    assert!(matches!(node_error(&error), node::Error::DiskFull { .. }), "{error:?}");
    assert_eq!(error.details()[0].1, "ctr: write /var/lib/x: no space left on device");
    assert_eq!(error.outcome(), Outcome::StepFailed);
}

#[tokio::test]
async fn taken_is_not_arrived() {
    let machine = Machine::with_tools("cat >/dev/null", NO_IMAGE).await;
    let error = refused(&machine).await;
    assert!(matches!(node_error(&error), node::Error::Unproven { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::StepFailed);
}

#[tokio::test]
async fn a_machine_that_dies_in_the_middle_ends_the_load() {
    let machine = Machine::with_tools("head -c 100000 >/dev/null; touch /begun; sleep 600", NO_IMAGE).await;
    let nodes = machine.nodes().await;
    let image = small().await;
    let kill = async {
        while run_in(&machine.name, "ls /begun 2>/dev/null").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        machine.act("kill").await;
    };
    let (run, ()) = tokio::join!(load_to(&image, &nodes), kill);
    let error = run.result.unwrap_err();
    assert!(matches!(node_error(&error), node::Error::Ended { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_that_fails_does_not_keep_the_others_from_it() {
    let full = Machine::with_tools("echo 'no space left on device' >&2; exit 1", NO_IMAGE).await;
    let stopped = Machine::new("containerd", BASE, &[]).await;
    let mut all = full.nodes().await;
    all.extend(nodes("minikube").await);
    all.extend(stopped.nodes().await);
    let image = small().await;
    let run = load_to(&image, &all).await;
    let error = run.result.as_ref().unwrap_err();
    assert_eq!(error.to_string(), "app: 2 nodes did not take it");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    let loaded = |event: &&loadline::event::Event| matches!(event, loadline::event::Event::Loaded { .. });
    assert_eq!(run.events.iter().filter(loaded).count(), 1);
    assert_eq!(load_one(&image).await.sent(), 0);
    forget(&[&image]).await;
}

#[tokio::test]
async fn the_nodes_of_a_kind_cluster_are_found_by_their_label() {
    let machine = Machine::new("containerd", BASE, &[]).await;
    let nodes = nodes(&format!("kind:{}", machine.name)).await;
    assert_eq!(nodes.iter().map(node::Node::name).collect::<Vec<_>>(), [machine.name.as_str()]);
    let image = small().await;
    let error = load_to(&image, &nodes).await.result.unwrap_err();
    assert_eq!(error.hint().unwrap(), format!("`docker start {}` starts it", machine.name));
    forget(&[&image]).await;
}

#[tokio::test]
async fn clusters_that_are_not_there_name_those_that_are() {
    let target: node::Target = "minikube:no-such".parse().unwrap();
    let Err(error) = target.nodes(&engine().await, &surroundings()).await else { panic!() };
    assert!(error.to_string().starts_with("Minikube has no profile `no-such` in "), "{error}");
    assert_eq!(error.hint().unwrap(), "its profiles are minikube");
    assert_eq!(error.outcome(), Outcome::Usage);
    let target: node::Target = "kind:no-such".parse().unwrap();
    let Err(error) = target.nodes(&engine().await, &surroundings()).await else { panic!() };
    assert!(matches!(error, node::Error::NoKindCluster { .. }), "{error:?}");
}
