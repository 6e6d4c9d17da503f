//! Single layers come out of an engine by a push; where that cannot be, by an export.

use crate::harness::*;
use loadline::engine::Engine;
use loadline::image::registry;
use loadline::load::{Image, Memory, is_worth_teaching, teach};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn memory() -> (TempDir, Memory) {
    let directory = tempfile::tempdir().unwrap();
    let memory = memory_in(directory.path());
    (directory, memory)
}

/// Bytes that no other test has, and of which compression does not make less.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rand::fill(&mut bytes[..]);
    bytes
}

async fn load_known(image: &Image, memory: &Memory) -> Run {
    load_with(&engine().await, image, &nodes("minikube").await, memory).await
}

async fn taught(image: &Image, memory: &Memory) {
    teach(&engine().await, &image.id, &memory.digests, &CancellationToken::new()).await.unwrap();
}

/// The names for pushes that the engine has, of whatever test.
async fn push_names(engine: &Engine, image: &Image) -> Vec<String> {
    let names = engine.inspect(image.engine_id.as_str()).await.unwrap().names;
    names.into_iter().filter(|name| name.rsplit_once(':').is_some_and(|(host, _)| registry::is_ours(host))).collect()
}

#[tokio::test]
async fn a_small_change_is_pushed_once_the_engine_was_taught() {
    let tag = format!("loadline-test-{}:1", salt());
    let (_directory, memory) = memory();
    let (base, middle) = (noise(9_000_000), noise(2_000_000));
    let make = async || make(&tag, &[&base, &middle, salt().as_bytes()]).await;
    let first = make().await;
    assert_eq!(load_known(&first, &memory).await.arrived()[0].how, "whole");
    assert!(is_worth_teaching(&engine().await, &first, &memory));
    // A push would have to compress what was never pushed: an export is quicker.
    let second = make().await;
    assert_eq!(load_known(&second, &memory).await.arrived()[0].how, "thin: 2 of 3 layers were there");

    taught(&second, &memory).await;
    assert!(!is_worth_teaching(&engine().await, &second, &memory));
    let third = make().await;
    let run = load_known(&third, &memory).await;
    assert_eq!(run.arrived()[0].how, "thin, pushed: 2 of 3 layers were there");
    assert!(run.sent() < 12_000, "{}", run.sent());
    assert_eq!(memory.digests.known().len(), 4, "what was pushed is learned");
    assert_eq!(load_known(&third, &memory).await.sent(), 0);
    assert_eq!(push_names(&engine().await, &third).await, Vec::<String>::new());
    forget(&[&first, &second, &third]).await;
}

#[tokio::test]
async fn what_was_wrongly_said_to_be_there_is_pushed_after_all() {
    let tag = format!("loadline-test-{}:1", salt());
    let (base, middle) = (noise(9_000_000), noise(500_000));
    let first = make(&tag, &[&base, salt().as_bytes()]).await;
    let (_one, memory) = memory();
    load_known(&first, &memory).await.arrived();
    // The engine knows a digest of a layer that the node lacks, and we do not.
    let second = make(&tag, &[&base, &middle]).await;
    let (_other, forgotten) = self::memory();
    taught(&second, &forgotten).await;
    let known = forgotten.digests.known();
    let of_base = known.values().find(|one| one.size.is_some_and(|size| size > 8_000_000)).unwrap();
    memory.digests.learn(std::slice::from_ref(of_base)).unwrap();
    let run = load_known(&second, &memory).await;
    assert_eq!(run.arrived()[0].how, "thin, pushed: 1 of 2 layers were there");
    assert!((500_000..600_000).contains(&run.sent()), "{}", run.sent());
    forget(&[&first, &second]).await;
}

#[tokio::test]
async fn an_engine_with_the_containerd_store_pushes_what_it_never_pushed_before() {
    let second = second_engine().await;
    let tag = format!("loadline-test-{}:1", salt());
    let base = noise(3_000_000);
    let mut made = Vec::new();
    for how in ["whole", "thin, pushed: 1 of 2 layers were there"] {
        let top = salt();
        let image = make(&tag, &[&base, top.as_bytes()]).await;
        let there = on_second(&second, &image).await;
        let (_directory, memory) = memory();
        // Of its id such an engine tells only to one who reads the image, so its layers are measured.
        measure(&memory, &[&base, top.as_bytes()]);
        let run = load_with(&second, &there, &nodes("minikube").await, &memory).await;
        assert_eq!(run.arrived()[0].how, how);
        assert!(how == "whole" || run.sent() < 12_000, "{}", run.sent());
        assert_eq!(push_names(&second, &there).await, Vec::<String>::new());
        made.push(image);
    }
    let made: Vec<&Image> = made.iter().collect();
    forget_there(&made).await;
    forget(&made).await;
}

#[tokio::test]
async fn a_load_that_is_broken_off_in_its_push_leaves_no_name() {
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[&noise(60_000_000)]).await;
    let (_directory, memory) = memory();
    let cancel = CancellationToken::new();
    let engine = engine().await;
    let teaching = teach(&engine, &image.id, &memory.digests, &cancel);
    let breaking = async {
        while push_names(&engine, &image).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (taught, ()) = tokio::join!(teaching, breaking);
    assert!(taught.is_err() && memory.digests.known().is_empty());
    assert_eq!(push_names(&engine, &image).await, Vec::<String>::new());
    forget(&[&image]).await;
}

#[tokio::test]
async fn names_that_a_killed_push_left_are_swept_and_others_are_not() {
    let tag = format!("loadline-test-{}:1", salt());
    let image = make(&tag, &[b"x"]).await;
    let engine = engine().await;
    let repository = "127.83.7.1:5083/loadline/push";
    let started = loadline::engine::process::started(std::process::id()).unwrap();
    let mine = format!("push-{}-{started}-{}", std::process::id(), image.id.short());
    let orphan = format!("push-4294967294-1-{}", image.id.short());
    for name in [&mine, &orphan] {
        engine.tag(&image.id, repository, name).await.unwrap();
    }
    engine.sweep_pushes(registry::is_ours).await.unwrap();
    assert_eq!(push_names(&engine, &image).await, [format!("{repository}:{mine}")]);
    engine.untag(&format!("{repository}:{mine}")).await.unwrap();
    forget(&[&image]).await;
}
