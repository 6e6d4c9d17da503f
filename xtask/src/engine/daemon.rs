//! One dockerd: its settings, its start, its stop.

use super::{Engine, Kind, certificates, tree};
use crate::net::Network;
use crate::paths::Cache;
use crate::{cgroup, docker, host, net, run};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A Unix socket's path has at most 107 bytes, and containerd's is below ours.
const LONGEST_HOME: usize = 70;

/// An engine that an older xtask started, without an address that it should have, is none.
pub fn is_up(engine: &Engine) -> bool {
    engine.service().runs() && docker::answers(&engine.socket()) && listens_with_tls(engine)
}

fn listens_with_tls(engine: &Engine) -> bool {
    let Some(address) = engine.network().and_then(|network| engine.tls_address(network)) else { return true };
    let settings: Value = serde_json::from_slice(&fs::read(config(engine)).unwrap_or_default()).unwrap_or_default();
    settings["hosts"].as_array().is_some_and(|hosts| hosts.contains(&json!(tls_host(address))))
}

pub fn tls_host(address: IpAddr) -> String {
    format!("tcp://{address}:2376")
}

fn config(engine: &Engine) -> PathBuf {
    engine.home.join("daemon.json")
}

pub fn start(cache: &Cache, engine: &Engine, network: Network) -> Result<()> {
    if engine.home.as_os_str().len() > LONGEST_HOME {
        bail!(
            "starting the engine: `{}` is longer than a socket's path may be\nhint: set XDG_CACHE_HOME to a shorter one",
            engine.home.display()
        );
    }
    let config = config(engine);
    fs::write(&config, serde_json::to_vec_pretty(&settings(cache, engine, network)?)?)
        .with_context(|| format!("writing `{}`", config.display()))?;
    let arguments = ["dockerd".to_owned(), "--config-file".to_owned(), config.display().to_string()];
    engine.service().start(&script(cache, engine)?, &arguments, || docker::answers(&engine.socket()))
}

fn settings(cache: &Cache, engine: &Engine, network: Network) -> Result<Value> {
    let mut settings = json!({
        "hosts": [engine.address()],
        "data-root": engine.home.join("root"),
        "exec-root": engine.home.join("exec"),
        "pidfile": engine.home.join("docker.pid"),
        "bridge": network.bridge(),
        "mtu": net::mtu(),
        "default-address-pools": [{"base": network.pool(), "size": 26}],
        "iptables": false,
        "ip-forward": false,
        "ip-masq": false,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": format!("/{}", network.cgroup()),
        "features": {"buildkit": true},
    });
    match engine.kind {
        Kind::Distribution => settings["storage-driver"] = json!("overlay2"),
        Kind::Containerd => {
            settings["features"]["containerd-snapshotter"] = json!(true);
            settings["ip6tables"] = json!(false);
        }
    }
    if let Some(address) = engine.tls_address(network) {
        let directory = certificates::ensure(&engine.home, address)?;
        settings["hosts"] = json!([engine.address(), tls_host(address)]);
        settings["tlsverify"] = json!(true);
        settings["tlscacert"] = json!(directory.join(certificates::CA));
        settings["tlscert"] = json!(directory.join(certificates::SERVER.0));
        settings["tlskey"] = json!(directory.join(certificates::SERVER.1));
    }
    if host::lacks_sys_resource() {
        settings["runtimes"] = json!({"within": {"path": own_runtime(cache, engine)?}});
        settings["default-runtime"] = json!("within");
    }
    Ok(settings)
}

/// A copy in the engine's directory, which is all that an engine in a tree sees of the machine.
fn own_runtime(cache: &Cache, engine: &Engine) -> Result<PathBuf> {
    let (runtime, copy) = (host::runc_within(cache)?, engine.home.join("runc-within"));
    fs::copy(&runtime, &copy).with_context(|| format!("copying `{}`", runtime.display()))?;
    Ok(copy)
}

/// With an empty `/run/containerd`: dockerd would otherwise use the system's containerd if it runs.
fn script(cache: &Cache, engine: &Engine) -> Result<String> {
    Ok(match engine.kind {
        Kind::Distribution => {
            "mkdir -p /run/containerd && mount -t tmpfs -o mode=0711 tmpfs /run/containerd && exec \"$@\"".to_owned()
        }
        Kind::Containerd => tree::enter(&tree::ensure(cache)?, &engine.home),
    })
}

/// Containers first, then the daemon, then whatever is left of either.
pub fn stop(engine: &Engine, network: Network) -> Result<()> {
    if engine.service().runs() {
        stop_containers(engine);
    }
    engine.service().stop();
    cgroup::remove(&network.cgroup());
    for file in [engine.socket(), engine.home.join("docker.pid")] {
        fs::remove_file(file).ok();
    }
    fs::remove_dir_all(engine.home.join("exec")).ok();
    Ok(())
}

/// Best effort: what does not stop is killed afterwards.
fn stop_containers(engine: &Engine) {
    let list = run::output("listing containers", engine.docker().args(["ps", "--quiet"]), Duration::from_secs(20));
    let ids = list.unwrap_or_default();
    if !ids.trim().is_empty() {
        run::succeeds(
            engine.docker().args(["stop", "--time", "3"]).args(ids.split_whitespace()),
            Duration::from_secs(60),
        );
    }
}
