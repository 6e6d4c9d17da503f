//! What this machine has: packages, privileges, Go.

use crate::paths::{Cache, xtask};
use crate::run;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A Debian package and a program by which it is known to be there.
pub struct Package {
    pub program: &'static str,
    pub name: &'static str,
}

pub const fn package(program: &'static str, name: &'static str) -> Package {
    Package { program, name }
}

/// Where Debian puts programs that a user's `PATH` may lack.
const SYSTEM_PATHS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// How long others may be at the package lists.
const LISTS_IN_USE: Duration = Duration::from_secs(120);

pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_PATHS.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn require_root(what: &str) -> Result<()> {
    if !is_root() {
        bail!("{what} needs root\nhint: run it with `sudo -E`, or start Docker and use that");
    }
    Ok(())
}

/// Installs what is missing with apt-get. Two things may be set up at once, and apt-get lets only one in.
pub fn ensure_packages(packages: &[Package]) -> Result<()> {
    let _lock = Cache::from_environment()?.lock("packages")?;
    let missing: Vec<&str> =
        packages.iter().filter(|package| find_program(package.program).is_none()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if find_program("apt-get").is_none() {
        bail!("these programs are missing and this is no Debian: {list}\nhint: install them with your package manager");
    }
    require_root(&format!("installing {list}"))?;
    eprintln!("xtask: installing {list}");
    install(&missing)
}

fn install(names: &[&str]) -> Result<()> {
    let guard = ServicesStay::new()?;
    update()?;
    let result = run::output(
        &format!("installing {}", names.join(" ")),
        apt().args(["install", "-y", "--no-install-recommends"]).args(names),
        Duration::from_secs(900),
    );
    guard.remove()?;
    result.map(drop)
}

/// `DPkg::Lock::Timeout` does not hold for the lists, which the machine's own upgrades may be at.
fn update() -> Result<()> {
    let mut last = Ok(());
    run::until(LISTS_IN_USE, || {
        let updated = run::output("updating the package lists", apt().arg("update"), Duration::from_secs(300));
        last = updated.map(drop);
        !last.as_ref().is_err_and(|error| format!("{error:#}").contains("Could not get lock"))
    });
    last
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"])
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Debian starts a service when it installs one; `policy-rc.d` forbids it while ours is there.
struct ServicesStay(Option<PathBuf>);

impl ServicesStay {
    fn new() -> Result<Self> {
        let path = PathBuf::from("/usr/sbin/policy-rc.d");
        if path.exists() {
            return Ok(Self(None));
        }
        fs::write(&path, "#!/bin/sh\nexit 101\n").with_context(|| format!("writing `{}`", path.display()))?;
        make_executable(&path)?;
        Ok(Self(Some(path)))
    }

    fn remove(self) -> Result<()> {
        match self.0 {
            Some(path) => fs::remove_file(&path).with_context(|| format!("removing `{}`", path.display())),
            None => Ok(()),
        }
    }
}

fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("making `{}` executable", path.display()))
}

/// Sandboxes take `CAP_SYS_RESOURCE` (bit 24) away, and runc fails there on what it may not grant.
pub fn lacks_sys_resource() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).map(str::trim);
    bounding.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask >> 24 & 1 == 0)
}

/// `runc-within`, compiled once for each version of its source.
pub fn runc_within(cache: &Cache) -> Result<PathBuf> {
    let source = xtask("node/runc-within.go");
    let text = fs::read(&source).with_context(|| format!("reading `{}`", source.display()))?;
    let program = cache.directory("tools")?.join(format!("runc-within-{}", short_digest(&text)));
    if !program.exists() {
        let fresh = program.with_extension("new");
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(&fresh)
            .arg(&source)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "");
        go.current_dir(cache.directory("tools")?);
        run::output("compiling runc-within", &mut go, Duration::from_secs(300))?;
        fs::rename(&fresh, &program)?;
    }
    Ok(program)
}

pub fn short_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))[..12].to_owned()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
