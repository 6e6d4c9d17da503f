//! The base images of the todo application, in an engine of ours: pulled where a registry
//! answers, stand-ins made from Debian where none does.
//!
//! A stand-in has the official name and, in labels, that it is one and what is really inside.

mod archive;
mod recipe;

use crate::engine::Engine;
use crate::host::{self, package};
use crate::paths::Cache;
use crate::run::{self, Ended};
use anyhow::{Context, Result, bail};
use recipe::Recipe;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a pull may take to show that there is a registry at all.
const REACH: Duration = Duration::from_secs(25);
const PULL: Duration = Duration::from_secs(900);
const LOAD: Duration = Duration::from_secs(300);
/// How long "no registry answers" is believed.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: usize = 2;

/// What the last real pull said.
#[derive(Serialize, Deserialize)]
struct Registry {
    answers: bool,
    said: String,
    at: u64,
}

/// Makes sure that each base image is in the engine.
pub fn ensure(cache: &Cache, engine: &Engine, retry: bool) -> Result<()> {
    let _lock = cache.lock("bases")?;
    let recipes = recipe::all()?;
    let missing: Vec<&Recipe> = recipes.iter().filter(|recipe| !is_there(engine, recipe)).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    if registry(cache, engine, first, retry)?.answers {
        return missing.iter().try_for_each(|recipe| pull(engine, recipe));
    }
    host::ensure_packages(&[
        package("mmdebstrap", "mmdebstrap"),
        package("curl", "curl"),
        package("openssl", "openssl"),
        package("npm", "npm"),
    ])?;
    each(&missing, |recipe| load(engine, &archive::ensure(cache, recipe)?, recipe))
}

/// Whether all stand-ins are in the cache directory.
pub fn are_made(cache: &Cache) -> bool {
    recipe::all().is_ok_and(|recipes| recipes.iter().all(|recipe| archive::is_made(cache, recipe)))
}

/// There, and if a stand-in, of this recipe.
fn is_there(engine: &Engine, recipe: &Recipe) -> bool {
    let format = format!(
        "{{{{index .Config.Labels \"{}\"}}}} {{{{index .Config.Labels \"{}\"}}}}",
        archive::STAND_IN,
        archive::KEY
    );
    let labels = run::output(
        "looking for a base image",
        engine.docker().args(["image", "inspect", "--format", &format, &recipe.tag]),
        Duration::from_secs(20),
    );
    labels.is_ok_and(|text| !text.contains("stand-in") || text.contains(&recipe.key))
}

/// Whether a registry answers: decided by a real pull, remembered for a day.
fn registry(cache: &Cache, engine: &Engine, recipe: &Recipe, retry: bool) -> Result<Registry> {
    let path = cache.directory("bases")?.join("registry.json");
    if let Some(known) = remembered(&path).filter(|_| !retry) {
        return Ok(known);
    }
    eprintln!("xtask: pulling {} to see whether a registry answers", recipe.tag);
    let (ended, text) = run::attempt("pulling", engine.docker().args(["pull", &recipe.tag]), REACH)?;
    let answers = matches!(ended, Ended::With(status) if status.success()) || text.contains("Pulling from");
    let said = text.lines().last().unwrap_or("nothing").to_owned();
    eprintln!("xtask: {} ({said})", if answers { "it does" } else { "none does: making stand-ins from Debian trixie" });
    let registry = Registry { answers, said, at: now() };
    fs::write(&path, serde_json::to_vec(&registry)?).with_context(|| format!("writing `{}`", path.display()))?;
    Ok(registry)
}

fn remembered(path: &PathBuf) -> Option<Registry> {
    let registry: Registry = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (registry.answers || now() < registry.at + BELIEVED.as_secs()).then_some(registry)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn pull(engine: &Engine, recipe: &Recipe) -> Result<()> {
    run::output(&format!("pulling {}", recipe.tag), engine.docker().args(["pull", "--quiet", &recipe.tag]), PULL)
        .map(drop)
}

fn load(engine: &Engine, archive: &archive::Archive, recipe: &Recipe) -> Result<()> {
    let what = format!("loading the stand-in for {}", recipe.tag);
    run::output(&what, engine.docker().args(["load", "--input"]).arg(&archive.path), LOAD)?;
    if !is_there(engine, recipe) {
        bail!("{what}: the engine took it, but does not have it");
    }
    eprintln!("xtask: {} is a stand-in with {}, {} MB", recipe.tag, archive.version, archive.bytes / 1_000_000);
    Ok(())
}

/// Runs `work` for each recipe, a few at once, and reports all failures.
fn each(recipes: &[&Recipe], work: impl Fn(&Recipe) -> Result<()> + Sync) -> Result<()> {
    let queue = Mutex::new(recipes.iter());
    let failures = Mutex::new(Vec::new());
    let next = || queue.lock().ok()?.next().copied();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(recipe) = next() {
                    if let (Err(error), Ok(mut failures)) = (work(recipe), failures.lock()) {
                        failures.push(format!("{error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_default();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}
