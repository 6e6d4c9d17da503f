//! Files of no package, by the folder that most of them are in.

use super::Placed;
use std::collections::BTreeMap;

/// A folder is shown in place of the one above it if it has so much of it.
const MOST: f64 = 0.75;
/// How deep the first folders are: `usr/share`, not `usr`.
const DEPTH: usize = 2;

/// `all`, each below one folder; the root's own is empty.
pub(super) fn split<'p, 'a>(all: Vec<&'p Placed<'a>>) -> BTreeMap<String, Vec<&'p Placed<'a>>> {
    let mut folders: BTreeMap<&str, Vec<&'p Placed<'a>>> = BTreeMap::new();
    for placed in all {
        folders.entry(top(&placed.entry.path)).or_default().push(placed);
    }
    let mut found = BTreeMap::new();
    for (folder, its) in folders {
        found.insert(deepest(folder, &its), its);
    }
    found
}

/// The first folders of `path`.
fn top(path: &str) -> &str {
    let end = path.match_indices('/').nth(DEPTH - 1).map_or_else(|| path.rfind('/').unwrap_or(0), |(at, _)| at);
    &path[..end]
}

/// The folder below `folder` in which most of `its` bytes are.
fn deepest(folder: &str, its: &[&Placed<'_>]) -> String {
    let all: u64 = its.iter().map(|placed| placed.entry.span).sum();
    let mut at = folder.to_owned();
    loop {
        let mut below: BTreeMap<&str, u64> = BTreeMap::new();
        let start = if at.is_empty() { 0 } else { at.len() + 1 };
        for placed in its.iter().filter(|placed| is_below(&placed.entry.path, &at)) {
            if let Some((next, _)) = placed.entry.path[start..].split_once('/') {
                *below.entry(next).or_default() += placed.entry.span;
            }
        }
        match below.into_iter().max_by_key(|(_, bytes)| *bytes) {
            Some((next, bytes)) if bytes as f64 >= MOST * all as f64 => {
                at = if at.is_empty() { next.to_owned() } else { format!("{at}/{next}") };
            }
            _ => return at,
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folders_are_two_deep() {
        assert_eq!(["etc/ssl/certs/a", "etc/passwd", "init", "usr/share"].map(top), ["etc/ssl", "etc", "", "usr"]);
    }
}
