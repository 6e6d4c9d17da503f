//! How one image differs from another, by line, by package and folder, and by file.

use super::Blame;
use crate::image::ImageFacts;
use crate::image::files::Kind;
use crate::image::tree::Tree;
use crate::types::{ByteSize, ImageId};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What became of an image since another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// The image that it is compared with.
    pub against: ImageId,
    /// The size of that.
    pub was: ByteSize,
    /// What is more or less of it, in bytes.
    pub by: i64,
    /// By instruction, the largest change first; together they are `by`.
    pub lines: Vec<Change>,
    /// By package and folder.
    pub parts: Vec<Change>,
    /// By file, as a container sees it.
    pub files: Vec<Change>,
}

/// One thing that takes another size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What: an instruction, a package, a folder or a path.
    pub what: String,
    /// Its size before; none if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<ByteSize>,
    /// Its size now; none if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<ByteSize>,
}

impl Change {
    /// What it is more or less now, in bytes.
    pub fn by(&self) -> i64 {
        let size = |size: Option<ByteSize>| size.map_or(0, |size| size.0.cast_signed());
        size(self.is).saturating_sub(size(self.was))
    }
}

type Sizes = BTreeMap<String, u64>;

impl Growth {
    /// From `before` to `now`, each blamed and as it was read.
    pub fn between(before: (&Blame, &ImageFacts), now: (&Blame, &ImageFacts)) -> Self {
        let (was, is) = (before.0.size, now.0.size);
        Self {
            against: before.0.id.clone(),
            was,
            by: is.0.cast_signed().saturating_sub(was.0.cast_signed()),
            lines: changes(&lines(before.0), &lines(now.0)),
            parts: changes(&parts(before.0), &parts(now.0)),
            files: changes(&files(before.1), &files(now.1)),
        }
    }
}

/// What is of another size, the largest change first.
fn changes(before: &Sizes, now: &Sizes) -> Vec<Change> {
    let all: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let size = |sizes: &Sizes, what: &String| sizes.get(what).copied().map(ByteSize);
    let change = |what: &String| Change { what: what.clone(), was: size(before, what), is: size(now, what) };
    let mut all: Vec<Change> = all.into_iter().map(change).filter(|change| change.was != change.is).collect();
    all.sort_by(|one, other| (Reverse(one.by().abs()), &one.what).cmp(&(Reverse(other.by().abs()), &other.what)));
    all
}

fn sums(all: impl Iterator<Item = (String, u64)>) -> Sizes {
    let mut sizes = Sizes::new();
    all.for_each(|(what, size)| *sizes.entry(what).or_default() += size);
    sizes
}

/// Lines move as a Dockerfile is edited: an instruction is known by its text.
fn lines(blame: &Blame) -> Sizes {
    sums(blame.lines.iter().map(|line| (line.text.clone(), line.size.0)))
}

fn parts(blame: &Blame) -> Sizes {
    sums(blame.lines.iter().flat_map(|line| &line.parts).map(|part| (part.owner.name(), part.size.0)))
}

fn files(facts: &ImageFacts) -> Sizes {
    let tree = Tree::new(&facts.layers);
    let file = |path: &str, kind: &Kind, size| (*kind == Kind::File).then(|| (format!("/{path}"), size));
    let seen = tree.listed().filter_map(|(path, _, entry)| file(path, &entry.kind, entry.size));
    sums(seen)
}
