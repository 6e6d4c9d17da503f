//! `down` leaves the machine as it was: rules, links, mounts, namespaces, control groups.
//!
//! Needs root and the programs of an engine; has a cache directory, and so an engine, of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Unix sockets need a short path, so this is not below the target directory.
struct Cache(PathBuf);

impl Cache {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("loadline-machine-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn xtask(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        text(command.args(words).env("XDG_CACHE_HOME", &self.0).output().unwrap())
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        Command::new(env!("CARGO_BIN_EXE_xtask")).arg("down").env("XDG_CACHE_HOME", &self.0).output().ok();
        fs::remove_dir_all(&self.0).ok();
    }
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn lines(program: &str, words: &[&str]) -> Vec<String> {
    let output = Command::new(program).args(words).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").output().unwrap();
    text(output).lines().map(str::to_owned).collect()
}

/// Each thing as one line, so that a difference names it.
fn machine() -> BTreeSet<String> {
    let rules = lines("iptables-save", &[]).into_iter().filter(|line| line.starts_with("-A") || dropped(line));
    let links =
        lines("ip", &["-o", "link"]).into_iter().filter_map(|line| Some(format!("link {}", line.split(": ").nth(1)?)));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().map(|line| format!("mount {line}"));
    let forward = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    rules.chain(links).chain(mounts).chain(namespaces()).chain(groups()).chain([format!("forward {forward}")]).collect()
}

/// A chain of somebody's own, or one that does not let through; counters differ always.
fn dropped(line: &str) -> bool {
    line.starts_with(':') && !line.contains(" ACCEPT ")
}

fn namespaces() -> BTreeSet<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("ns"));
    let links = processes.flat_map(|directory| ["net", "mnt", "pid", "uts", "ipc"].map(|kind| directory.join(kind)));
    links.filter_map(|link| fs::read_link(link).ok()).map(|target| format!("namespace {}", target.display())).collect()
}

fn groups() -> Vec<String> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    let tops =
        hierarchies.filter(|path| path.is_dir()).flat_map(|path| fs::read_dir(path).into_iter().flatten().flatten());
    tops.map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| format!("group {}", path.display()))
        .collect()
}

/// An image from nothing: a statically linked program is enough to have a container.
fn run_container(host: &str, scratch: &Path) {
    let docker = |words: &[&str]| text(Command::new("docker").args(words).env("DOCKER_HOST", host).output().unwrap());
    let source = scratch.join("wait.go");
    fs::write(&source, "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n").unwrap();
    let program = scratch.join("wait");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(&source).env("CGO_ENABLED", "0").env("GOFLAGS", "").current_dir(scratch);
    text(go.output().unwrap());
    let archive = scratch.join("wait.tar");
    lines("tar", &["cf", archive.to_str().unwrap(), "-C", scratch.to_str().unwrap(), "wait"]);
    docker(&["import", archive.to_str().unwrap(), "wait:1"]);
    docker(&["network", "create", "beside"]);
    docker(&["run", "--detach", "--network", "beside", "--publish", "127.0.0.1::80", "wait:1", "/wait"]);
}

#[test]
fn down_leaves_the_machine_as_it_was() {
    let cache = Cache::new();
    let before = machine();
    let host = cache.xtask(&["engine"]);
    run_container(host.trim(), &cache.0);
    let during = machine();
    assert!(during.iter().any(|line| line.contains("10.231.")), "the engine's rules are seen");
    assert!(during.difference(&before).any(|line| line.starts_with("link br-")), "the network's bridge is seen");

    cache.xtask(&["down"]);
    // Only what came with our engine: others on this machine may start containers meanwhile.
    let ours: BTreeSet<String> = during.difference(&before).cloned().collect();
    // A namespace goes a moment after its last process.
    let end = Instant::now() + Duration::from_secs(20);
    let mut left = still_there(&ours);
    while !left.is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(200));
        left = still_there(&ours);
    }
    assert!(left.is_empty(), "left behind: {left:#?}");
    let after = machine();
    let lost: Vec<_> = before.difference(&after).filter(|line| !comes_and_goes(line)).collect();
    assert!(lost.is_empty(), "taken away: {lost:#?}");
}

fn still_there(ours: &BTreeSet<String>) -> Vec<String> {
    machine().intersection(ours).cloned().collect()
}

/// What ends with a container of somebody else.
fn comes_and_goes(line: &str) -> bool {
    ["namespace", "group", "link veth", "link br-"].iter().any(|start| line.starts_with(start))
}
