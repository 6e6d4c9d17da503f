//! Every input that is kept for fuzzing, without a fuzzer: seeds, what was found to reach other code, and
//! what once crashed. `cargo xtask fuzz` looks for more.

#[expect(dead_code, reason = "the builders serve other tests, too")]
#[path = "../verify/images.rs"]
mod images;
mod seeds;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use targets::TARGETS;

/// All inputs together, in bytes: they are read with each run of the tests.
const LARGEST_CORPUS: usize = 300_000;

fn place(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(below)
}

fn names(below: &str) -> Vec<String> {
    let entries = fs::read_dir(place(below)).unwrap_or_else(|error| panic!("{below}: {error}"));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs a target on each of its inputs.
fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = format!("corpus/{target}");
    let inputs = names(&corpus);
    assert!(!inputs.is_empty(), "{corpus} is empty");
    for input in inputs {
        let bytes = fs::read(place(&corpus).join(&input)).unwrap();
        let held = catch_unwind(AssertUnwindSafe(|| check(&bytes)));
        assert!(held.is_ok(), "tests/fuzz/{corpus}/{input}");
    }
}

#[test]
fn archives() {
    replay("archive");
}

#[test]
fn rendered_charts() {
    replay("chart");
}

#[test]
fn dockerfiles() {
    replay("dockerfile");
}

#[test]
fn ignore_files() {
    replay("ignore");
}

#[test]
fn layers() {
    replay("layer");
}

#[test]
fn names_and_numbers() {
    replay("reference");
}

#[test]
fn settings() {
    replay("settings");
}

#[test]
fn transfers() {
    replay("transfer");
}

#[test]
fn every_target_has_inputs_a_program_and_a_test() {
    let targets: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz_targets"), targets.iter().map(|name| format!("{name}.rs")).collect::<Vec<_>>());
    let (manifest, here) = (fs::read_to_string(place("Cargo.toml")).unwrap(), include_str!("main.rs"));
    for target in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target} is not in Cargo.toml");
        assert!(here.contains(&format!("replay(\"{target}\")")), "{target} is not replayed");
    }
}

#[test]
fn the_corpus_is_small() {
    let files = TARGETS.iter().flat_map(|(target, _)| {
        let corpus = format!("corpus/{target}");
        names(&corpus).into_iter().map(move |name| place(&corpus).join(name))
    });
    let size: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
    assert!(size as usize <= LARGEST_CORPUS, "the corpus has {size} bytes");
}
