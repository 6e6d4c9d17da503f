//! The room `context` against the libraries that define it: moby's patternmatcher and ignorefile,
//! and fsutil's walk, asked through the Go program in `tests/oracle/patternmatcher`.
//!
//! Cases are drawn from seeds, so that a failure comes again.

#[path = "context/oracle.rs"]
mod oracle;
#[path = "context/tree.rs"]
mod tree;

use loadline::context::{Entry, Filter, IgnoreFile, Kind, Patterns, walk, xattrs};
use oracle::{Answer, EntryAnswer, Question, ask};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;
use std::path::Path;

/// What names and patterns are made of.
const NAMES: [&str; 14] = ["a", "b", "ab", "a.b", "c.log", "é", "x y", "-", "^", "]", "A1", "\u{fffd}", "..a", "$(x)"];
const WILD: [&str; 26] = [
    "*",
    "**",
    "?",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[!a]",
    "\\*",
    "\\a",
    "\\",
    "[",
    "]",
    "[a",
    "[*]",
    "[a?]",
    "\\d",
    "\\w",
    "[[:alpha:]]",
    "[\\w.]",
    "\\Q",
    "\\x61",
    "***",
    "[b-a]",
    "\\pL",
    "\\b",
    "\\.",
];

fn words(rng: &mut StdRng, pool: &[&str], most: usize) -> String {
    (0..rng.random_range(1..=most)).filter_map(|_| pool.choose(rng)).copied().collect()
}

fn path(rng: &mut StdRng) -> String {
    let parts: Vec<String> = (0..rng.random_range(1..=4)).map(|_| words(rng, &NAMES, 2)).collect();
    parts.join("/")
}

fn pattern(rng: &mut StdRng) -> String {
    let mut text = String::new();
    for _ in 0..rng.random_range(1..=4) {
        for _ in 0..rng.random_range(1..=2) {
            let pool = if rng.random_bool(0.55) { &NAMES[..] } else { &WILD[..] };
            text += pool.choose(rng).copied().unwrap_or_default();
        }
        text += ["/", "/", "/", "", "//", "/./", "/../"].choose(rng).copied().unwrap_or_default();
    }
    let front = ["", "", "", "", "", "!", "!", "/", " ", "!/", "\u{feff}", "! ", "./"].choose(rng).copied();
    let back = ["", "", "", "", "/**", "/*", "/", " "].choose(rng).copied();
    [front.unwrap_or_default(), &text, back.unwrap_or_default()].concat()
}

fn our_matches(patterns: &[String], paths: &[String]) -> Answer {
    let Ok(read) = Patterns::new(patterns) else { return Answer::refused() };
    let verdict = |path: &String| match read.matches(path) {
        Ok(true) => "yes",
        Ok(false) => "no",
        Err(_) => "error",
    };
    Answer { matches: Some(paths.iter().map(|path| verdict(path).to_owned()).collect()), ..Answer::default() }
}

#[test]
fn patterns_match_as_in_moby() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut questions: Vec<Question> = hand_written_patterns();
    for _ in 0..6_000 {
        let patterns: Vec<String> = (0..rng.random_range(1..=4)).map(|_| pattern(&mut rng)).collect();
        let mut paths: Vec<String> = (0..12).map(|_| path(&mut rng)).collect();
        paths.extend(patterns.iter().map(|pattern| pattern.replace(['*', '?', '\\', '!'], "").trim().to_owned()));
        paths.retain(|path| clean(path));
        questions.push(Question { ask: "match", patterns, paths, ..Question::default() });
    }
    for (question, answer) in questions.iter().zip(ask(&questions)) {
        let ours = our_matches(&question.patterns, &question.paths);
        assert_eq!(ours, answer.without_text(), "{:?} {:?}", question.patterns, question.paths);
    }
}

/// Whether a path is one that a walk could give.
fn clean(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn hand_written_patterns() -> Vec<Question> {
    let sets: [&[&str]; 30] = [
        &["**"],
        &["**/"],
        &["**/**"],
        &["a/**/b"],
        &["**/*.log", "!a/*.log"],
        &["a", "!a/b", "a/b/c"],
        &["!a"],
        &["*", "!a", "!*/b"],
        &["a*[", "!b"],
        &["[a-]"],
        &["[]a]"],
        &["a\\"],
        &["\\Qa*\\E"],
        &["[[:x]x:]"],
        &["[[:alpha:]-z]"],
        &["a**b"],
        &["**a"],
        &["a**"],
        &["***"],
        &["/"],
        &["!/"],
        &["!"],
        &["! "],
        &["."],
        &["!./a"],
        &["\u{feff}a"],
        &["\u{feff}**"],
        &["[^\\S]"],
        &["\\1", "\\01", "\\377"],
        &["a?b", "[é-ü]", "\\pl\\PN"],
    ];
    let paths =
        ["a", "b", "a/b", "a/b/c", "x.log", "a/x.log", "a/b/x.log", "ab", "axb", "é", "a[", "ba", "\u{feff}a", "Q"];
    let owned = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let question =
        |set: &[&str]| Question { ask: "match", patterns: owned(set), paths: owned(&paths), ..Question::default() };
    sets.into_iter().map(question).collect()
}

fn our_lines(content: &[u8]) -> Option<Vec<String>> {
    let file = IgnoreFile::parse(".dockerignore", content).ok()?;
    Some(file.lines().iter().map(|line| line.pattern.clone()).collect())
}

#[test]
fn ignore_files_are_read_as_in_moby() {
    let mut rng = StdRng::seed_from_u64(2);
    let pieces: [&[u8]; 20] = [
        b"a",
        b"b/",
        b"/",
        b"!",
        b"#",
        b" ",
        b"\t",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"..",
        b".",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xe2\x82",
        b"\xc2\xa0",
        b"\xc2\x85",
        b"*",
        b"\x00",
    ];
    let mut contents: Vec<Vec<u8>> = (0..5_000)
        .map(|_| {
            (0..rng.random_range(0..12)).filter_map(|_| pieces.choose(&mut rng)).copied().collect::<Vec<_>>().concat()
        })
        .collect();
    contents.extend([65_534, 65_535, 65_536].map(|length| vec![b'x'; length]));
    contents.extend([65_534, 65_535, 65_536].map(|length| [vec![b'x'; length], b"\r\na".to_vec()].concat()));
    contents.extend([65_532, 65_533].map(|length| [b"\xef\xbb\xbf".to_vec(), vec![b'x'; length]].concat()));
    let question =
        |content: &Vec<u8>| Question { ask: "ignore", content: oracle::base64(content), ..Question::default() };
    let questions: Vec<Question> = contents.iter().map(question).collect();
    for (content, answer) in contents.iter().zip(ask(&questions)) {
        let theirs = answer.error.is_empty().then(|| answer.lines.unwrap_or_default());
        // What they read and then refuse as patterns is for the other test.
        let refused = theirs.as_ref().is_some_and(|lines| Patterns::new(lines).is_err());
        let ours = our_lines(content);
        assert_eq!(
            ours,
            theirs.filter(|_| !refused),
            "{:?}",
            String::from_utf8_lossy(&content[..content.len().min(99)])
        );
    }
}

fn go_mode(entry: &Entry) -> u32 {
    let kind = match entry.mode & 0o170_000 {
        0o040_000 => 1 << 31,
        0o120_000 => 1 << 27,
        0o060_000 => 1 << 26,
        0o020_000 => 1 << 26 | 1 << 21,
        0o010_000 => 1 << 25,
        // Files, and sockets, which fsutil makes files of.
        _ => 0,
    };
    let special = [(0o4000, 23), (0o2000, 22), (0o1000, 20)].iter().filter(|(bit, _)| entry.mode & bit != 0);
    special.fold(kind | entry.mode & 0o777, |mode, (_, shift)| mode | 1 << shift)
}

fn our_entry(root: &Path, entry: Entry) -> EntryAnswer {
    let attributes = xattrs(&root.join(&entry.path)).unwrap();
    let attributes = attributes.iter().map(|(name, value)| (name.clone(), oracle::base64(value))).collect();
    let mode = go_mode(&entry);
    let (link, (major, minor)) = match entry.kind {
        Kind::Symlink { target } => (target, (0, 0)),
        Kind::Hardlink { of } => (of, (0, 0)),
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => (String::new(), (major, minor)),
        _ => (String::new(), (0, 0)),
    };
    EntryAnswer {
        path: entry.path,
        mode,
        size: entry.size,
        mtime: entry.mtime_ns,
        link,
        major,
        minor,
        uid: entry.uid,
        gid: entry.gid,
        xattrs: Some(attributes).filter(|all: &std::collections::BTreeMap<_, _>| !all.is_empty()),
    }
}

fn our_walk(question: &Question) -> Answer {
    let root = Path::new(&question.root);
    let mut entries = Vec::new();
    let filter =
        Filter::new(root, &question.include, &question.exclude, question.follow.as_deref().unwrap_or_default());
    let walked = filter.and_then(|filter| {
        walk(root, &filter, &mut |entry| {
            entries.push(our_entry(root, entry));
            ControlFlow::Continue(())
        })
    });
    match walked {
        Ok(()) => Answer { entries: Some(entries).filter(|all| !all.is_empty()), ..Answer::default() },
        Err(_) => Answer::refused(),
    }
}

/// Often none: what is included by chance is seldom there.
fn few(rng: &mut StdRng) -> usize {
    [0, 0, 0, 1, 2, 3].choose(rng).copied().unwrap_or_default()
}

#[test]
fn trees_are_walked_as_by_fsutil() {
    let mut rng = StdRng::seed_from_u64(3);
    let trees: Vec<tempfile::TempDir> = (0..30).map(|_| tree::grow(&mut rng)).collect();
    let mut questions = Vec::new();
    for root in trees.iter().map(|dir| dir.path().to_str().unwrap().to_owned()) {
        let all = Question { ask: "walk", root: root.clone(), ..Question::default() };
        questions.push(all);
        for _ in 0..40 {
            let follow: Vec<String> = (0..few(&mut rng)).map(|_| tree::pattern(&mut rng)).collect();
            questions.push(Question {
                ask: "walk",
                root: root.clone(),
                include: (0..few(&mut rng)).map(|_| tree::pattern(&mut rng)).collect(),
                exclude: (0..rng.random_range(0..4)).map(|_| tree::exclude(&mut rng)).collect(),
                follow: Some(follow).filter(|paths| !paths.is_empty()),
                ..Question::default()
            });
        }
    }
    let answers = ask(&questions);
    let told = answers.iter().filter(|answer| answer.entries.is_some()).count();
    assert!(told > questions.len() / 2, "most questions must find something: {told} of {}", questions.len());
    for (question, answer) in questions.iter().zip(answers) {
        let (ours, theirs) = (our_walk(question), answer.without_text());
        if ours != theirs {
            let pairs = ours.entries.iter().flatten().zip(theirs.entries.iter().flatten());
            let first = pairs.into_iter().find(|(ours, theirs)| ours != theirs);
            let counts = [&ours, &theirs].map(|answer| answer.entries.as_ref().map_or(0, Vec::len));
            panic!("{question:?}\nfirst: {first:#?}\n{counts:?} {:?} {:?}", ours.error, theirs.error);
        }
    }
}
