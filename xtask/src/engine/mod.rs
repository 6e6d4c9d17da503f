//! Engines of our own, beside whatever Docker the machine has: own data, own socket, own bridge.

mod daemon;
mod sweep;
mod tree;

use crate::docker;
use crate::host::{self, package};
use crate::net::{self, Network};
use crate::paths::Cache;
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Kind {
    /// The distribution's docker.io with overlay2
    #[default]
    Distribution,
    /// Debian trixie's Docker 26.1 with the containerd image store
    Containerd,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Distribution, Self::Containerd];

    pub fn directory(self) -> &'static str {
        match self {
            Self::Distribution => "engine",
            Self::Containerd => "engine-containerd",
        }
    }

    fn network(self) -> Network {
        match self {
            Self::Distribution => {
                Network { bridge: "loadline0", range: "10.231.0.0/17", address: "10.231.0.1/24", pool: "10.231.64.0/18" }
            }
            Self::Containerd => {
                Network { bridge: "loadline1", range: "10.231.128.0/17", address: "10.231.128.1/24", pool: "10.231.192.0/18" }
            }
        }
    }

    fn cgroup(self) -> &'static str {
        match self {
            Self::Distribution => "loadline",
            Self::Containerd => "loadline-containerd",
        }
    }
}

/// An engine that xtask started.
pub struct Engine {
    pub kind: Kind,
    home: PathBuf,
}

impl Engine {
    fn new(cache: &Cache, kind: Kind) -> Self {
        Self { kind, home: cache.engine(kind) }
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("docker.sock")
    }

    /// As `DOCKER_HOST` has it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub fn docker(&self) -> std::process::Command {
        docker::cli(&self.address())
    }
}

/// The engine, started if it is not up.
pub fn ensure(cache: &Cache, kind: Kind) -> Result<Engine> {
    let _lock = cache.lock(kind.directory())?;
    let engine = Engine::new(cache, kind);
    if daemon::is_up(&engine) {
        return Ok(engine);
    }
    host::require_root("an engine of our own")?;
    host::ensure_packages(&[package("dockerd", "docker.io"), package("iptables", "iptables"), package("ip", "iproute2")])?;
    // From trixie on, the client is a package of its own.
    host::ensure_packages(&[package("docker", "docker-cli")])?;
    sweep::processes(&engine);
    net::create(&kind.network(), &forwarding(cache))?;
    daemon::start(cache, &engine)?;
    Ok(engine)
}

/// Stops every engine of ours and takes back what it needed of the machine.
pub fn down_all(cache: &Cache) -> Result<()> {
    for kind in Kind::ALL {
        let _lock = cache.lock(kind.directory())?;
        let engine = Engine::new(cache, kind);
        if engine.home.exists() {
            daemon::stop(&engine)?;
            net::remove(&kind.network())?;
        }
    }
    net::restore_forwarding(&forwarding(cache))
}

fn forwarding(cache: &Cache) -> PathBuf {
    cache.file("ip_forward")
}

/// Shell lines for `eval "$(cargo xtask env)"`.
pub fn environment(cache: &Cache) -> String {
    let engine = Engine::new(cache, Kind::default());
    format!("export DOCKER_HOST={}\n", engine.address())
}
