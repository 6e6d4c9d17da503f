//! `file.setuid`, `file.writable`, `file.cache`: files that a run-time image is better without.

use crate::blame::{CACHES, cache};
use crate::image::files::{Entry, Kind};
use crate::types::ByteSize;
use crate::verify::subject::{Checked, Draft, Subject};
use std::collections::BTreeMap;

const SET_ID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
/// How many paths are named.
const NAMED: usize = 5;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    Ok([set_id(subject), writable(subject), caches(subject)].concat())
}

/// Paths and sizes by the line of the Dockerfile.
pub(super) type ByLine<'a> = BTreeMap<Option<u32>, Vec<(&'a str, u64)>>;

/// All that a container sees and that `is_one` says yes to, but what is accepted though `rule` finds it.
/// What the base has is its makers' choice.
pub(super) fn own<'t>(subject: &'t Subject<'_>, rule: &str, is_one: impl Fn(&str, &Entry) -> bool) -> ByLine<'t> {
    let mut found = ByLine::new();
    for (path, layer, entry) in subject.tree.listed() {
        let origin = subject.origins.get(layer);
        let is_own = is_one(path, entry) && !origin.is_some_and(|origin| origin.base);
        if is_own && !subject.accepts(rule, Some(&format!("/{path}"))) {
            let line = origin.and_then(|origin| origin.line);
            found.entry(line).or_default().push((path, entry.size));
        }
    }
    found
}

pub(super) fn drafts(
    subject: &Subject<'_>,
    found: ByLine<'_>,
    rule: &'static str,
    expected: &str,
    hint: &str,
) -> Vec<Draft> {
    let draft = |(line, all): (Option<u32>, Vec<(&str, u64)>)| {
        let named: Vec<String> = all.iter().take(NAMED).map(|(path, _)| format!("`/{path}`")).collect();
        let more = all.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Draft::new(rule, expected, format!("{}{more}", named.join(", ")))
            .at(line.and_then(|line| subject.place(line)))
            .hint(hint)
    };
    found.into_iter().map(draft).collect()
}

fn set_id(subject: &Subject<'_>) -> Vec<Draft> {
    let found = own(subject, "file.setuid", |_, entry| {
        entry.kind == Kind::File && entry.mode & SET_ID != 0 && entry.mode & 0o111 != 0
    });
    drafts(
        subject,
        found,
        "file.setuid",
        "no program that gives its caller other rights",
        "`chmod a-s` it in the same instruction",
    )
}

fn writable(subject: &Subject<'_>) -> Vec<Draft> {
    let found = own(subject, "file.writable", |_, entry| match entry.kind {
        Kind::File => entry.mode & OTHERS_WRITE != 0,
        // As `/tmp` is: whoever may write there may not remove what others wrote.
        Kind::Directory => entry.mode & OTHERS_WRITE != 0 && entry.mode & STICKY == 0,
        _ => false,
    });
    drafts(
        subject,
        found,
        "file.writable",
        "nothing that everyone may change",
        "`chmod o-w` it in the same instruction, or `COPY --chmod`",
    )
}

fn caches(subject: &Subject<'_>) -> Vec<Draft> {
    let found =
        own(subject, "file.cache", |path, entry| entry.kind == Kind::File && entry.size > 0 && cache(path).is_some());
    let mut all = Vec::new();
    for (line, files) in found {
        let mut folders: BTreeMap<usize, u64> = BTreeMap::new();
        for (path, size) in files {
            if let Some(place) = cache(path) {
                *folders.entry(place).or_default() += size;
            }
        }
        for (place, size) in folders {
            let (folder, remedy) = CACHES[place];
            let shown = folder.trim_end_matches('/');
            let shown = if shown.starts_with('.') { format!("`~/{shown}`") } else { format!("`/{shown}`") };
            let draft =
                Draft::new("file.cache", "no cache of a package manager", format!("{} in {shown}", ByteSize(size)))
                    .at(line.and_then(|line| subject.place(line)))
                    .hint(remedy);
            all.push(draft);
        }
    }
    all
}
