//! What a node has is not sent again; when that proves wrong, all of it is.

use crate::harness::*;
use crate::machine::Machine;
use loadline::event::Event;

fn parts() -> (Vec<u8>, Vec<u8>) {
    // No other test's layers may be on the node as these.
    let salted = |size| [vec![4; size], salt().into_bytes()].concat();
    (salted(1_000_000), salted(500_000))
}

#[tokio::test]
async fn only_the_layers_that_the_node_lacks_are_sent() {
    let tag = format!("loadline-test-{}:1", salt());
    let (base, middle) = parts();
    let first = make(&tag, &[&base, &middle, b"one"]).await;
    assert!(load_one(&first).await.sent() > 1_500_000);
    let top = make(&tag, &[&base, &middle, b"two"]).await;
    let run = load_one(&top).await;
    assert_eq!(run.arrived()[0].how, "thin: 2 of 3 layers were there");
    assert!(run.sent() < 12_000, "{}", run.sent());
    let last = run.events.iter().rev().find_map(|event| match event {
        Event::Loading { done, total, .. } => Some((done.0, total.0)),
        _ => None,
    });
    assert_eq!(last, Some((run.sent(), run.sent())));
    // A layer whose blob is there need not be sent even when it lies on another chain now.
    let bottom = make(&tag, &[b"new base", &middle, b"two"]).await;
    let run = load_one(&bottom).await;
    assert!(run.sent() < 20_000, "{}", run.sent());
    forget(&[&first, &top, &bottom]).await;
}

#[tokio::test]
async fn unpacked_layers_whose_blobs_are_gone_are_there_all_the_same() {
    let tag = format!("loadline-test-{}:1", salt());
    let (base, middle) = parts();
    let first = make(&tag, &[&base, &middle, b"one"]).await;
    load_one(&first).await.arrived();
    // As containerd leaves them with `discard_unpacked_layers`, which Minikube sets.
    let found = engine().await.inspect(&tag).await.unwrap();
    for layer in &found.root_fs[..2] {
        on_node(&format!("ctr -n k8s.io content rm {layer}")).await;
    }
    let top = make(&tag, &[&base, &middle, b"two"]).await;
    let run = load_one(&top).await;
    assert!(run.sent() < 12_000, "{} {}", run.sent(), run.notes());
    assert_eq!(load_one(&top).await.sent(), 0);
    // On another chain they are needed again.
    let bottom = make(&tag, &[b"new base", &middle, b"two"]).await;
    let run = load_one(&bottom).await;
    assert!((500_000..1_000_000).contains(&run.sent()), "{} {}", run.sent(), run.notes());
    forget(&[&first, &top, &bottom]).await;
}

#[tokio::test]
async fn an_engine_with_the_containerd_store_sends_a_node_only_what_it_lacks() {
    let second = second_engine().await;
    let tag = format!("loadline-test-{}:1", salt());
    let (base, middle) = parts();
    let mut made = Vec::new();
    for (top, most) in [("one", u64::MAX), ("two", 20_000)] {
        let image = make(&tag, &[&base, &middle, top.as_bytes()]).await;
        let there = on_second(&second, &image).await;
        let run = load_from(&second, &there, &nodes("minikube").await).await;
        assert!(run.sent() < most, "{} {}", run.sent(), run.notes());
        made.push(image);
    }
    let made: Vec<_> = made.iter().collect();
    forget_there(&made).await;
    forget(&made).await;
}

#[tokio::test]
async fn a_docker_engine_is_sent_only_the_layers_that_it_lacks() {
    let first_host = variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in");
    let (node, second) = (nodes(&format!("docker:{first_host}")).await, second_engine().await);
    let tag = format!("loadline-test-{}:1", salt());
    let (base, middle) = parts();
    let (top, other) = (salt().into_bytes(), salt().into_bytes());
    let mut made = Vec::new();
    // An engine keeps layers by chain: what lies on a changed layer must come again.
    let changes = [
        (vec![&base, &middle, &top], 1_500_000..1_600_000),
        (vec![&base, &middle, &other], 0..12_000),
        (vec![&other, &middle, &top], 500_000..1_000_000),
    ];
    for (layers, sent) in changes {
        let files: Vec<&[u8]> = layers.iter().map(|layer| layer.as_slice()).collect();
        let image = make_in(&second, &tag, &files).await;
        let run = load_from(&second, &image, &node).await;
        assert!(sent.contains(&run.sent()), "{} {:?}", run.sent(), run.arrived());
        assert_eq!(engine().await.inspect(&tag).await.unwrap().engine_id, image.id.0);
        second.untag(&image.tags[0].canonical()).await.unwrap();
        made.push(image);
    }
    forget(&made.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_node_that_lacks_something_after_all_gets_everything_once() {
    let (base, middle) = parts();
    let image = make(&format!("loadline-test-{}:1", salt()), &[&base, &middle]).await;
    let layers = engine().await.inspect(image.engine_id.as_str()).await.unwrap().root_fs;
    let import = "if [ -e /tried ]; then cat >/whole; else cat >/tried; echo 'ctr: content: not found'; exit 1; fi";
    let machine = Machine::with_tools(import, "echo 'no such image' >&2; exit 1").await;
    machine.install_ctr(layers[0].as_str(), "cat >/dev/null", import).await;
    let run = load_to(&image, &machine.nodes().await).await;
    assert!(run.result.is_err(), "the second answer of this node is no better");
    assert!(run.notes().contains("once more, whole"), "{}", run.notes());
    let sizes = run_in(&machine.name, "wc -c </tried; wc -c </whole").await;
    let sizes: Vec<u64> = sizes.split_whitespace().map(|size| size.parse().unwrap()).collect();
    assert!(sizes[0] < 1_000_000 && sizes[1] > 1_500_000, "{sizes:?}");
    forget(&[&image]).await;
}
