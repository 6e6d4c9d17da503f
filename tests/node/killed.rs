//! `up`, killed at random moments: the next one succeeds, and nothing of ours is left.

use crate::harness::engine;
use crate::todo::Todo;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// How many times it is killed.
fn kills() -> usize {
    std::env::var("LOADLINE_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

#[tokio::test]
async fn after_a_kill_at_any_moment_the_next_up_succeeds_and_nothing_is_left() {
    let todo = Todo::new().await;
    assert_eq!(todo.run(&["up"]).code, Some(0));
    let mut random = StdRng::seed_from_u64(9);
    for _ in 0..kills() {
        // Without evidence, everything but the build's steps is done again.
        todo.forget();
        let after = Duration::from_millis(random.random_range(0..8_000));
        let mut child = todo.start(&["up"]);
        let until = Instant::now() + after;
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().ok();
        child.wait().unwrap();
        todo.forget();
        let next = todo.run(&["up"]);
        assert_eq!(next.code, Some(0), "after a kill at {after:?}: {}", next.stderr);
        let containers = engine().await.containers_labelled("io.loadline.run").await.unwrap();
        let networks = engine().await.networks_labelled("io.loadline.run").await.unwrap();
        let mine = |one: &loadline::engine::Labelled| {
            one.labels.get("io.loadline.pid").is_some_and(|pid| *pid == child.id().to_string())
        };
        assert!(
            !containers.iter().chain(&networks).any(mine),
            "after a kill at {after:?}: {containers:?} {networks:?}"
        );
        assert_eq!(todo.temporary_files(), Vec::<std::path::PathBuf>::new(), "after a kill at {after:?}");
    }
}
