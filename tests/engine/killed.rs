//! `up`, killed at random moments of a build, a check and a load: the next one succeeds, and nothing
//! of the killed one is left.

use crate::chain::Pair;
use crate::harness::{address, engine};
use loadline::engine::Labelled;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// How many times it is killed.
fn kills() -> usize {
    std::env::var("LOADLINE_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[tokio::test]
async fn after_a_kill_at_any_moment_the_next_up_succeeds_and_nothing_is_left() {
    let pair = Pair::new();
    // The engine itself as the target: what is brought there is its two names.
    let up = ["up", "web", "--target", &format!("docker:{}", address())];
    assert_eq!(pair.run(&up).code, 0);
    let mut random = StdRng::seed_from_u64(11);
    for n in 0..kills() {
        // Everything is to be done again, the build's steps too.
        pair.change(n);
        let after = Duration::from_millis(random.random_range(0..12_000));
        let mut child = pair.start(&up);
        kill_after(&mut child, after).await;
        let next = pair.run(&up);
        assert_eq!(next.code, 0, "after a kill at {after:?}: {}", next.stderr);
        assert_eq!(left_by(child.id()).await, Vec::<String>::new(), "after a kill at {after:?}");
        assert_eq!(half_written(&pair.home()), Vec::<PathBuf>::new(), "after a kill at {after:?}");
        let id = next.one("loaded", "web")["id"].as_str().unwrap().to_owned();
        let short = &id.trim_start_matches("sha256:")[..12];
        let own = pair.tag("web");
        let by_id = format!("{}:id-{short}", own.trim_end_matches(":1"));
        let names: BTreeSet<String> = engine().await.inspect(&own).await.unwrap().names.into_iter().collect();
        assert_eq!(names, BTreeSet::from([own, by_id]), "after a kill at {after:?}");
    }
}

async fn kill_after(child: &mut Child, after: Duration) {
    let until = Instant::now() + after;
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().ok();
    child.wait().unwrap();
}

/// Containers and networks that the process `pid` made.
async fn left_by(pid: u32) -> Vec<String> {
    let containers = engine().await.containers_labelled("io.loadline.run").await.unwrap();
    let networks = engine().await.networks_labelled("io.loadline.run").await.unwrap();
    let mine = |one: &Labelled| one.labels.get("io.loadline.pid").is_some_and(|found| *found == pid.to_string());
    containers.iter().chain(&networks).filter(|one| mine(one)).map(|one| format!("{one:?}")).collect()
}

/// Files that are still being written, by their names.
fn half_written(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            found.extend(half_written(&path));
        } else if name.ends_with(".tmp") || name.starts_with("new-") {
            found.push(path);
        }
    }
    found
}
