//! A Dockerfile, and an image whose history says that it was built from it.

use super::shown::assert_steers_nothing;
use loadline::image::ImageFacts;
use loadline::image::config::{Config, History, RootFs};
use loadline::image::dockerfile::{Dockerfile, Instruction, Origin, expand, origins};
use loadline::types::{ByteSize, Digest, ImageId, wildcard};
use loadline::verify::format::{Report, Result, text};
use loadline::verify::{Policy, Source, check as verify};
use std::collections::BTreeMap;

/// A longer history is not looked at here: matching takes the product of both.
const MOST: usize = 60;

pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let file = Dockerfile::parse(&text);
    lines(&file, &text);
    stages(&file);
    matched(&file);
    variables(&file);
    held_to_it(&text);
}

fn instructions(file: &Dockerfile) -> impl Iterator<Item = &Instruction> {
    let staged = file.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    file.globals.iter().chain(staged)
}

/// Each instruction is where it says, and they are in order.
fn lines(file: &Dockerfile, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut last = 0;
    for one in instructions(file) {
        assert!(one.line > last, "{one:?} is not after line {last}");
        last = one.line;
        let line = lines.get(one.line as usize - 1).expect("a line of the file");
        assert!(!line.trim().is_empty(), "{one:?} begins at a line without a word");
        assert!(!one.summary().contains('\n'), "{one:?}");
    }
}

/// Chains end, and each stage of one begins from the one before it.
fn stages(file: &Dockerfile) {
    for target in file.stages.iter().map(|stage| stage.name.as_deref()).chain([None, Some("0"), Some("")]) {
        let chain = file.chain(target);
        assert!(chain.len() <= file.stages.len());
        for pair in chain.windows(2) {
            assert_eq!(pair[0].name.as_deref(), Some(pair[1].base.to_lowercase().as_str()));
        }
        let found = file.references(target, &BTreeMap::new());
        assert!(found.is_sorted_by_key(|reference| reference.line));
    }
}

/// The history that BuildKit writes of it leads back to its lines, in order.
fn matched(file: &Dockerfile) {
    let ours: Vec<&Instruction> = file.chain(None).iter().flat_map(|stage| &stage.instructions).take(MOST).collect();
    for shell in ["RUN /bin/sh -c ", "RUN |1 A=b /bin/sh -c ", "/bin/sh -c #(nop) ", "/bin/sh -c "] {
        let entry = |one: &&Instruction| match one.keyword.as_str() {
            "RUN" => format!("{shell}{} # buildkit", one.text),
            keyword => format!("{keyword} {} # buildkit", one.text),
        };
        let history: Vec<String> = ours.iter().map(entry).chain([shell.to_owned()]).collect();
        let found = traced(&history, Some(file));
        let lines: Vec<u32> = found.iter().filter(|one| !one.base).filter_map(|one| one.line).collect();
        assert!(lines.is_sorted(), "{lines:?}");
    }
    // What is written in a Dockerfile may as well be what a stranger's history says.
    let written: Vec<String> =
        instructions(file).take(MOST).map(|one| format!("{} {}", one.keyword, one.text)).collect();
    traced(&written, Some(file));
    traced(&written, None);
}

fn traced(history: &[String], file: Option<&Dockerfile>) -> Vec<Origin> {
    let config = config(history);
    let found = origins(&config, file, None);
    assert_eq!(found.len(), history.len());
    found
}

fn config(history: &[String]) -> Config {
    let entry = |created_by: &String| History { created_by: created_by.clone(), ..History::default() };
    let diff_ids = vec![Digest::of(b""); history.len()];
    Config { rootfs: RootFs { diff_ids }, history: history.iter().map(entry).collect(), ..Config::default() }
}

/// What variables stand for has a bound, however they are made of each other.
fn variables(file: &Dockerfile) {
    let mut values = BTreeMap::from([("A".to_owned(), "x".to_owned()), ("E".to_owned(), String::new())]);
    for one in instructions(file).take(MOST) {
        let Some(whole) = expand(&one.text, &values) else { continue };
        assert!(whole.len() <= 2 * one.text.len() + 8192, "{} bytes of {} bytes", whole.len(), one.text.len());
        assert!(whole.contains('$') || expand(&whole, &BTreeMap::new()).as_ref() == Some(&whole));
        let name = one.keyword.clone();
        values.insert(name, whole);
    }
    let words: Vec<&str> = instructions(file).flat_map(|one| one.text.split_whitespace()).take(MOST).collect();
    for pair in words.windows(2) {
        let (pattern, text) = (pair[0], pair[1]);
        let found = wildcard(pattern, text);
        // The definition takes the text's length to the power of the stars.
        if pattern.matches('*').count() < 5 && text.len() < 20 {
            assert_eq!(found, matches(pattern, text), "{pattern:?} {text:?}");
        }
    }
}

/// `wildcard`, as it is defined: each star is tried with all that it may stand for.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let (over, after) = match after.strip_prefix('*') {
        Some(after) => (rest.len(), after),
        None => (rest.find('/').unwrap_or(rest.len()), after),
    };
    (0..=over).any(|skipped| rest.is_char_boundary(skipped) && matches(after, &rest[skipped..]))
}

/// An image without files, held to its Dockerfile: places in it are lines that it has.
fn held_to_it(dockerfile: &str) {
    let config = config(&[]);
    let id = ImageId(Digest::of(dockerfile.as_bytes()));
    let facts = ImageFacts { id, config, config_bytes: Vec::new(), tags: Vec::new(), layers: Vec::new() };
    let source = Source { file: "Dockerfile".into(), text: dockerfile.into(), ..Source::default() };
    let policy = Policy { budget: Some(ByteSize(1)), dockerfile: Some(source), ..Policy::default() };
    let verdict = verify(&facts, &policy);
    let count = dockerfile.strip_prefix('\u{feff}').unwrap_or(dockerfile).lines().count();
    for place in verdict.findings.iter().filter_map(|finding| finding.place.as_ref()) {
        assert!(place.line.is_none_or(|line| line >= 1 && line as usize <= count), "{place:?}");
    }
    let report =
        Report { image: "image".into(), result: Result::Verdict(Box::new(verdict)), engine_size: None, build: None };
    assert_steers_nothing(&text(&[report]));
}
