//! The compiler and `cargo-fuzz`, and the programs that they make.

use super::home;
use crate::paths::Cache;
use crate::run;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const VERSION: &str = "0.13.1";
/// libFuzzer needs a compiler that takes unstable options.
const TOOLCHAIN: &str = "nightly";
const ANSWER: Duration = Duration::from_secs(30);
const INSTALL: Duration = Duration::from_secs(900);
const COMPILE: Duration = Duration::from_secs(3600);

fn root(cache: &Cache) -> PathBuf {
    cache.file("tools").join(format!("cargo-fuzz-{VERSION}"))
}

fn program(cache: &Cache) -> PathBuf {
    root(cache).join("bin/cargo-fuzz")
}

pub fn is_there(cache: &Cache) -> bool {
    program(cache).exists()
}

/// Compiles `targets`; returns the directory in which their programs are.
pub fn build(cache: &Cache, targets: &[String]) -> Result<PathBuf> {
    let _lock = cache.lock("fuzz")?;
    ensure_toolchain()?;
    ensure(cache)?;
    let directory = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => cache.directory("fuzz/target")?,
    };
    eprintln!("xtask: compiling the targets for a fuzzer (10 minutes the first time)");
    // Each by itself: `cargo fuzz build` takes one target, or all.
    let one = (targets.len() == 1).then(|| targets[0].as_str());
    let mut build = Command::new(program(cache));
    build.args(["fuzz", "build", "--sanitizer", "none", "--target", &host()?, "--fuzz-dir"]).arg(home()).args(one);
    clean(&mut build).env("CARGO_TARGET_DIR", &directory);
    run::output("compiling the targets", &mut build, COMPILE)?;
    Ok(directory.join(host()?).join("release"))
}

fn ensure(cache: &Cache) -> Result<()> {
    if is_there(cache) {
        return Ok(());
    }
    let mut install = Command::new("cargo");
    install.args(["install", "--locked", "cargo-fuzz", "--version", VERSION, "--root"]).arg(root(cache));
    install.env_remove("CARGO");
    run::output("installing cargo-fuzz", &mut install, INSTALL).map(drop)
}

fn ensure_toolchain() -> Result<()> {
    if run::succeeds(Command::new("rustup").args(["run", TOOLCHAIN, "rustc", "--version"]), ANSWER) {
        return Ok(());
    }
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", TOOLCHAIN, "--profile", "minimal"]);
    run::output("installing the nightly compiler", &mut install, INSTALL)
        .context("fuzzing needs a nightly compiler\nhint: install rustup from https://rustup.rs")
        .map(drop)
}

/// The platform that is compiled for: this one.
fn host() -> Result<String> {
    let text = run::output("asking rustc for its host", Command::new("rustc").arg("-vV"), ANSWER)?;
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("asking rustc for its host: it is not in `{}`", text.trim()),
    }
}

/// What the outer cargo set is about another compiler.
fn clean(command: &mut Command) -> &mut Command {
    for name in ["CARGO", "RUSTC", "RUSTFLAGS", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
        command.env_remove(name);
    }
    command.env("RUSTUP_TOOLCHAIN", TOOLCHAIN).env("CARGO_INCREMENTAL", "0")
}
