//! The node's image: `xtask/node/build` with its time counted down.

use crate::engine::Engine;
use crate::host::{self, package};
use crate::paths::{Cache, xtask};
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const BUILD: Duration = Duration::from_secs(2400);
/// Packages of the node's program, counted with `go list -deps` for the versions in `go.mod`.
const PACKAGES: usize = 2909;

/// Where the node's making stands, for whoever waits.
#[derive(Default)]
pub struct Countdown(Mutex<Option<Going>>);

struct Going {
    since: Instant,
    log: PathBuf,
}

impl Countdown {
    fn begin(&self, log: &Path) {
        if let Ok(mut going) = self.0.lock() {
            *going = Some(Going { since: Instant::now(), log: log.to_owned() });
        }
    }

    /// What is said to the one who waits: packages compiled until now are all that is known.
    pub fn say(&self) -> String {
        let guard = self.0.lock().ok();
        let Some(going) = guard.as_deref().and_then(Option::as_ref) else { return "node: getting ready".to_owned() };
        let done = run::read_lossy(&going.log).lines().filter(|line| is_package(line)).count();
        describe(done, going.since.elapsed())
    }
}

fn is_package(line: &str) -> bool {
    !line.contains(' ')
        && !line.is_empty()
        && line.chars().all(|letter| letter.is_ascii_alphanumeric() || "./-_~".contains(letter))
}

fn describe(done: usize, elapsed: Duration) -> String {
    if done < 50 {
        return format!("node: compiling, {} s so far", elapsed.as_secs());
    }
    let left = elapsed.as_secs() * PACKAGES.saturating_sub(done) as u64 / done as u64;
    format!("node: compiling Kubernetes, {done} of at most {PACKAGES} packages, at most {} min left", left.div_ceil(60))
}

/// The image's name, with the digest of all that it is made from.
pub fn ensure(cache: &Cache, engine: &Engine, countdown: &Countdown) -> Result<String> {
    let image = format!("loadline-node:{}", key()?);
    if run::succeeds(engine.docker().args(["image", "inspect", &image]), Duration::from_secs(20)) {
        return Ok(image);
    }
    host::ensure_packages(&[package("mmdebstrap", "mmdebstrap"), package("gcc", "gcc")])?;
    let log = cache.directory("logs")?.join("node.log");
    countdown.begin(&log);
    let mut build = Command::new(xtask("node/build"));
    build
        .env("DOCKER_HOST", engine.address())
        .env("NODE_IMAGE", &image)
        .env("NODE_BUILD_DIR", cache.directory("node")?);
    build.env_remove("DOCKER_CONTEXT");
    run::logged("making the node's image", &mut build, BUILD, &log)?;
    Ok(image)
}

fn key() -> Result<String> {
    let directory = xtask("node");
    let entries = fs::read_dir(&directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none_or(|end| end != "md"))
        .collect();
    files.sort();
    let mut text = Vec::new();
    for file in files {
        text.extend(fs::read(&file).with_context(|| format!("reading `{}`", file.display()))?);
    }
    Ok(host::short_digest(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_told_from_what_is_done() {
        assert_eq!(describe(0, Duration::from_secs(5)), "node: compiling, 5 s so far");
        assert_eq!(
            describe(1450, Duration::from_secs(240)),
            "node: compiling Kubernetes, 1450 of at most 2909 packages, at most 5 min left"
        );
    }

    #[test]
    fn packages_are_told_from_other_lines() {
        assert!(is_package("k8s.io/api/core/v1"));
        assert!(!is_package("go: downloading k8s.io/api v0.34.4"));
    }
}
