//! What could be left out of an image, and what that would save: by the tars' own bytes, each of
//! which is counted for one cut at most. What came with the base is its makers' choice.

use super::Placed;
use super::caches::{CACHES, cache};
use crate::image::dockerfile::Origin;
use crate::image::files::Kind;
use crate::image::packages::Owners;
use crate::types::ByteSize;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Smaller ones are not worth a word, in bytes.
const LEAST: u64 = 4096;

/// What a cut costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Nothing that the container sees is lost.
    None,
    /// What is rarely needed where it runs.
    Little,
    /// Whoever knows the application has to say whether it is needed.
    Decision,
}

/// Something that could be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The line of the Dockerfile that put it there.
    pub line: Option<u32>,
    /// What it is, and how it is left out.
    pub what: String,
    /// What the image is smaller then.
    pub saves: ByteSize,
    /// What it costs.
    pub effort: Effort,
}

/// All that is worth a word, what costs least first, and of that the largest.
pub(super) fn list(all: &[Placed<'_>], origins: &[Origin], owners: &Owners) -> Vec<Cut> {
    let again = again(all);
    let mut sums: BTreeMap<(Effort, String, Option<u32>), u64> = BTreeMap::new();
    for (number, placed) in all.iter().enumerate().filter(|(_, placed)| placed.entry.kind == Kind::File) {
        let Some(origin) = origins.get(placed.layer).filter(|origin| !origin.base) else { continue };
        let path = &placed.entry.path;
        let found = hidden(placed, origins).or_else(|| cached(path)).or_else(|| left_over(path));
        let found = found.or_else(|| again.contains(&number).then(twin)).or_else(|| package(path, owners));
        let Some((effort, what)) = found else { continue };
        *sums.entry((effort, what, origin.line)).or_default() += placed.entry.span;
    }
    let cut = |((effort, what, line), saves)| Cut { line, what, saves: ByteSize(saves), effort };
    let mut cuts: Vec<Cut> = sums.into_iter().map(cut).filter(|cut| cut.saves.0 >= LEAST).collect();
    cuts.sort_by_key(|cut| (cut.effort, Reverse(cut.saves)));
    cuts
}

fn hidden(placed: &Placed<'_>, origins: &[Origin]) -> Option<(Effort, String)> {
    let by = origins.get(placed.hidden?)?.line;
    let by = by.map_or_else(|| "a later layer".to_owned(), |line| format!("line {line}"));
    Some((Effort::None, format!("what {by} replaces or deletes: do both in one instruction")))
}

fn cached(path: &str) -> Option<(Effort, String)> {
    let (folder, remedy) = CACHES[cache(path)?];
    Some((Effort::None, format!("the cache in `{}`: {remedy}", folder.trim_end_matches('/'))))
}

/// What is rarely needed at run time, by its name.
fn left_over(path: &str) -> Option<(Effort, String)> {
    let below = |folder: &str| path.starts_with(folder) || path.contains(&format!("/{folder}"));
    let what = match () {
        () if below(".git/") => "the history in `.git`: name it in .dockerignore",
        () if path.starts_with("usr/share/doc/") || path.starts_with("usr/share/man/") => {
            "documentation in `/usr/share/doc` and `/usr/share/man`: leave it out in the same instruction"
        }
        () if path.starts_with("usr/share/locale/") => {
            "translations in `/usr/share/locale`: leave them out in the same instruction"
        }
        () if path.ends_with(".pyc") && below("__pycache__/") => {
            "compiled Python: leave `__pycache__` out (the first start takes longer then)"
        }
        () if path.ends_with(".js.map") || path.ends_with(".css.map") => "source maps: build without them",
        () if path.ends_with(".a") && below("lib/") => "static libraries: only who links needs them",
        () if path.starts_with("usr/include/") => "headers in `/usr/include`: only who compiles needs them",
        () => return None,
    };
    Some((Effort::Little, what.to_owned()))
}

fn twin() -> (Effort, String) {
    (Effort::Little, "files that are there under another name, too: keep one, and link the others to it".to_owned())
}

/// All but the first of the files of the same content that a container sees, by number.
fn again(all: &[Placed<'_>]) -> BTreeSet<usize> {
    let mut known = BTreeSet::new();
    let mut again = BTreeSet::new();
    for (number, placed) in all.iter().enumerate() {
        let Some(hash) = placed.entry.hash.filter(|_| placed.entry.size >= LEAST && placed.hidden.is_none()) else {
            continue;
        };
        if placed.entry.kind == Kind::File && !known.insert((placed.entry.size, hash)) {
            again.insert(number);
        }
    }
    again
}

/// The package that it belongs to.
fn package(path: &str, owners: &Owners) -> Option<(Effort, String)> {
    let package = owners.owner(path)?;
    Some((Effort::Decision, format!("`{}` ({}), if it is not needed there", package.name, package.manager)))
}
