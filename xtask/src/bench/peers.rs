//! The tools that Loadline is measured against: real ones, of pinned versions, compiled from their
//! Go modules into the cache directory. Only `bench` installs them.

use crate::kind;
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const COMPILE: Duration = Duration::from_secs(1200);

/// A tool and where it comes from.
struct Tool {
    name: &'static str,
    module: &'static str,
    version: &'static str,
    /// The program's directory in the module.
    package: &'static str,
}

const BUILDX: Tool =
    Tool { name: "buildx", module: "github.com/docker/buildx", version: "v0.38.2", package: "./cmd/buildx" };
const STRUCTURE_TEST: Tool = Tool {
    name: "container-structure-test",
    module: "github.com/GoogleContainerTools/container-structure-test",
    version: "v1.22.1",
    package: "./cmd/container-structure-test",
};

/// The tools, ready to run.
pub struct Peers {
    pub kind: PathBuf,
    pub structure_test: PathBuf,
    /// A `DOCKER_CONFIG` in which `docker buildx` is ours.
    pub docker_config: PathBuf,
}

impl Peers {
    pub fn ensure(cache: &Cache) -> Result<Self> {
        let _lock = cache.lock("bench-tools")?;
        let docker_config = cache.directory("bench-docker")?;
        let plugins = cache.directory("bench-docker/cli-plugins")?;
        link(&ensure(cache, &BUILDX)?, &plugins.join("docker-buildx"))?;
        Ok(Self { kind: kind::ensure(cache)?, structure_test: ensure(cache, &STRUCTURE_TEST)?, docker_config })
    }
}

/// Names and versions, as the report has them.
pub fn versions() -> String {
    let [buildx, structure] = [BUILDX, STRUCTURE_TEST].map(|tool| format!("{} {}", tool.name, tool.version));
    format!("{buildx}, kind {}, {structure}", kind::VERSION)
}

pub fn are_there(cache: &Cache) -> bool {
    kind::is_there(cache) && [BUILDX, STRUCTURE_TEST].iter().all(|tool| path(cache, tool).exists())
}

fn path(cache: &Cache, tool: &Tool) -> PathBuf {
    cache.file("tools").join(format!("{}-{}", tool.name, tool.version))
}

/// Compiled in the module's own directory: not every module can be given to `go install`.
fn ensure(cache: &Cache, tool: &Tool) -> Result<PathBuf> {
    let program = path(cache, tool);
    if !program.exists() {
        cache.directory("tools")?;
        eprintln!("bench: compiling {} {} (up to 2 minutes the first time)", tool.name, tool.version);
        let fresh = cache.file("tools").join(format!("bench-{}.new", tool.name));
        compile(tool, &source(tool)?, &fresh)?;
        fs::rename(&fresh, &program).with_context(|| format!("moving the program to `{}`", program.display()))?;
    }
    Ok(program)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    dir: PathBuf,
}

fn source(tool: &Tool) -> Result<PathBuf> {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", &format!("{}@{}", tool.module, tool.version)]);
    go.env("GOFLAGS", "").current_dir("/");
    let text = run::output(&format!("downloading {}", tool.name), &mut go, COMPILE)?;
    let module: Module = serde_json::from_str(&text).context("reading what `go mod download` printed")?;
    Ok(module.dir)
}

fn compile(tool: &Tool, source: &Path, program: &Path) -> Result<()> {
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(program).arg(tool.package);
    go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly").current_dir(source);
    run::output(&format!("compiling {}", tool.name), &mut go, COMPILE).map(drop)
}

fn link(program: &Path, link: &Path) -> Result<()> {
    fs::remove_file(link).ok();
    std::os::unix::fs::symlink(program, link).with_context(|| format!("linking `{}`", link.display()))
}
