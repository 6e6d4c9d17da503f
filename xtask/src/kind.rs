//! The real `kind`: what it puts on a node, Loadline must find there, and the other way round.

use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub const VERSION: &str = "v0.33.0";

fn path(cache: &Cache) -> PathBuf {
    cache.file("tools").join(format!("kind-{VERSION}"))
}

pub fn is_there(cache: &Cache) -> bool {
    path(cache).exists()
}

/// The program, compiled once (12 s).
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    let _lock = cache.lock("kind")?;
    let program = path(cache);
    if !program.exists() {
        let work = cache.directory("tools/kind.new")?;
        let mut go = Command::new("go");
        go.args(["install", &format!("sigs.k8s.io/kind@{VERSION}")]);
        go.env("GOBIN", &work).env("CGO_ENABLED", "0").env("GOFLAGS", "").current_dir("/");
        run::output("compiling kind", &mut go, Duration::from_secs(600))?;
        fs::rename(work.join("kind"), &program).with_context(|| format!("moving kind to `{}`", program.display()))?;
        fs::remove_dir(&work).ok();
    }
    Ok(program)
}
