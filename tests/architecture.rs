//! Holds the house to its plan: which room may use which, who may print, how long a file may be.
//!
//! `types ← event ← image ← engine ← node ← cluster ← evidence ← verbs ← report ← cli`, each free to use all
//! to its left; `project` and `context` need `types` only and serve `engine` and all to its right;
//! `chart` needs `types`, `event` and `project`, `blame` needs `types`, `event` and `image`; both serve verbs
//! and `cli`, and `blame` serves `report`. One verb never uses another.

use std::path::{Path, PathBuf};

const LINE: [&str; 7] = ["types", "event", "image", "engine", "node", "cluster", "evidence"];
const VERBS: [&str; 7] = ["build", "verify", "smoke", "load", "secrets", "deploy", "e2e"];
const LIMIT: usize = 400;

/// The rooms that `room` may use; `None` if the plan has no such room.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let beside = ["project", "context"];
    let with =
        |more: &[&'static str]| -> Vec<&'static str> { LINE.iter().chain(&beside).chain(more).copied().collect() };
    match room {
        "types" => Some(vec![]),
        "project" | "context" => Some(vec!["types"]),
        "chart" => Some(vec!["types", "event", "project"]),
        "event" | "image" => Some(left_of(room)),
        "engine" | "node" | "cluster" | "evidence" => Some(left_of(room).into_iter().chain(beside).collect()),
        "report" => Some(with(&VERBS).into_iter().chain(["blame"]).collect()),
        "blame" => Some(vec!["types", "event", "image"]),
        "cli" => Some(with(&VERBS).into_iter().chain(["blame", "chart", "report"]).collect()),
        "lib" | "main" => Some(vec!["cli"]),
        verb if VERBS.contains(&verb) => Some(with(&["blame", "chart"])),
        _ => None,
    }
}

fn left_of(room: &str) -> Vec<&'static str> {
    LINE.iter().take_while(|left| **left != room).copied().collect()
}

/// A file under `src/`, by its path there.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or("");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super::` lead from the file's module to the crate.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').filter(|part| *part != "mod.rs" && *part != "lib.rs");
        parts.count()
    }
}

/// The text without comments; what strings hold stays, and no string here holds a path of ours.
fn code(text: &str) -> String {
    let kept = text.lines().map(|line| line.split_once("//").map_or(line, |(before, _)| before));
    kept.collect::<Vec<_>>().join("\n")
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// The first names inside `{…}`, where `text` begins behind the brace.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(word(&text[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

/// The rooms that `file` names with `crate::`.
fn used(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let tails = code.match_indices("crate::").map(|(at, found)| code[at + found.len()..].trim_start());
    tails.flat_map(|tail| tail.strip_prefix('{').map_or_else(|| vec![word(tail)], group)).collect()
}

/// Whether a chain of `super::` in `file` leaves its room, where the check above cannot follow.
fn climbs_out(file: &File) -> bool {
    let code = code(&file.text);
    let (body, tests) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
    let longest = |text: &str| (1..9).take_while(|n| text.contains(&"super::".repeat(*n))).last().unwrap_or(0);
    let body = longest(body);
    (body > 0 && body >= file.depth()) || longest(tests) > file.depth()
}

fn wrong_arrows(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let Some(allowed) = allowed(file.room()) else {
            wrong.push(format!("{}: the plan has no room `{}`", file.path, file.room()));
            continue;
        };
        let foreign = used(file).into_iter().filter(|name| name != file.room() && !allowed.contains(&name.as_str()));
        wrong.extend(foreign.map(|name| format!("{}: {} may not use {name}", file.path, file.room())));
        if climbs_out(file) {
            wrong.push(format!("{}: `super::` leaves the room; write `crate::`", file.path));
        }
    }
    wrong
}

fn printing(files: &[File]) -> Vec<String> {
    const WORDS: [&str; 8] =
        ["println!", "print!", "eprintln!", "eprint!", "io::stdout", "io::stderr", "process::exit", "dbg!"];
    let outside = files.iter().filter(|file| file.room() != "cli");
    let found = outside.flat_map(|file| {
        let code = code(&file.text);
        WORDS.iter().filter(move |word| code.contains(**word)).map(|word| format!("{}: {word}", file.path))
    });
    found.collect()
}

fn read(directory: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                files.push(File::new(name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!files.is_empty(), "no source files in {}", root.display());
    files
}

#[test]
fn every_arrow_is_in_the_plan() {
    assert_eq!(wrong_arrows(&read("src")), Vec::<String>::new());
}

#[test]
fn a_wrong_arrow_is_found() {
    let planted = |path: &str, text: &str| wrong_arrows(&[File::new(path, text)]);
    assert_eq!(planted("project/x.rs", "use crate::event::Event;"), ["project/x.rs: project may not use event"]);
    assert_eq!(planted("build/mod.rs", "use crate::{types::X, verify};"), ["build/mod.rs: build may not use verify"]);
    assert_eq!(planted("engine/a/b.rs", "fn f() { crate :: x; crate::node::f() }").len(), 1);
    assert_eq!(planted("types/a.rs", "use crate::{\n    types::{A, cli},\n    image::B,\n};").len(), 1);
    assert_eq!(planted("node/a.rs", "use super::super::cli;").len(), 1);
    assert_eq!(planted("node/mod.rs", "use super::cli;").len(), 1);
    assert_eq!(planted("utils/mod.rs", "").len(), 1);
}

#[test]
fn a_right_arrow_is_not() {
    let planted = |path: &str, text: &str| wrong_arrows(&[File::new(path, text)]);
    let none = Vec::<String>::new();
    assert_eq!(planted("project/x.rs", "use crate::types::X; // not crate::cli"), none);
    assert_eq!(planted("cli/verbs/build.rs", "use crate::{build, cli::x, project};"), none);
    assert_eq!(planted("event.rs", "use crate::types::X;\n#[cfg(test)]\nmod tests { use super::*; }"), none);
    assert_eq!(planted("node/a.rs", "use super::b;\n#[cfg(test)]\nmod tests { use super::*; }"), none);
    assert_eq!(planted("verify/a.rs", "use crate::chart::X;"), none);
}

#[test]
fn only_the_command_line_prints() {
    assert_eq!(printing(&read("src")), Vec::<String>::new());
    assert_eq!(printing(&[File::new("image/a.rs", "fn f() { println!(\"x\") }")]).len(), 1);
}

#[test]
fn no_file_is_too_long() {
    let all = ["src", "tests"].into_iter().flat_map(read);
    let long: Vec<_> = all.filter(|file| file.text.lines().count() > LIMIT).map(|file| file.path).collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn main_is_short() {
    let main = read("src").into_iter().find(|file| file.path == "main.rs").unwrap();
    assert!(main.text.lines().count() < 15);
}

/// What the command is for, each row by the test that proves it with real parts. Renaming or losing
/// one must not go unnoticed.
const PROOFS: [&str; 16] = [
    "mission_frontend_image",
    "mission_backend_image",
    "mission_cached_layers",
    "mission_context",
    "mission_charts",
    "mission_manifests",
    "mission_configurability",
    "t017_frontend_image_builds",
    "t018_backend_image_builds",
    "t019_both_images_build_and_then_come_from_the_cache",
    "t020_frontend_size_below_budget",
    "t021_backend_size_below_budget",
    "t022_both_health_endpoints_answer",
    "t042_the_cluster_is_there",
    "t043_a_cluster_that_is_not_there_names_the_command_that_starts_it",
    "t044_images_in_every_node",
];

#[test]
fn every_purpose_has_its_test() {
    let tests = read("tests");
    let count = |name: &str| {
        let function = format!("fn {name}()");
        tests.iter().map(|file| file.text.matches(&function).count()).sum::<usize>()
    };
    let wrong: Vec<_> = PROOFS.into_iter().filter(|name| count(name) != 1).collect();
    assert_eq!(wrong, Vec::<&str>::new());
}
