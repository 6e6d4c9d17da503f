//! The files that a container sees: all layers of an image, one upon the other, with what each
//! deletes (OCI image specification, "Applying Changesets"), as overlay file systems have it.

use crate::image::files::{Entry, Kind};
use crate::image::layers::LayerFacts;
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Symbolic links on the way to one file; Linux has the same limit.
const MOST_LINKS: usize = 40;
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The merged files, by path from the root without a leading slash.
#[derive(Debug, Default)]
pub struct Tree<'a> {
    nodes: BTreeMap<String, Node<'a>>,
    covered: Vec<Covered>,
}

/// An entry that a container does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Its layer, from 0 at the bottom.
    pub layer: usize,
    /// Its place among the entries of that.
    pub entry: usize,
    /// The layer that replaces or deletes it.
    pub by: usize,
}

/// A file, directory or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// The layer that has it, from 0 at the bottom.
    pub layer: usize,
    /// The entry; none for a directory that no layer lists, which engines make for root, 0755.
    pub entry: Option<&'a Entry>,
    /// The place of the entry that is listed here: a hard link's own, not that of its target.
    listed: Option<usize>,
}

/// Why a path leads to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There is nothing.
    #[error("`/{0}` does not exist")]
    Missing(String),
    /// A file is used as a directory.
    #[error("`/{0}` is not a directory")]
    NotADirectory(String),
    /// Links lead to each other.
    #[error("`/{0}` leads through more than {MOST_LINKS} links")]
    Loop(String),
}

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The path without links, from the root without a leading slash; the root is empty.
    pub path: String,
    /// What is there.
    pub node: Node<'a>,
    /// The directories on the way, each with its path, links resolved.
    pub through: Vec<(String, Node<'a>)>,
}

/// Who wants access: a user and all of its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The groups.
    pub gids: Vec<u32>,
}

impl<'a> Tree<'a> {
    /// Merges `layers`, bottom first.
    pub fn new(layers: &'a [impl Borrow<LayerFacts>]) -> Self {
        let mut tree = Self::default();
        for (number, layer) in layers.iter().enumerate() {
            let entries = &Borrow::<LayerFacts>::borrow(layer).entries;
            // Whiteouts are about the layers below, wherever in the tar they stand.
            entries.iter().for_each(|entry| tree.white_out(number, &entry.path));
            entries.iter().enumerate().for_each(|(place, entry)| tree.add(number, place, entry));
        }
        tree
    }

    /// What a container does not see, though it is in the image.
    pub fn covered(&self) -> &[Covered] {
        &self.covered
    }

    /// All that a container sees and a layer lists: its path, the layer that has it, and its entry.
    pub fn listed(&self) -> impl Iterator<Item = (&str, usize, &'a Entry)> {
        self.nodes.iter().filter_map(|(path, node)| Some((path.as_str(), node.layer, node.entry?)))
    }

    /// Follows `path` from the root, links inside it and at its end included.
    pub fn find(&self, path: &str) -> Result<Found<'a>, Lost> {
        let mut rest: Vec<String> = parts(path).rev().map(str::to_owned).collect();
        let mut at = String::new();
        let mut through = vec![(String::new(), self.root())];
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            let next = join(&at, &part);
            let node = self.nodes.get(&next).cloned().ok_or_else(|| Lost::Missing(next.clone()))?;
            match node.kind() {
                Kind::Symlink(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Lost::Loop(next));
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    rest.extend(parts(target).rev().map(str::to_owned));
                }
                Kind::Directory => {
                    through.push((next.clone(), node));
                    at = next;
                }
                _ if rest.is_empty() => return Ok(Found { path: next, node, through }),
                _ => return Err(Lost::NotADirectory(next)),
            }
        }
        let node = if at.is_empty() { self.root() } else { self.nodes.get(&at).cloned().unwrap_or(self.root()) };
        Ok(Found { path: at, node, through })
    }

    /// The kept text of the file at `path`; none if it was not kept.
    pub fn text(&self, path: &str) -> Result<Option<&'a str>, Lost> {
        let entry = self.find(path)?.node.entry;
        let empty = entry.is_some_and(|entry| entry.kind == Kind::File && entry.size == 0);
        Ok(if empty { Some("") } else { entry.and_then(|entry| entry.text.as_deref()) })
    }

    fn root(&self) -> Node<'a> {
        self.nodes.get("").cloned().unwrap_or(Node { layer: 0, entry: None, listed: None })
    }

    fn white_out(&mut self, layer: usize, path: &str) {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == OPAQUE {
            self.remove_below(layer, directory);
            return;
        }
        let hidden = name.strip_prefix(WHITEOUT).filter(|name| !name.is_empty() && !name.starts_with(WHITEOUT));
        if let Some(hidden) = hidden.filter(|name| !matches!(*name, "." | "..")) {
            let hidden = join(directory, hidden);
            self.remove_below(layer, &hidden);
            self.remove(layer, &hidden);
        }
    }

    fn remove(&mut self, layer: usize, path: &str) {
        let removed = self.nodes.remove(path);
        self.cover(layer, removed);
    }

    fn cover(&mut self, by: usize, node: Option<Node<'a>>) {
        let covered = node.and_then(|node| Some(Covered { layer: node.layer, entry: node.listed?, by }));
        self.covered.extend(covered);
    }

    fn add(&mut self, layer: usize, place: usize, entry: &'a Entry) {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        if name.starts_with(WHITEOUT) {
            return;
        }
        let path = self.place(layer, &entry.path);
        let mut node = Node { layer, entry: Some(entry), listed: Some(place) };
        if let Kind::HardLink(target) = &entry.kind {
            // The same file: its mode, owner and content are those of the name it was first given.
            let target = self.place(layer, target);
            node.entry = self.nodes.get(&target).and_then(|target| target.entry).or(node.entry);
        }
        if *node.kind() != Kind::Directory {
            self.remove_below(layer, &path);
        }
        let before = self.nodes.insert(path, node);
        self.cover(layer, before);
    }

    /// Where an entry of `layer` lands: through links to directories of the same layer, while a
    /// file or link of a layer below gives way to a directory.
    fn place(&mut self, layer: usize, path: &str) -> String {
        let Some((directory, name)) = path.rsplit_once('/') else {
            return path.to_owned();
        };
        let known = |node: &Node| *node.kind() == Kind::Directory;
        if self.nodes.get(directory).is_some_and(known) {
            return path.to_owned();
        }
        let own_link = |node: &Node| node.layer == layer && matches!(node.kind(), Kind::Symlink(_));
        let mut at = String::new();
        for part in parts(directory) {
            let next = join(&at, part);
            at = match self.nodes.get(&next) {
                Some(node) if known(node) => next,
                Some(node) if own_link(node) => match self.find(&next) {
                    Ok(found) if *found.node.kind() == Kind::Directory => found.path,
                    _ => next,
                },
                _ => {
                    let before = self.nodes.insert(next.clone(), Node { layer, entry: None, listed: None });
                    self.cover(layer, before);
                    next
                }
            };
        }
        join(&at, name)
    }

    fn remove_below(&mut self, layer: usize, path: &str) {
        let below: Vec<String> = if path.is_empty() {
            self.nodes.keys().filter(|path| !path.is_empty()).cloned().collect()
        } else {
            // All paths that begin with `path/`: `0` is the character after `/`.
            let (from, to) = (format!("{path}/"), format!("{path}0"));
            self.nodes.range(from..to).map(|(path, _)| path.clone()).collect()
        };
        below.iter().for_each(|path| self.remove(layer, path));
    }
}

impl Node<'_> {
    /// What it is.
    pub fn kind(&self) -> &Kind {
        self.entry.map_or(&Kind::Directory, |entry| &entry.kind)
    }

    /// `who` may execute it (a file) or go through it (a directory).
    pub fn may_execute(&self, who: &Identity) -> bool {
        self.allows(who, 0o1)
    }

    /// `who` may read it.
    pub fn may_read(&self, who: &Identity) -> bool {
        who.uid == 0 || self.allows(who, 0o4)
    }

    fn allows(&self, who: &Identity, bit: u32) -> bool {
        let (mode, uid, gid) = self.entry.map_or((0o755, 0, 0), |entry| (entry.mode, entry.uid, entry.gid));
        let shift = match (who.uid, *self.kind() == Kind::Directory) {
            // Root goes through every directory, and executes what anyone may execute.
            (0, true) => return true,
            (0, false) => return mode & 0o111 != 0,
            _ if who.uid == uid => 6,
            _ if who.gids.contains(&gid) => 3,
            _ => 0,
        };
        (mode >> shift) & bit != 0
    }
}

/// The parts of a path, `..` included.
fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
