//! Control groups of a daemon of ours, in every hierarchy (version 1) or in the one there is (version 2).

use crate::run;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Kills all members and removes the groups; one that is still in use stays.
pub fn remove(name: &str) {
    run::until(Duration::from_secs(10), || {
        let left = members(name);
        left.iter().for_each(|pid| run::kill(*pid, Signal::KILL));
        left.is_empty()
    });
    for top in tops(name) {
        for group in with_descendants(&top).into_iter().rev() {
            fs::remove_dir(group).ok();
        }
    }
}

fn members(name: &str) -> Vec<u32> {
    let groups = tops(name).into_iter().flat_map(|top| with_descendants(&top));
    let lists = groups.map(|group| fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default());
    lists.flat_map(|list| list.lines().filter_map(|line| line.parse().ok()).collect::<Vec<u32>>()).collect()
}

fn tops(name: &str) -> Vec<PathBuf> {
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
        let directories: Vec<PathBuf> = children
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        all.extend(directories);
        next += 1;
    }
    all
}
