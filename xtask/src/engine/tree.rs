//! A root file system with a newer Docker, for engines that the distribution does not have.

use crate::host::{self, package};
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SUITE: &str = "trixie";
const PACKAGES: &str = "docker.io,containerd,runc,iptables,ca-certificates,mount,procps,kmod";

/// The tree, made if it is not there.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    let key = host::short_digest(format!("{SUITE} {PACKAGES}").as_bytes());
    let tree = cache.directory("trees")?.join(format!("docker-{key}"));
    if !tree.exists() {
        host::ensure_packages(&[package("mmdebstrap", "mmdebstrap")])?;
        make(cache, &tree)?;
    }
    Ok(tree)
}

fn make(cache: &Cache, tree: &Path) -> Result<()> {
    eprintln!("xtask: making a tree with Docker from Debian {SUITE} (about a minute, 500 MB)");
    let fresh = tree.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("removing `{}`", fresh.display()))?;
    }
    let mut command = Command::new("mmdebstrap");
    command
        .args([
            "--variant=essential",
            "--format=directory",
            "--dpkgopt=path-exclude=/usr/share/{doc,info,man,locale}/*",
        ])
        .arg(format!("--include={PACKAGES}"))
        .arg(SUITE)
        .arg(&fresh);
    run::logged(
        "making a tree with Docker",
        &mut command,
        Duration::from_secs(900),
        &cache.directory("logs")?.join("tree.log"),
    )?;
    fs::rename(&fresh, tree).with_context(|| format!("moving the tree to `{}`", tree.display()))
}

/// A script that makes the tree the root and runs its arguments there. The engine's directory
/// and the host's certificates and name servers are seen at their own paths. The tree is bound
/// on itself, since dockerd unpacks images below a root that must be a mount point.
pub fn enter(tree: &Path, home: &Path) -> String {
    let (tree, home) = (tree.display(), home.display());
    format!(
        "mount --bind '{tree}' '{tree}'
         cd '{tree}'
         mkdir -p '.{home}' .old etc/ssl/certs etc/docker
         for part in proc sys dev; do mount --rbind /$part $part; done
         mount -t tmpfs -o mode=0755 tmpfs run
         mount --bind '{home}' '.{home}'
         touch etc/resolv.conf etc/hosts etc/ssl/certs/ca-certificates.crt
         for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
           [ ! -e $file ] || mount --bind $file .$file
         done
         pivot_root . .old
         cd /
         umount -l /.old
         exec \"$@\""
    )
}
