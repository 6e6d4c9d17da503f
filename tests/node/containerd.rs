//! A node with containerd: what arrives is what the kubelet runs.

use crate::harness::*;
use loadline::event::Event;
use loadline::load::{Image, names};
use loadline::types::ImageId;
use std::time::Duration;

#[tokio::test]
async fn an_image_arrives_under_both_names_and_the_second_load_moves_nothing() {
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[b"one", salt().as_bytes()]).await;
    let first = load_one(&image).await;
    assert!(first.sent() > 2048, "{:?}", first.arrived());
    for name in [&tag, &format!("{}:id-{}", tag.trim_end_matches(":1"), image.id.short())] {
        let status = on_node(&format!("crictl inspecti -o go-template --template '{{{{.status.id}}}}' {name}")).await;
        assert_eq!(status.trim(), image.id.to_string(), "{name}");
    }
    let second = load_one(&image).await;
    assert_eq!(second.sent(), 0);
    assert_eq!(second.arrived()[0].how, "asked containerd and CRI");
    forget(&[&image]).await;
}

#[tokio::test]
async fn progress_ends_with_all_bytes_sent() {
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[&vec![7; 3_000_000], salt().as_bytes()]).await;
    let run = load_one(&image).await;
    let progress: Vec<(u64, u64)> = run
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Loading { done, total, .. } => Some((done.0, total.0)),
            _ => None,
        })
        .collect();
    let layer = engine().await.inspect(image.engine_id.as_str()).await.unwrap().root_fs[0].clone();
    let (_, before) = progress.split_last().unwrap();
    assert!(!before.is_empty() && before.iter().all(|(done, total)| done < total), "{progress:?}");
    assert_eq!(progress.last(), Some(&(run.sent(), run.sent())));
    assert!(matches!(run.events.last(), Some(Event::Loaded { .. })));
    // What kept the blob until the image was there is undone after it.
    on_node(&format!("while ctr -n k8s.io content ls | grep {layer} | grep gc.root=; do sleep 0.1; done")).await;
    forget(&[&image]).await;
}

#[tokio::test]
async fn an_image_that_was_removed_behind_our_back_is_loaded_again() {
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[salt().as_bytes()]).await;
    load_one(&image).await.arrived();
    let name = image.tags[0].canonical();
    let id_name = names(&image).unwrap()[1].canonical();
    on_node(&format!("ctr -n k8s.io images rm {name} {}", image.id)).await;
    let again = load_one(&image).await;
    assert!(again.sent() > 0);
    on_node(&format!("ctr -n k8s.io images rm {id_name}")).await;
    assert!(load_one(&image).await.arrived()[0].how.starts_with("under other names"));
    on_node(&format!("ctr -n k8s.io images rm {name} {id_name} {}", image.id)).await;
    assert!(load_one(&image).await.sent() > 0);
    assert_eq!(load_one(&image).await.sent(), 0);
    forget(&[&image]).await;
}

#[tokio::test]
async fn another_name_for_what_is_there_moves_no_byte() {
    let image = make(&format!("loadline-test-{}:1", salt()), &[salt().as_bytes()]).await;
    load_one(&image).await.arrived();
    let other = Image { tags: vec![format!("loadline-test-{}:2", salt()).parse().unwrap()], ..image.clone() };
    let run = load_one(&other).await;
    assert_eq!((run.sent(), run.arrived()[0].how.as_str()), (0, "under other names; asked containerd and CRI"));
    assert_eq!(load_one(&other).await.arrived()[0].how, "asked containerd and CRI");
    let replaced = make(&other.tags[0].to_string(), &[salt().as_bytes()]).await;
    load_one(&replaced).await.arrived();
    let back = load_one(&other).await;
    assert_eq!((back.sent(), &back.arrived()[0].moved[0].from), (0, &replaced.id));
    forget(&[&image, &other, &replaced]).await;
}

#[tokio::test]
async fn a_tag_moves_to_new_content_and_back() {
    let tag = format!("loadline-test-{}:1", salt());
    let old = make(&tag, &[b"base", salt().as_bytes()]).await;
    load_one(&old).await.arrived();
    let new = make(&tag, &[b"base", salt().as_bytes()]).await;
    assert_ne!(old.id, new.id);
    let run = load_one(&new).await;
    let moved = &run.arrived()[0].moved;
    assert_eq!((moved.len(), &moved[0].name, &moved[0].from), (1, &new.tags[0], &old.id));
    assert!(run.notes().contains("no pod runs the old one"), "{}", run.notes());
    assert_eq!(load_one(&new).await.sent(), 0);
    let back = load_one(&old).await;
    assert_eq!((back.sent(), &back.arrived()[0].moved[0].from), (0, &new.id));
    forget(&[&old, &new]).await;
}

/// An image with a shell in it: the base, under a name of the test's own.
async fn runnable(tag: &str) -> Image {
    let engine = engine().await;
    let base = engine.inspect(BASE).await.expect("the engine has the base");
    let (repository, version) = tag.split_once(':').unwrap();
    engine.tag(&ImageId(base.engine_id.clone()), repository, version).await.unwrap();
    image(&engine, tag, ImageId(base.engine_id)).await
}

async fn wait_for(what: &str, probe: impl AsyncFn() -> String, good: impl Fn(&str) -> bool) -> String {
    let mut last = String::new();
    for _ in 0..300 {
        last = probe().await;
        if good(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{what} did not come in a minute; last: {last}");
}

#[tokio::test]
async fn the_kubelet_runs_what_arrived_and_pods_of_a_moved_tag_are_named() {
    let salt = salt();
    let (tag, pod) = (format!("loadline-test-{salt}:1"), format!("test-{salt}"));
    let image = runnable(&tag).await;
    load_one(&image).await.arrived();
    let run = format!("run {pod} --image={tag} --image-pull-policy=Never --restart=Never --command -- sleep 600");
    // The service account of a new cluster comes a moment after the node.
    wait_for("the pod", async || kubectl(&run).await, |text| text.contains("created")).await;
    let status = "jsonpath='{.status.phase} {.status.containerStatuses[0].imageID}'";
    let seen = wait_for(
        "a running pod",
        async || kubectl(&format!("get pod {pod} -o {status}")).await,
        |text| text.starts_with("Running"),
    );
    assert_eq!(seen.await.trim(), format!("Running {}", image.id));
    let other = make(&tag, &[salt.as_bytes()]).await;
    let run = load_one(&other).await;
    assert_eq!(run.arrived()[0].moved[0].pods, [format!("default/{pod}")]);
    assert!(run.notes().contains(&format!("still the old one in default/{pod}")), "{}", run.notes());
    kubectl(&format!("delete pod {pod} --now --wait=false")).await;
    forget(&[&image, &other]).await;
}

#[tokio::test]
async fn several_images_load_at_once() {
    let tags = [salt(), salt(), salt()].map(|salt| format!("loadline-test-{salt}:1"));
    let mut images = Vec::new();
    for tag in &tags {
        images.push(make(tag, &[tag.as_bytes(), &vec![1; 500_000]]).await);
    }
    let runs = futures_util::future::join_all(images.iter().map(load_one)).await;
    assert!(runs.iter().all(|run| run.sent() > 500_000));
    forget(&images.iter().collect::<Vec<_>>()).await;
}
