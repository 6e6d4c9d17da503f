//! Blame: where the bytes of an image come from. Every byte of every layer's tar is counted once, to the
//! line of the Dockerfile that made it, and below that to a package or a folder.

mod caches;
mod cuts;
mod folders;
mod growth;
mod hidden;
mod twins;

pub use caches::{CACHES, cache};
pub use cuts::{Cut, Effort};
pub use growth::{Change, Growth};
pub use hidden::Hidden;
pub use twins::{LEAST as LEAST_TWIN, Twins};

use crate::image::ImageFacts;
use crate::image::dockerfile::Origin;
use crate::image::files::{Entry, Kind};
use crate::image::packages::{Owners, Package};
use crate::types::{ByteSize, Digest, ImageId};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many files of a part are named.
const NAMED: usize = 5;

/// Where the bytes of an image come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blame {
    /// The image.
    pub id: ImageId,
    /// The sum of its layers' uncompressed tars.
    pub size: ByteSize,
    /// The lines, the largest first; together they are the size.
    pub lines: Vec<Line>,
    /// The layers, bottom first; together they are the size.
    pub layers: Vec<Layer>,
    /// What a later layer hides or deletes, the largest first.
    pub hidden: Vec<Hidden>,
    /// Files that are there more than once, those that waste most first.
    pub twins: Vec<Twins>,
    /// What could be left out, what costs least first. No byte is in two of them.
    pub cuts: Vec<Cut>,
}

/// A line of the Dockerfile with all layers that it made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The line, from 1; the `FROM` for what came with the base. None is unknown.
    pub line: Option<u32>,
    /// It came with the base.
    pub base: bool,
    /// The instruction; what the image's history says if it is unknown.
    pub text: String,
    /// All of it.
    pub size: ByteSize,
    /// What a later layer hides or deletes of it.
    pub hidden: ByteSize,
    /// Packages and folders, the largest first; together with `framing` they are the size.
    pub parts: Vec<Part>,
    /// The ends of the tars, which belong to no file.
    pub framing: ByteSize,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The line that made it.
    pub line: Option<u32>,
    /// The length of its uncompressed tar.
    pub size: ByteSize,
    /// What a later layer hides or deletes of it.
    pub hidden: ByteSize,
}

/// What a part of a line is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Files that a package manager installed.
    Package(Package),
    /// Files of no package, below this path.
    Folder(String),
}

impl Owner {
    /// How it is called; a package without its version: an update is no new one.
    pub fn name(&self) -> String {
        match self {
            Self::Package(package) => format!("{} {}", package.manager, package.name),
            Self::Folder(path) => format!("/{path}"),
        }
    }
}

/// A line of the Dockerfile as reports call it.
pub fn line_name(line: Option<u32>) -> String {
    line.map_or_else(|| "line unknown".to_owned(), |line| format!("line {line}"))
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// Its entries in the tars, headers and padding included.
    pub size: ByteSize,
    /// What a later layer hides or deletes of it.
    pub hidden: ByteSize,
    /// How many entries.
    pub entries: usize,
    /// Its largest files.
    pub largest: Vec<File>,
}

/// A file with what it takes in the tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// The path from the root, without a leading slash.
    pub path: String,
    /// Its entry, header and padding included.
    pub size: ByteSize,
}

/// An entry of the image, and where it is.
#[derive(Clone, Copy)]
struct Placed<'a> {
    layer: usize,
    entry: &'a Entry,
    /// The layer that hides it.
    hidden: Option<usize>,
}

/// What has to be found out of all entries before anything is blamed.
pub struct Survey {
    /// For each layer and entry, the layer that hides it; directories are merged, and never hidden.
    pub hidden_by: Vec<Vec<Option<usize>>>,
    /// Which package each file belongs to.
    pub owners: Owners,
}

impl Survey {
    /// Of the image that `facts` are of.
    pub fn of(facts: &ImageFacts) -> Self {
        Self { hidden_by: hidden::by(&facts.layers), owners: facts.owners() }
    }
}

/// Blames the lines in `origins`, one for each layer of `facts`.
pub fn blame(facts: &ImageFacts, origins: &[Origin]) -> Blame {
    blame_surveyed(facts, origins, &Survey::of(facts))
}

/// The same, where `survey` is that of `facts`.
pub fn blame_surveyed(facts: &ImageFacts, origins: &[Origin], survey: &Survey) -> Blame {
    let Survey { hidden_by, owners } = survey;
    let mut lines: Vec<(Line, Vec<Placed<'_>>)> = Vec::new();
    let (mut all, mut layers) = (Vec::new(), Vec::new());
    for (number, (layer, origin)) in facts.layers.iter().zip(origins).enumerate() {
        let placed = |(index, entry)| Placed { layer: number, entry, hidden: hidden_by[number][index] };
        let entries: Vec<Placed<'_>> = layer.entries.iter().enumerate().map(placed).collect();
        let same = |line: &Line| line.line.is_some() && line.line == origin.line;
        let place = lines.iter().position(|(line, _)| same(line)).unwrap_or_else(|| {
            lines.push((Line::new(origin), Vec::new()));
            lines.len() - 1
        });
        let (line, its) = &mut lines[place];
        let spans: u64 = layer.entries.iter().map(|entry| entry.span).sum();
        line.size.0 += layer.size.0;
        line.framing.0 += layer.size.0.saturating_sub(spans);
        its.extend(&entries);
        let hidden = ByteSize(spans_of_hidden(&entries));
        layers.push(Layer { diff_id: layer.diff_id.clone(), line: origin.line, size: layer.size, hidden });
        all.extend(entries);
    }
    let mut lines: Vec<Line> = lines.into_iter().map(|(line, its)| line.with(&its, owners)).collect();
    lines.sort_by_key(|line| Reverse(line.size));
    Blame {
        id: facts.id.clone(),
        size: facts.size(),
        lines,
        layers,
        hidden: hidden::list(&all, origins),
        twins: twins::list(&all),
        cuts: cuts::list(&all, origins, owners),
    }
}

fn spans_of_hidden(entries: &[Placed<'_>]) -> u64 {
    entries.iter().filter(|one| one.hidden.is_some()).map(|one| one.entry.span).sum()
}

impl Line {
    fn new(origin: &Origin) -> Self {
        Self {
            line: origin.line,
            base: origin.base,
            text: origin.text.clone(),
            size: ByteSize(0),
            hidden: ByteSize(0),
            parts: Vec::new(),
            framing: ByteSize(0),
        }
    }

    /// It with its parts, which are made of `its` entries.
    fn with(mut self, its: &[Placed<'_>], owners: &Owners) -> Self {
        let mut parts: BTreeMap<Owner, Vec<&Placed<'_>>> = BTreeMap::new();
        let mut rest = Vec::new();
        for placed in its {
            match owners.owner(&placed.entry.path).filter(|_| placed.entry.kind != Kind::Directory) {
                Some(package) => parts.entry(Owner::Package(package)).or_default().push(placed),
                None => rest.push(placed),
            }
        }
        for (folder, its) in folders::split(rest) {
            parts.insert(Owner::Folder(folder), its);
        }
        self.parts = parts.into_iter().map(|(owner, its)| Part::new(owner, &its)).collect();
        self.parts.sort_by_key(|part| Reverse(part.size));
        self.hidden = ByteSize(self.parts.iter().map(|part| part.hidden.0).sum());
        self
    }
}

impl Part {
    fn new(owner: Owner, its: &[&Placed<'_>]) -> Self {
        let sum = |of: &dyn Fn(&Placed<'_>) -> bool| {
            ByteSize(its.iter().filter(|one| of(one)).map(|one| one.entry.span).sum())
        };
        let mut largest: Vec<File> = its
            .iter()
            .filter(|one| one.entry.kind == Kind::File)
            .map(|one| File { path: one.entry.path.to_string(), size: ByteSize(one.entry.span) })
            .collect();
        largest.sort_by(|one, other| (Reverse(one.size), &one.path).cmp(&(Reverse(other.size), &other.path)));
        largest.truncate(NAMED);
        Self { owner, size: sum(&|_| true), hidden: sum(&|one| one.hidden.is_some()), entries: its.len(), largest }
    }
}
