//! All entries of an image's layers in one tree of folders: made once, when an image is opened, so that
//! what is looked at later is only added up.

use super::making::Making;
use crate::blame::{LEAST_TWIN, Survey};
use crate::image::ImageFacts;
use crate::image::files::{Entry, Kind};
use std::cell::OnceCell;
use std::ops::Range;

/// No layer.
pub(super) const NONE: u32 = u32::MAX;
pub(super) const WHITEOUT: &str = ".wh.";
pub(super) const OPAQUE: &str = ".wh..wh..opq";
const SET_ID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

/// What an entry does to what the layers below have at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was nothing.
    Added,
    /// There was something else.
    Changed,
    /// There was the same content: only its owner, mode or time is another one.
    Touched,
    /// A folder that was there, as it was.
    Same,
    /// It deletes what was there.
    Deletes,
}

/// One entry of one layer.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its layer, from 0 at the bottom.
    pub layer: u32,
    /// What it takes in the tar, in bytes.
    pub bytes: u64,
    /// Its place among the entries of that.
    pub(super) entry: u32,
    /// The folder that it is in; for a folder's own entry that folder.
    pub folder: u32,
    /// What it does.
    pub change: Change,
    /// It is a folder's own entry.
    pub is_folder: bool,
    /// A container sees the same content under another name, too.
    pub twin: bool,
    pub(super) hidden_by: u32,
}

/// A folder, which layers share.
#[derive(Clone, Debug)]
pub struct Folder<'a> {
    /// Its path from the root, without a leading slash; the root's is empty.
    pub path: &'a str,
    /// The one above; the root's is itself. It has a smaller number.
    pub parent: u32,
    pub(super) items: Range<u32>,
    pub(super) folders: Range<u32>,
}

/// The entries of all layers.
pub struct Index<'a> {
    facts: &'a ImageFacts,
    /// Those of a layer are next to each other, the bottom layer's first.
    pub items: Vec<Item>,
    /// The root is the first; who is above comes before.
    pub folders: Vec<Folder<'a>>,
    /// Items by folder: the folder's own first, then by name.
    in_folders: Vec<u32>,
    /// Folders by the one above, by name.
    below: Vec<u32>,
    /// Size, content and item of all that are twins, in order.
    twins: Vec<(u64, u64, u32)>,
    /// Where each layer's items begin, and their end.
    starts: Vec<u32>,
    haystack: OnceCell<Haystack>,
}

/// All paths in small letters, to search through at once.
pub struct Haystack {
    /// `/path`, each with a NUL behind it.
    pub text: String,
    /// Where each item's ends, without the NUL.
    pub ends: Vec<usize>,
}

impl Item {
    /// The layer that hides it, if one does.
    pub fn hidden_by(&self) -> Option<u32> {
        (self.hidden_by != NONE).then_some(self.hidden_by)
    }

    /// The layers up to `last` hide it.
    pub fn is_hidden(&self, last: u32) -> bool {
        self.hidden_by <= last
    }
}

impl<'a> Index<'a> {
    /// Of the image that `facts` and `survey` are of.
    pub fn new(facts: &'a ImageFacts, survey: &Survey) -> Self {
        let Making { items, folders, starts, .. } = Making::of(facts, survey);
        let mut index = Self {
            facts,
            items,
            folders,
            in_folders: Vec::new(),
            below: Vec::new(),
            twins: Vec::new(),
            starts,
            haystack: OnceCell::new(),
        };
        index.sort_items();
        index.sort_folders();
        index.find_twins();
        index
    }

    /// The tar's entry of `item`.
    pub fn entry(&self, item: &Item) -> &'a Entry {
        &self.facts.layers[item.layer as usize].entries[item.entry as usize]
    }

    /// The items of the layers from `first` to `last`.
    pub fn of_layers(&self, first: u32, last: u32) -> Range<usize> {
        let at = |layer: u32| self.starts.get(layer as usize).or(self.starts.last()).map_or(0, |start| *start as usize);
        at(first)..at(last.saturating_add(1))
    }

    /// The items in `folder`, its own entries first, then by name.
    pub fn items_in(&self, folder: u32) -> &[u32] {
        let Range { start, end } = self.folders[folder as usize].items.clone();
        &self.in_folders[start as usize..end as usize]
    }

    /// The folders in `folder`, by name.
    pub fn folders_in(&self, folder: u32) -> &[u32] {
        let Range { start, end } = self.folders[folder as usize].folders.clone();
        &self.below[start as usize..end as usize]
    }

    /// What `item` is called in its folder; empty for a folder's own entry.
    pub fn name(&self, item: &Item) -> &'a str {
        let name = file_name(self, item);
        match item.change {
            Change::Deletes if name == OPAQUE => "*",
            Change::Deletes => name.strip_prefix(WHITEOUT).unwrap_or(name),
            _ => name,
        }
    }

    /// The path of `item` from the root, without a leading slash; of what is deleted if it deletes.
    pub fn path(&self, item: &Item) -> String {
        if item.change != Change::Deletes {
            return self.entry(item).path.to_string();
        }
        let folder = self.folders[item.folder as usize].path;
        if folder.is_empty() { self.name(item).to_owned() } else { format!("{folder}/{}", self.name(item)) }
    }

    /// Items of the same content as `item` that a container sees, itself included; none if there are no others.
    pub fn twins(&self, item: &Item) -> impl Iterator<Item = u32> {
        let entry = self.entry(item);
        let content = (entry.size, entry.hash.unwrap_or(0));
        let start = self.twins.partition_point(|(size, hash, _)| (*size, *hash) < content);
        let found = self.twins[start..].iter().take_while(move |(size, hash, _)| (*size, *hash) == content);
        found.filter(move |_| entry.kind == Kind::File && entry.hash.is_some()).map(|(_, _, item)| *item)
    }

    /// All paths, made when they are first searched.
    pub fn haystack(&self) -> &Haystack {
        self.haystack.get_or_init(|| {
            let (mut text, mut ends) = (String::new(), Vec::with_capacity(self.items.len()));
            for item in &self.items {
                text.push('/');
                text.push_str(&self.entry(item).path);
                ends.push(text.len());
                text.push('\0');
            }
            text.make_ascii_lowercase();
            Haystack { text, ends }
        })
    }

    fn sort_items(&mut self) {
        let mut counts = vec![0; self.folders.len() + 1];
        self.items.iter().for_each(|item| counts[item.folder as usize + 1] += 1);
        let mut at = summed(counts);
        for (folder, range) in self.folders.iter_mut().zip(at.windows(2)) {
            folder.items = range[0]..range[1];
        }
        let mut sorted = vec![0; self.items.len()];
        for (number, item) in self.items.iter().enumerate() {
            let place = &mut at[item.folder as usize];
            sorted[*place as usize] = number as u32;
            *place += 1;
        }
        for folder in &self.folders {
            let its = &mut sorted[folder.items.start as usize..folder.items.end as usize];
            its.sort_by_key(|number| self.name(&self.items[*number as usize]));
        }
        self.in_folders = sorted;
    }

    fn sort_folders(&mut self) {
        let mut sorted: Vec<u32> = (1..self.folders.len() as u32).collect();
        sorted.sort_by_key(|number| {
            let folder = &self.folders[*number as usize];
            (folder.parent, folder.path)
        });
        let mut end = 0;
        for parent in 0..self.folders.len() {
            let start = end;
            let is_its = |number: &u32| self.folders[*number as usize].parent as usize == parent;
            end += sorted[start..].iter().take_while(|number| is_its(number)).count();
            self.folders[parent].folders = start as u32..end as u32;
        }
        self.below = sorted;
    }

    fn find_twins(&mut self) {
        let content = |(number, item): (usize, &Item)| {
            let entry = self.entry(item);
            let counts = entry.kind == Kind::File && entry.size >= LEAST_TWIN && item.hidden_by == NONE;
            Some((entry.size, entry.hash.filter(|_| counts)?, number as u32))
        };
        let mut all: Vec<(u64, u64, u32)> = self.items.iter().enumerate().filter_map(content).collect();
        all.sort_unstable();
        let same = |one: &(u64, u64, u32), other: &(u64, u64, u32)| (one.0, one.1) == (other.0, other.1);
        self.twins = all.chunk_by(same).filter(|group| group.len() > 1).flatten().copied().collect();
        for (_, _, item) in &self.twins {
            self.items[*item as usize].twin = true;
        }
    }
}

/// Where each begins that has so many, and the end of all; the first count is 0.
fn summed(mut counts: Vec<u32>) -> Vec<u32> {
    let mut sum = 0;
    for count in &mut counts {
        sum += *count;
        *count = sum;
    }
    counts
}

fn file_name<'a>(index: &Index<'a>, item: &Item) -> &'a str {
    let (path, folder) = (&*index.entry(item).path, index.folders[item.folder as usize].path);
    let rest = path.get(folder.len()..).unwrap_or_default();
    rest.strip_prefix('/').unwrap_or(rest)
}

/// A program that gives its caller other rights.
pub fn is_set_id(entry: &Entry) -> bool {
    entry.kind == Kind::File && entry.mode & SET_ID != 0 && entry.mode & 0o111 != 0
}

/// Everyone may change it; a folder as `/tmp` is does not count.
pub fn is_writable(entry: &Entry) -> bool {
    match entry.kind {
        Kind::File => entry.mode & OTHERS_WRITE != 0,
        Kind::Directory => entry.mode & OTHERS_WRITE != 0 && entry.mode & STICKY == 0,
        _ => false,
    }
}
