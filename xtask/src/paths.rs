//! Where xtask keeps things: all of it below the user's cache directory, none in the checkout.

use crate::engine::Kind;
use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// `$XDG_CACHE_HOME/loadline`, or `~/.cache/loadline`.
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    pub fn from_environment() -> Result<Self> {
        let home = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
            Some(directory) => PathBuf::from(directory),
            None => PathBuf::from(
                std::env::var_os("HOME")
                    .context("looking for the cache directory: neither XDG_CACHE_HOME nor HOME is set")?,
            )
            .join(".cache"),
        };
        Self::at(home.join("loadline"))
    }

    fn at(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("creating `{}`", root.display()))?;
        Ok(Self { root })
    }

    pub fn engine(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.directory())
    }

    /// A subdirectory, created.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).with_context(|| format!("creating `{}`", path.display()))?;
        Ok(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// `PATH` with the programs that we brought, and then those of the user.
    pub fn path_with_ours(&self) -> Result<OsString> {
        let users = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(self.file("bin")).chain(std::env::split_paths(&users)))
            .context("adding our programs to PATH")
    }

    /// Held until dropped: two runs of xtask must not set up the same thing.
    pub fn lock(&self, name: &str) -> Result<File> {
        let path = self.directory("locks")?.join(name);
        let file = File::create(&path).with_context(|| format!("creating the lock `{}`", path.display()))?;
        flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("waiting for the lock `{}`", path.display()))?;
        Ok(file)
    }
}

/// The checkout's top.
pub fn checkout() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}

/// This crate's own files: recipes, the node, tools in Go.
pub fn xtask(relative: &str) -> PathBuf {
    checkout().join("xtask").join(relative)
}
