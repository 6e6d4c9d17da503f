//! An ignore file, and what it leaves of a tree.

use loadline::context::{Filter, IgnoreFile, Kind, Patterns, walk};
use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// What the tree has; the directories above them, too.
const FILES: [&str; 12] = [
    "a",
    "ab",
    "b/a",
    "b/c/a.log",
    "b/c/.x",
    "c/é",
    "c/d/e/f",
    "node_modules/x/index.js",
    "src/main.rs",
    "x[1]",
    "Dockerfile",
    ".git/HEAD",
];
/// Patterns beyond this are left to the tests: each is a pass over the tree.
const MOST: usize = 40;

pub fn check(bytes: &[u8]) {
    let Ok(file) = IgnoreFile::parse(".dockerignore", bytes) else { return };
    let count = bytes.split(|byte| *byte == b'\n').count();
    assert!(file.lines().is_sorted_by_key(|line| line.number));
    assert!(file.lines().iter().all(|line| line.number >= 1 && line.number <= count && !line.pattern.is_empty()));
    let patterns: Vec<String> = file.lines().iter().map(|line| line.pattern.clone()).collect();
    let again = Patterns::new(&patterns).expect("patterns of an ignore file");
    assert_eq!(again.is_empty(), file.patterns().is_empty());
    let names = file.lines().iter().map(|line| line.pattern.as_str()).chain(FILES);
    for path in names.take(2 * MOST) {
        let matched = again.matches(path);
        assert_eq!(matched, again.matches(path), "{path:?} is matched, or not");
        if let Ok(matched) = matched
            && !path.contains('\n')
        {
            let by = file.decided_by(path);
            assert_eq!(by.is_some(), matched, "{path:?} is decided by line {by:?}");
            assert!(by.is_none_or(|line| file.lines().iter().any(|one| one.number == line)));
        }
    }
    // With exceptions a walk, which knows what its parents matched, may differ: upstream's does just so.
    if patterns.len() <= MOST && !patterns.iter().any(|pattern| pattern.starts_with('!')) {
        left(&patterns, &again);
    }
}

/// What a walk leaves out is what the patterns match.
fn left(exclude: &[String], patterns: &Patterns) {
    let Ok(filter) = Filter::new(tree().path(), &[], exclude, &[]) else { return };
    let mut seen = BTreeSet::new();
    let walked = walk(tree().path(), &filter, &mut |entry| {
        if entry.kind == Kind::File {
            seen.insert(entry.path);
        }
        ControlFlow::Continue(())
    });
    if walked.is_err() {
        return;
    }
    for path in FILES {
        if let Ok(matched) = patterns.matches(path) {
            assert_eq!(seen.contains(path), !matched, "{path} with {exclude:?}");
        }
    }
}

fn tree() -> &'static TempDir {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    TREE.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        for path in FILES.map(|path| directory.path().join(path)) {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
            fs::write(path, "x").expect("a file");
        }
        directory
    })
}
