//! Where it is measured: the release build of Loadline, an engine of our own, a directory of our
//! own. All that is made here has a name by which it is taken away again.

use super::peers::Peers;
use crate::engine::Engine;
use crate::paths::{Cache, checkout};
use crate::run::{self, Ended};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// All images of the benchmarks are in repositories below this.
pub const REPOSITORY: &str = "loadline-bench";

const SHORT: Duration = Duration::from_secs(120);
const COMPILE: Duration = Duration::from_secs(1800);

pub struct Place {
    pub engine: Engine,
    pub peers: Peers,
    pub loadline: PathBuf,
    directory: PathBuf,
}

impl Place {
    /// With nothing of an earlier run in it.
    pub fn new(cache: &Cache, engine: Engine, peers: Peers) -> Result<Self> {
        let place = Self { engine, peers, loadline: compile()?, directory: cache.file("bench") };
        place.clean()?;
        fs::create_dir_all(&place.directory).with_context(|| format!("creating `{}`", place.directory.display()))?;
        Ok(place)
    }

    /// Removes the images and the directory.
    pub fn clean(&self) -> Result<()> {
        let list = self.docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let all = run::output("listing images", &mut { list }, SHORT)?;
        let ours: Vec<&str> = all.lines().filter(|name| name.starts_with(REPOSITORY)).collect();
        if !ours.is_empty() {
            let mut remove = self.docker(&["image", "rm", "--force"]);
            run::output("removing the images of the benchmarks", remove.args(ours), SHORT)?;
        }
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).with_context(|| format!("removing `{}`", self.directory.display()))?;
        }
        Ok(())
    }

    /// Removes what Loadline learned of images.
    pub fn forget_learned(&self) -> Result<()> {
        let learned = self.directory.join("cache/loadline");
        if learned.exists() {
            fs::remove_dir_all(&learned).with_context(|| format!("removing `{}`", learned.display()))?;
        }
        Ok(())
    }

    /// A directory of the benchmarks, created.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        fs::create_dir_all(&path).with_context(|| format!("creating `{}`", path.display()))?;
        Ok(path)
    }

    /// A command in the environment that all contenders have: our engine, and state and caches of
    /// our own. `CI` is not set, wherever this runs: Loadline does less in the background then.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env("DOCKER_HOST", self.engine.address())
            .env("DOCKER_CONFIG", &self.peers.docker_config)
            // Contexts lie outside the directory of bake's file, which it would ask about.
            .env("BUILDX_BAKE_ENTITLEMENTS_FS", "0")
            .env("XDG_STATE_HOME", self.directory.join("state"))
            .env("XDG_CACHE_HOME", self.directory.join("cache"))
            .current_dir("/");
        for name in ["CI", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"] {
            command.env_remove(name);
        }
        command
    }

    pub fn docker(&self, words: &[&str]) -> Command {
        let mut command = self.command("docker");
        command.args(words);
        command
    }

    /// `loadline` in `directory`.
    pub fn loadline(&self, directory: &Path, words: &[&str]) -> Command {
        let mut command = self.command(&self.loadline);
        command.args(words).current_dir(directory);
        command
    }

    /// The id of an image of the engine.
    pub fn image_id(&self, name: &str) -> Result<String> {
        let what = format!("asking the engine for `{name}`");
        let mut inspect = self.docker(&["image", "inspect", "--format", "{{.Id}}", name]);
        Ok(run::output(&what, &mut inspect, SHORT)?.trim().to_owned())
    }

    /// Waits until nothing of Loadline runs: what it does in the background belongs to the run
    /// before. Says whether there was anything.
    pub fn wait_for_background(&self) -> Result<bool> {
        let program = self.loadline.canonicalize().context("looking for the release build")?;
        let runs = || {
            run::processes()
                .into_iter()
                .any(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program))
        };
        let any = runs();
        if !run::until(Duration::from_secs(300), || !runs()) {
            bail!("waiting for what Loadline does in the background: it is not done within 300 s");
        }
        Ok(any)
    }
}

/// The release build, compiled if it is not up to date.
fn compile() -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let words =
        ["build", "--release", "--package", "loadline", "--locked", "--message-format", "json-render-diagnostics"];
    cargo.args(words).current_dir(checkout()).env_remove("CARGO_MANIFEST_DIR");
    eprintln!("bench: compiling Loadline with optimisation (up to 9 minutes the first time)");
    let (ended, text) = run::attempt("compiling Loadline", &mut cargo, COMPILE)?;
    if !matches!(ended, Ended::With(status) if status.success()) {
        bail!("compiling Loadline failed:\n{}", run::last_lines(&text, 40));
    }
    executable(&text).context("compiling Loadline: cargo does not say where the program is")
}

fn executable(messages: &str) -> Option<PathBuf> {
    let values = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = values.filter_map(|value| Some(PathBuf::from(value["executable"].as_str()?)));
    programs.find(|path| path.file_stem().is_some_and(|stem| stem == "loadline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_what_cargo_says() {
        let text = "   Compiling loadline\n{\"executable\":null}\n{\"executable\":\"/t/release/loadline\"}\n";
        assert_eq!(executable(text), Some("/t/release/loadline".into()));
        assert_eq!(executable("{}"), None);
    }
}
