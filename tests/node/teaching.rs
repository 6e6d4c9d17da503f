//! After a load the engine is taught in the background; it ends by itself, and at once when a verb
//! has work for the engine.

use crate::harness::{engine, salt};
use crate::todo::Todo;
use loadline::image::registry;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The files in the record's directory with this extension.
fn files(todo: &Todo, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(todo.digests()).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(|path| path.extension().is_some_and(|one| one == extension)).collect()
}

/// The process that teaches for this project, if it runs.
fn teacher(todo: &Todo) -> Option<u32> {
    let mark = files(todo, "teaching").pop()?;
    let pid: u32 = std::fs::read_to_string(mark).ok()?.parse().ok()?;
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    command.contains("teach").then_some(pid)
}

async fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within two minutes");
}

fn noted(ran: &crate::todo::Ran) -> bool {
    ran.events.iter().any(|event| event["text"].as_str().is_some_and(|text| text.contains("in the background")))
}

#[tokio::test]
async fn the_engine_is_taught_after_a_load_and_let_alone_while_a_verb_works() {
    let todo = Todo::new().await;
    // A layer of its own, so that this engine surely has something to learn.
    let reference = format!("loadline-test-{}:1", salt());
    let base = crate::pushed::noise(120_000_000);
    let image = crate::harness::make(&reference, &[&base]).await;
    assert_eq!(todo.run(&["load", "--image", &reference]).code, Some(0));
    assert!(files(&todo, "teaching").is_empty(), "it is switched off");

    let ran = todo.run_teaching(&["load", "--image", &reference]);
    assert!(ran.code == Some(0) && noted(&ran), "{}", ran.stderr);
    wait("the teacher begins", || teacher(&todo).is_some()).await;
    let first = teacher(&todo).unwrap();
    let niceness = Command::new("ps").args(["-o", "ni=", "-p", &first.to_string()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&niceness.stdout).trim(), "19");
    todo.run(&["smoke", "--image", "no-such-image:1"]);
    assert_eq!(teacher(&todo), None, "a smoke test must not be measured beside it");
    assert!(files(&todo, "json").is_empty(), "it was broken off");

    assert!(noted(&todo.run_teaching(&["load", "--image", &reference])));
    wait("it learns", || !files(&todo, "json").is_empty()).await;
    wait("it ends by itself", || teacher(&todo).is_none()).await;
    let ran = todo.run_teaching(&["load", "--image", &reference]);
    assert!(ran.code == Some(0) && !noted(&ran), "there is nothing more to learn: {}", ran.stderr);
    let names = engine().await.inspect(&reference).await.unwrap().names;
    let ours = |name: &String| name.rsplit_once(':').is_some_and(|(host, _)| registry::is_ours(host));
    assert!(!names.iter().any(ours), "{names:?}");

    let changed = crate::harness::make(&reference, &[&base, salt().as_bytes()]).await;
    let ran = todo.run(&["load", "--image", &reference]);
    let how = |event: &serde_json::Value| event["how"].as_str() == Some("thin, pushed: 1 of 2 layers were there");
    assert!(ran.events.iter().any(how), "{}", ran.stderr);
    let kinds: Vec<&str> = ran.events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(kinds.contains(&"loaded") && !kinds.contains(&"reading"), "the image is not read for that: {kinds:?}");
    crate::harness::forget(&[&image, &changed]).await;
}
