//! Nodes with a Docker Engine: an address of its own, the building engine itself, and the engine
//! inside a Minikube machine with the Docker runtime.

use crate::harness::*;
use crate::machine::{Machine, image_of};
use loadline::load::{Image, names};
use loadline::types::{Explained, Outcome};

async fn sample() -> Image {
    make(&format!("loadline-test-{}:1", salt()), &[&vec![9; 800_000], salt().as_bytes()]).await
}

#[tokio::test]
async fn the_building_engine_itself_needs_names_and_no_bytes() {
    let host = variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in");
    let there = nodes(&format!("docker:{host}")).await;
    let image = sample().await;
    let run = load_to(&image, &there).await;
    assert_eq!(run.sent(), 0);
    assert!(run.arrived()[0].how == "under other names; asked its engine");
    for name in names(&image).unwrap() {
        assert_eq!(engine().await.inspect(&name.canonical()).await.unwrap().engine_id, image.engine_id);
    }
    assert!(load_to(&image, &there).await.arrived()[0].how == "asked its engine");
    forget(&[&image]).await;
}

#[tokio::test]
async fn another_engine_gets_the_image_once() {
    let there = nodes(&format!("docker:{}", second_host())).await;
    let image = sample().await;
    let first = load_to(&image, &there).await;
    assert!(first.sent() > 800_000);
    let second = second_engine().await;
    for name in names(&image).unwrap() {
        assert_eq!(second.inspect(&name.canonical()).await.unwrap().root_fs.len(), 2);
    }
    assert_eq!(load_to(&image, &there).await.sent(), 0);
    let newer = make(&image.tags[0].to_string(), &[salt().as_bytes()]).await;
    let moved = load_to(&newer, &there).await;
    assert_eq!(moved.arrived()[0].moved[0].name, image.tags[0]);
    let end = format!("now {}", newer.id.short());
    assert!(moved.notes().ends_with(&end) && !moved.notes().contains("pod"), "{}", moved.notes());
    forget_there(&[&image]).await;
    forget_there(&[&newer]).await;
    forget(&[&image, &newer]).await;
}

#[tokio::test]
async fn an_engine_that_does_not_answer_says_where() {
    let there = nodes("docker:unix:///no/such.sock").await;
    let image = sample().await;
    let error = load_to(&image, &there).await.result.unwrap_err();
    assert_eq!(error.to_string(), "app: docker:unix:///no/such.sock: no engine can be used there");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    let hint = error.hint().unwrap();
    assert_eq!(hint, "see what `docker -H unix:///no/such.sock version` says, or name another engine as target");
    forget(&[&image]).await;
}

/// The export of an engine with the containerd store is an OCI layout, its ids are manifests'.
#[tokio::test]
async fn an_image_keeps_its_id_from_engine_to_engine_to_node() {
    let image = sample().await;
    let second = second_engine().await;
    let there = on_second(&second, &image).await;
    forget(&[&image]).await;
    let first_host = variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in");
    let mut targets = nodes(&format!("docker:{first_host}")).await;
    targets.extend(nodes("minikube").await);
    let run = load_from(&second, &there, &targets).await;
    assert!(run.arrived().iter().all(|one| one.sent.0 > 0), "{:?}", run.arrived());
    let back = engine().await.inspect(&image.tags[0].canonical()).await.unwrap();
    assert_eq!(back.engine_id, image.id.0);
    forget_there(&[&image]).await;
    forget(&[&image]).await;
}

/// A machine with the Docker runtime is one whose `docker system dial-stdio` reaches an engine.
#[tokio::test]
async fn the_engine_inside_a_machine_is_loaded_through_it() {
    let socket = second_host();
    let socket = socket.strip_prefix("unix://").expect("the second engine has a Unix socket");
    // Not where the machine's own `docker` would look for an engine.
    let binds = [format!("{socket}:/run/second.sock")];
    let machine = Machine::new("docker", &image_of(MACHINE).await, &binds).await;
    let image = sample().await;
    let stopped = load_to(&image, &machine.nodes().await).await.result.unwrap_err();
    assert!(stopped.hint().unwrap().starts_with("`minikube start -p "), "{stopped:?}");
    machine.act("start").await;
    let without = load_to(&image, &machine.nodes().await).await.result.unwrap_err();
    assert_eq!(without.outcome(), Outcome::Unreachable);
    machine.install(&[("docker", "exec socat - UNIX-CONNECT:/run/second.sock")]).await;
    let first = load_to(&image, &machine.nodes().await).await;
    assert!(first.sent() > 800_000);
    assert_eq!(load_to(&image, &machine.nodes().await).await.sent(), 0);
    forget_there(&[&image]).await;
    forget(&[&image]).await;
}
