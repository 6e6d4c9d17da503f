//! What goes to nodes before they may have an image, and what they keep of it if they never may.

use crate::harness::*;
use crate::pushed::noise;
use loadline::event::{Event, Events};
use loadline::load::{Arrived, Error, Image, Memory, Permit, load, teach};
use loadline::node::Node;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// An image of which only a layer of `size` bytes is not in `there` yet, the one before it, and what
/// is remembered of the other layers.
async fn sample(there: &[Node], size: usize) -> ([Image; 2], (TempDir, Memory)) {
    let (engine, base, directory) = (engine().await, noise(20_000_000), tempfile::tempdir().unwrap());
    let (tag, memory) = (format!("loadline-test-{}:1", salt()), memory_in(directory.path()));
    let before = make(&tag, &[&base, salt().as_bytes()]).await;
    load_with(&engine, &before, there, &memory).await.arrived();
    teach(&engine, &before.id, &memory.digests, &CancellationToken::new()).await.unwrap();
    let changed = noise(size);
    let image = make(&tag, &[&base, &changed]).await;
    measure(&memory, &[&base, &changed]);
    ([before, image], (directory, memory))
}

/// Loads `image` without a permit until it is on its way and `sent` has ended; `then` decides.
async fn load_until(
    image: &Image,
    nodes: &[Node],
    memory: &Memory,
    sent: impl Future<Output = ()>,
    then: impl FnOnce(&Permit, &CancellationToken),
) -> Result<Vec<Arrived>, Error> {
    let (engine, permit, cancel) = (engine().await, Permit::default(), CancellationToken::new());
    let on_its_way = Arc::new(Notify::new());
    let said = on_its_way.clone();
    let events = Events::new(move |event| {
        if matches!(event, Event::Loading { .. }) {
            said.notify_one();
        }
    });
    let mut loading = std::pin::pin!(load(&engine, image, nodes, memory, &permit, &events, &cancel));
    let decided = async {
        on_its_way.notified().await;
        sent.await;
    };
    tokio::select! {
        ended = &mut loading => panic!("{ended:?} before the permit"),
        () = decided => {}
    }
    then(&permit, &cancel);
    loading.await
}

/// Whether the node has `image`; it may have the one before.
async fn is_on_the_node(image: &Image) -> bool {
    on_node("ctr -n k8s.io images ls -q").await.contains(image.id.short())
}

/// The shell's condition that the node keeps a blob of about `size`, as `ctr` writes that.
fn keeps(size: &str) -> String {
    format!("ctr -n k8s.io content ls | grep -q '[[:space:]]{size}[0-9]*MB.*gc.root=loadline'")
}

#[tokio::test]
async fn a_node_has_the_bytes_before_the_permit_and_the_image_after_it() {
    let there = nodes("minikube").await;
    let ([before, image], (_directory, memory)) = sample(&there, 1_700_000).await;
    let sent = async {
        on_node(&format!("until {}; do sleep 0.1; done", keeps("1.7"))).await;
        assert!(!is_on_the_node(&image).await);
    };
    let arrived = load_until(&image, &there, &memory, sent, |permit, _| permit.give()).await.unwrap();
    assert_eq!(arrived[0].how, "thin, pushed: 1 of 2 layers were there");
    assert!(is_on_the_node(&image).await);
    forget(&[&before, &image]).await;
}

#[tokio::test]
async fn a_node_keeps_nothing_of_what_it_may_not_have() {
    let there = nodes("minikube").await;
    let ([before, image], (_directory, memory)) = sample(&there, 1_900_000).await;
    let sent = async {
        on_node(&format!("until {}; do sleep 0.1; done", keeps("1.9"))).await;
    };
    let ended = load_until(&image, &there, &memory, sent, |_, cancel| cancel.cancel()).await;
    assert!(matches!(ended, Err(Error::Interrupted { .. })), "{ended:?}");
    on_node(&format!("while {}; do sleep 0.1; done", keeps("1.9"))).await;
    assert!(!is_on_the_node(&image).await);
    assert_eq!(load_with(&engine().await, &before, &there, &memory).await.sent(), 0, "the one before is as it was");
    forget(&[&before, &image]).await;
}

/// It would change what a smoke test measures meanwhile.
#[tokio::test]
async fn a_whole_image_waits_for_the_permit() {
    let mut there = nodes("minikube").await;
    there.extend(nodes(&format!("docker:{}", second_host())).await);
    let image = make(&format!("loadline-test-{}:1", salt()), &[&noise(20_000_000)]).await;
    let (engine, permit, nowhere) = (engine().await, Permit::default(), tempfile::tempdir().unwrap());
    let (said, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
    let events = {
        let (said, seen) = (said.clone(), seen.clone());
        Events::new(move |event| {
            said.lock().unwrap().push(event);
            seen.notify_one();
        })
    };
    let (memory, cancel) = (memory_in(nowhere.path()), CancellationToken::new());
    let waiting = async {
        while !said.lock().unwrap().iter().any(|event| matches!(event, Event::Reached { .. })) {
            seen.notified().await;
        }
        // Time enough to send it.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!said.lock().unwrap().iter().any(|event| matches!(event, Event::Loading { .. })));
        permit.give();
    };
    let loading = load(&engine, &image, &there, &memory, &permit, &events, &cancel);
    let (loaded, ()) = tokio::join!(loading, waiting);
    assert_eq!(loaded.unwrap().iter().map(|one| one.how.as_str()).collect::<Vec<_>>(), ["whole"; 2]);
    forget_there(&[&image]).await;
    forget(&[&image]).await;
}
