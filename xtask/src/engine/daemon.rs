//! One dockerd: its settings, its start, its stop.

use super::{Engine, Kind, sweep, tree};
use crate::paths::Cache;
use crate::{docker, host, net, run};
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(30);
/// A Unix socket's path has at most 107 bytes, and containerd's is below ours.
const LONGEST_HOME: usize = 70;

/// What is known of a started daemon: enough to tell it from a later process with its number.
#[derive(Serialize, Deserialize)]
struct Started {
    pid: u32,
    since: String,
    mounts: String,
}

impl Started {
    fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, since: run::stat_field(pid, 19)?, mounts: sweep::mount_namespace(pid)? })
    }

    fn runs(&self) -> bool {
        run::stat_field(self.pid, 19).is_some_and(|since| since == self.since)
    }
}

fn record(engine: &Engine) -> PathBuf {
    engine.home.join("started.json")
}

fn started(engine: &Engine) -> Option<Started> {
    serde_json::from_slice(&fs::read(record(engine)).ok()?).ok()
}

pub fn is_up(engine: &Engine) -> bool {
    started(engine).is_some_and(|daemon| daemon.runs()) && docker::answers(&engine.socket())
}

/// The mount namespace in which the last started daemon ran.
pub fn mounts(engine: &Engine) -> Option<String> {
    started(engine).map(|daemon| daemon.mounts)
}

pub fn start(cache: &Cache, engine: &Engine) -> Result<()> {
    if engine.home.as_os_str().len() > LONGEST_HOME {
        bail!(
            "starting the engine: `{}` is longer than a socket's path may be\nhint: set XDG_CACHE_HOME to a shorter one",
            engine.home.display()
        );
    }
    fs::create_dir_all(&engine.home).with_context(|| format!("creating `{}`", engine.home.display()))?;
    fs::write(config(engine), serde_json::to_vec_pretty(&settings(cache, engine)?)?)?;
    let log = engine.home.join("dockerd.log");
    let mut child = launch(cache, engine, &log)?;
    wait_for_answer(engine, &mut child, &log)?;
    let daemon = Started::of(child.id()).context("starting the engine: it ended at once")?;
    fs::write(record(engine), serde_json::to_vec(&daemon)?)?;
    Ok(())
}

fn config(engine: &Engine) -> PathBuf {
    engine.home.join("daemon.json")
}

fn settings(cache: &Cache, engine: &Engine) -> Result<Value> {
    let network = engine.kind.network();
    let mut settings = json!({
        "hosts": [engine.address()],
        "data-root": engine.home.join("root"),
        "exec-root": engine.home.join("exec"),
        "pidfile": engine.home.join("docker.pid"),
        "bridge": network.bridge,
        "mtu": net::mtu(),
        "default-address-pools": [{"base": network.pool, "size": 24}],
        "iptables": false,
        "ip-forward": false,
        "ip-masq": false,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": format!("/{}", engine.kind.cgroup()),
        "features": {"buildkit": true},
    });
    match engine.kind {
        Kind::Distribution => settings["storage-driver"] = json!("overlay2"),
        Kind::Containerd => {
            settings["features"]["containerd-snapshotter"] = json!(true);
            settings["ip6tables"] = json!(false);
        }
    }
    if host::lacks_sys_resource() {
        let runtime = host::runc_within(cache)?;
        let path = engine.home.join("runc-within");
        fs::copy(&runtime, &path).with_context(|| format!("copying `{}`", runtime.display()))?;
        settings["runtimes"] = json!({"within": {"path": path}});
        settings["default-runtime"] = json!("within");
    }
    Ok(settings)
}

/// In a mount namespace of its own, so that no mount outlives it; with an empty `/run/containerd`,
/// since dockerd would otherwise use the system's containerd if it runs.
fn launch(cache: &Cache, engine: &Engine, log: &Path) -> Result<Child> {
    let dockerd = ["dockerd", "--config-file"].map(str::to_owned).into_iter().chain([config(engine).display().to_string()]);
    let script = match engine.kind {
        Kind::Distribution => {
            "mkdir -p /run/containerd && mount -t tmpfs -o mode=0711 tmpfs /run/containerd && exec \"$@\"".to_owned()
        }
        Kind::Containerd => tree::enter(&tree::ensure(cache)?, &engine.home),
    };
    let file = File::create(log).with_context(|| format!("creating the log `{}`", log.display()))?;
    Command::new("setsid")
        .args(["unshare", "--mount", "--propagation", "slave", "sh", "-euc", &script, "sh"])
        .args(dockerd)
        .env("PATH", net::path())
        .env_remove("DOCKER_HOST")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .context("starting the engine: running `setsid`")
}

fn wait_for_answer(engine: &Engine, child: &mut Child, log: &Path) -> Result<()> {
    let mut ended = false;
    let answered = run::until(START, || {
        ended = matches!(child.try_wait(), Ok(Some(_)) | Err(_));
        ended || docker::answers(&engine.socket())
    });
    if answered && !ended {
        return Ok(());
    }
    run::kill_tree(child.id());
    let why = if ended { "dockerd ended" } else { "dockerd does not answer" };
    bail!("starting the engine: {why}, its log `{}` ends:\n{}", log.display(), run::last_lines(&run::read_lossy(log), 20))
}

/// Containers first, then the daemon, then whatever is left of either.
pub fn stop(engine: &Engine) -> Result<()> {
    if let Some(daemon) = started(engine).filter(Started::runs) {
        stop_containers(engine);
        run::kill(daemon.pid, Signal::TERM);
        run::until(STOP, || !daemon.runs());
    }
    sweep::processes(engine);
    sweep::cgroups(engine.kind.cgroup());
    for file in [record(engine), engine.socket(), engine.home.join("docker.pid")] {
        fs::remove_file(file).ok();
    }
    fs::remove_dir_all(engine.home.join("exec")).ok();
    Ok(())
}

/// Best effort: the sweep kills what does not stop.
fn stop_containers(engine: &Engine) {
    let list = run::output("listing containers", engine.docker().args(["ps", "--quiet"]), Duration::from_secs(20));
    let ids = list.unwrap_or_default();
    if !ids.trim().is_empty() {
        run::succeeds(engine.docker().args(["stop", "--time", "3"]).args(ids.split_whitespace()), Duration::from_secs(60));
    }
}
