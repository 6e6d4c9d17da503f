//! Engines of our own, beside whatever Docker the machine has: own data, own socket, own bridge.

mod certificates;
mod daemon;
mod tree;

use crate::docker;
use crate::host::{self, package};
use crate::net::{self, Network};
use crate::paths::Cache;
use crate::service::Service;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
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

    /// As `--kind` and the test layers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Containerd => "containerd",
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

    /// Where it listens with TLS, beside its socket: the first engine only, at an address of the
    /// loopback that no other engine of ours has.
    fn tls_address(&self, network: Network) -> Option<IpAddr> {
        matches!(self.kind, Kind::Distribution).then(|| Ipv4Addr::new(127, 83, network.number(), 1).into())
    }

    /// As `DOCKER_HOST` and `DOCKER_CERT_PATH` have it.
    pub fn over_tls(&self) -> Result<(String, PathBuf)> {
        let address = self.network().and_then(|network| self.tls_address(network));
        let address = address.context("looking for an engine with TLS: this one has no such address")?;
        Ok((daemon::tls_host(address), certificates::ensure(&self.home, address)?))
    }

    fn service(&self) -> Service {
        Service { name: "the engine", home: self.home.clone() }
    }

    /// The network that it has or had.
    fn network(&self) -> Option<Network> {
        Network::numbered(fs::read_to_string(self.home.join("network")).ok()?.trim().parse().ok()?)
    }

    /// Its network: the one it had, unless somebody took that while it was down. What the daemon
    /// knows of networks is of no use in another range.
    fn ensure_network(&self) -> Result<Network> {
        if let Some(network) = self.network().filter(|network| !network.is_foreign(&self.home)) {
            return Ok(network);
        }
        let network = Network::free()?;
        fs::remove_dir_all(self.home.join("root/network")).ok();
        let path = self.home.join("network");
        fs::write(&path, network.number().to_string()).with_context(|| format!("writing `{}`", path.display()))?;
        Ok(network)
    }

    /// Subnets that the engine gives to nobody by itself: the first three parts of each.
    pub fn node_networks(&self) -> Option<Vec<String>> {
        self.network().map(Network::for_nodes)
    }

    pub fn docker(&self) -> std::process::Command {
        docker::cli(&self.address())
    }

    /// A program that runs the docker CLI, which then finds this engine.
    pub fn with_docker(&self, program: &str) -> std::process::Command {
        docker::for_engine(program, &self.address())
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
    host::ensure_packages(&[
        package("dockerd", "docker.io"),
        package("iptables", "iptables"),
        package("ip", "iproute2"),
    ])?;
    // From trixie on, the client is a package of its own.
    host::ensure_packages(&[package("docker", "docker-cli")])?;
    fs::create_dir_all(&engine.home).with_context(|| format!("creating `{}`", engine.home.display()))?;
    let network = engine.ensure_network()?;
    daemon::stop(&engine, network)?;
    net::create(network, &engine.home, &forwarding(cache))?;
    daemon::start(cache, &engine, network)?;
    Ok(engine)
}

/// Stops every engine of ours and takes back what it needed of the machine.
pub fn down_all(cache: &Cache) -> Result<()> {
    for kind in Kind::ALL {
        let _lock = cache.lock(kind.directory())?;
        let engine = Engine::new(cache, kind);
        if let Some(network) = engine.network().filter(|network| !network.is_foreign(&engine.home)) {
            daemon::stop(&engine, network)?;
            net::remove(network)?;
        }
    }
    net::restore_forwarding(&forwarding(cache))
}

fn forwarding(cache: &Cache) -> PathBuf {
    cache.file("ip_forward")
}

pub fn is_up(cache: &Cache, kind: Kind) -> bool {
    daemon::is_up(&Engine::new(cache, kind))
}

pub fn address(cache: &Cache, kind: Kind) -> String {
    Engine::new(cache, kind).address()
}
