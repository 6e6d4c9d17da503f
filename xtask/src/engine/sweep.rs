//! What may be left of a daemon that did not end well: shims, containers, control groups.

use super::{Engine, daemon};
use crate::run;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Kills what runs in the daemon's mount namespace (shims, containerd) and its control groups (containers).
pub fn processes(engine: &Engine) {
    run::until(Duration::from_secs(10), || {
        let left = remaining(engine);
        left.iter().for_each(|pid| run::kill(*pid, Signal::KILL));
        left.is_empty()
    });
}

fn remaining(engine: &Engine) -> Vec<u32> {
    let mut left: Vec<u32> = daemon::mounts(engine).map(|mounts| in_namespace(&mounts)).unwrap_or_default();
    for group in groups(engine.kind.cgroup()).iter().flat_map(|top| with_descendants(top)) {
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        left.extend(members.lines().filter_map(|line| line.parse::<u32>().ok()));
    }
    left.sort_unstable();
    left.dedup();
    left
}

/// Our own namespace is never swept: the number may have been given anew.
fn in_namespace(mounts: &str) -> Vec<u32> {
    if mount_namespace(std::process::id()).as_deref() == Some(mounts) {
        return Vec::new();
    }
    run::processes().into_iter().filter(|pid| mount_namespace(*pid).as_deref() == Some(mounts)).collect()
}

pub fn mount_namespace(pid: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// Removes the empty groups; a group that is still in use stays.
pub fn cgroups(name: &str) {
    for top in groups(name) {
        for group in with_descendants(&top).into_iter().rev() {
            fs::remove_dir(group).ok();
        }
    }
}

/// The group of that name in every hierarchy (version 1) or in the one there is (version 2).
fn groups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path().join(name));
    hierarchies.chain([root.join(name)]).filter(|path| path.is_dir()).collect()
}

/// A directory, then all below it.
fn with_descendants(top: &Path) -> Vec<PathBuf> {
    let mut all = vec![top.to_path_buf()];
    let mut next = 0;
    while next < all.len() {
        let children = fs::read_dir(&all[next]).into_iter().flatten().flatten();
        let directories: Vec<PathBuf> =
            children.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect();
        all.extend(directories);
        next += 1;
    }
    all
}
