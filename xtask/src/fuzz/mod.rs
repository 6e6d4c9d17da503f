//! `cargo xtask fuzz`: libFuzzer on all that reads what strangers wrote.
//!
//! Code is Rust without `unsafe`, so no sanitizer is compiled in: panics, overflows and broken promises are
//! what is looked for, at the full speed of the machine.

mod program;
mod tool;

use crate::missing;
use crate::paths::{Cache, checkout};
use anyhow::{Context, Result, bail};
use clap::Args;
use program::{Program, Run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
pub use tool::is_there;

#[derive(Args)]
pub struct Options {
    /// Targets, as in `tests/fuzz/fuzz_targets`; all of them if none is named
    targets: Vec<String>,
    /// How long each of them runs
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..86_400))]
    seconds: u64,
    /// Add what was found to reach other code to `tests/fuzz/corpus`
    #[arg(long)]
    keep: bool,
}

/// Runs the targets one after the other; a crash of one does not stop the others.
pub fn run(cache: &Cache, options: &Options) -> Result<ExitCode> {
    let targets = chosen(&known()?, &options.targets)?;
    missing::list(cache, [missing::CARGO_FUZZ]);
    let directory = tool::build(cache, &targets)?;
    let mut crashed = Vec::new();
    for target in &targets {
        let program = Program::new(cache, &directory, target)?;
        let run = program.run(options.seconds)?;
        println!("{target}: {}", said(&run));
        if let Some(artifact) = &run.artifact {
            let kept = keep_crash(&program, artifact)?;
            println!("{}\n  again: cargo test --test fuzz\n  alone: {}", run.why, program.replay(&kept));
            crashed.push(target.clone());
        } else if options.keep {
            println!("{target}: {} inputs are new in `{}`", program.keep()?, program.corpus.display());
        }
    }
    match crashed.len() {
        0 => println!("{} targets, no crash", targets.len()),
        _ => println!("{} targets, crashes in {}", targets.len(), crashed.join(", ")),
    }
    Ok(if crashed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(run: &Run) -> String {
    let end = if run.artifact.is_some() { "a crash" } else { "no crash" };
    format!("{} executions in {} s, {} edges covered, {end}", run.executions, run.seconds, run.coverage)
}

fn home() -> PathBuf {
    checkout().join("tests/fuzz")
}

/// The targets that there are.
fn known() -> Result<Vec<String>> {
    let directory = home().join("fuzz_targets");
    let entries = fs::read_dir(&directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

fn chosen(known: &[String], wanted: &[String]) -> Result<Vec<String>> {
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        bail!("there is no target `{name}`\nhint: these are there: {}", known.join(", "));
    }
    Ok(if wanted.is_empty() { known.to_vec() } else { wanted.to_vec() })
}

/// Puts the smallest input that still crashes into the corpus; returns where it is.
fn keep_crash(program: &Program, artifact: &Path) -> Result<PathBuf> {
    let small = program.minimise(artifact)?;
    let bytes = fs::read(&small).with_context(|| format!("reading `{}`", small.display()))?;
    program.add("crash", &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_files_and_others_are_refused() {
        let known = known().unwrap();
        assert!(known.contains(&"layer".to_owned()), "{known:?}");
        assert_eq!(chosen(&known, &[]).unwrap(), known);
        assert_eq!(chosen(&known, &["layer".to_owned()]).unwrap(), ["layer"]);
        let error = chosen(&known, &["layers".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no target `layers`\nhint: these are there: archive, "), "{error}");
    }
}
