//! A daemon of ours: started in a mount namespace of its own, found again later, and stopped.

use crate::{net, run};
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(30);

/// Known by its directory, where its record and its log lie.
pub struct Service {
    pub name: &'static str,
    pub home: PathBuf,
}

/// Enough to tell a daemon from a later process with its number.
#[derive(Serialize, Deserialize)]
struct Started {
    pid: u32,
    since: String,
    mounts: String,
}

impl Started {
    fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, since: since(pid)?, mounts: mount_namespace(pid)? })
    }

    fn runs(&self) -> bool {
        since(self.pid).is_some_and(|since| since == self.since)
    }
}

/// When the process started, in clock ticks since boot; a zombie runs no more.
fn since(pid: u32) -> Option<String> {
    (run::stat_field(pid, 0)? != "Z").then(|| run::stat_field(pid, 19))?
}

pub fn mount_namespace(pid: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

impl Service {
    fn record(&self) -> PathBuf {
        self.home.join("started.json")
    }

    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    fn started(&self) -> Option<Started> {
        serde_json::from_slice(&fs::read(self.record()).ok()?).ok()
    }

    pub fn runs(&self) -> bool {
        self.started().is_some_and(|daemon| daemon.runs())
    }

    /// Starts `script` with `arguments` and waits until `ready`. The mount namespace receives
    /// mounts of the machine and gives none back, so none outlives the daemon.
    pub fn start(&self, script: &str, arguments: &[String], ready: impl FnMut() -> bool) -> Result<()> {
        fs::create_dir_all(&self.home).with_context(|| format!("creating `{}`", self.home.display()))?;
        let mut child = self.launch(script, arguments)?;
        self.wait_until(&mut child, ready)?;
        let daemon = Started::of(child.id()).with_context(|| format!("starting {}: it ended at once", self.name))?;
        fs::write(self.record(), serde_json::to_vec(&daemon)?)
            .with_context(|| format!("writing `{}`", self.record().display()))
    }

    fn launch(&self, script: &str, arguments: &[String]) -> Result<Child> {
        let log = self.log();
        let file = File::create(&log).with_context(|| format!("creating the log `{}`", log.display()))?;
        Command::new("setsid")
            .args(["unshare", "--mount", "--propagation", "slave", "sh", "-euc", script, "sh"])
            .args(arguments)
            .env("PATH", net::path())
            .env_remove("DOCKER_HOST")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}: running `setsid`", self.name))
    }

    fn wait_until(&self, child: &mut Child, mut ready: impl FnMut() -> bool) -> Result<()> {
        let mut ended = false;
        let answered = run::until(START, || {
            ended = matches!(child.try_wait(), Ok(Some(_)) | Err(_));
            ended || ready()
        });
        if answered && !ended {
            return Ok(());
        }
        run::kill_tree(child.id());
        let why = if ended { "it ended" } else { "it does not answer" };
        let log = self.log();
        bail!(
            "starting {}: {why}, its log `{}` ends:\n{}",
            self.name,
            log.display(),
            run::last_lines(&run::read_lossy(&log), 20)
        )
    }

    /// Asks it to end, and kills what is left in its mount namespace.
    pub fn stop(&self) {
        if let Some(daemon) = self.started().filter(Started::runs) {
            run::kill(daemon.pid, Signal::TERM);
            run::until(STOP, || !daemon.runs());
        }
        run::until(Duration::from_secs(10), || {
            let left = self.processes();
            left.iter().for_each(|pid| run::kill(*pid, Signal::KILL));
            left.is_empty()
        });
        fs::remove_file(self.record()).ok();
    }

    /// All that runs in the daemon's mount namespace: itself, and helpers that outlived it. Our
    /// own namespace is never taken for it: the number may have been given anew.
    fn processes(&self) -> Vec<u32> {
        let Some(mounts) = self.started().map(|daemon| daemon.mounts) else { return Vec::new() };
        if mount_namespace(std::process::id()).is_none_or(|own| own == mounts) {
            return Vec::new();
        }
        run::processes().into_iter().filter(|pid| mount_namespace(*pid).as_deref() == Some(mounts.as_str())).collect()
    }
}
