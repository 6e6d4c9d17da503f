//! How an index is made, layer after layer.

use super::index::{Change, Folder, Item, NONE, OPAQUE, WHITEOUT};
use crate::blame::Survey;
use crate::image::ImageFacts;
use crate::image::files::{Entry, Kind};
use std::collections::HashMap;

/// An index while layer after layer is added.
#[derive(Default)]
pub struct Making<'a> {
    /// As they are in the layers.
    pub items: Vec<Item>,
    /// Who is above comes before.
    pub folders: Vec<Folder<'a>>,
    /// Where each layer's items begin, and their end.
    pub starts: Vec<u32>,
    by_path: HashMap<&'a str, u32>,
    /// The last item at each path.
    before: HashMap<&'a str, u32>,
    /// The folder that was asked for last: a tar has a folder's files together.
    last: (&'a str, u32),
    /// The layers that delete a folder, and whether they delete only what is in it.
    deletions: HashMap<u32, Vec<(u32, bool)>>,
}

impl<'a> Making<'a> {
    /// All of the image that `facts` and `survey` are of.
    pub fn of(facts: &'a ImageFacts, survey: &Survey) -> Self {
        let count = facts.layers.iter().map(|layer| layer.entries.len()).sum();
        let mut making = Self { starts: vec![0], ..Self::default() };
        making.items.reserve(count);
        making.before.reserve(count);
        making.folder("");
        for (number, layer) in facts.layers.iter().enumerate() {
            let hidden = survey.hidden_by.get(number).map_or(&[][..], Vec::as_slice);
            // Whiteouts are about the layers below, wherever in the tar they stand.
            layer.entries.iter().for_each(|entry| making.white_out(number as u32, entry));
            for (place, entry) in layer.entries.iter().enumerate() {
                making.add(facts, number, place, entry, hidden.get(place).copied().flatten());
            }
            making.starts.push(making.items.len() as u32);
        }
        making.hide_folders();
        making
    }

    fn add(&mut self, facts: &'a ImageFacts, layer: usize, place: usize, entry: &'a Entry, hidden: Option<usize>) {
        let path: &'a str = &entry.path;
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_folder = entry.kind == Kind::Directory;
        let (number, layer) = (self.items.len() as u32, layer as u32);
        let change = if name.starts_with(WHITEOUT) {
            Change::Deletes
        } else {
            let before = self.before.insert(path, number).map(|before| self.items[before as usize]);
            // What an earlier layer hid was no longer there.
            let was_there = |before: &Item| {
                let gone = if before.is_folder { self.deleted(before) } else { before.hidden_by() };
                before.layer < layer && gone.is_none_or(|gone| gone >= layer && (gone > layer || !before.is_folder))
            };
            before.filter(was_there).map_or(Change::Added, |before| change(facts, &before, entry))
        };
        if !is_folder && let Some(folder) = self.by_path.get(path) {
            self.deletions.entry(*folder).or_default().push((layer, false));
        }
        let folder = self.folder(if is_folder { path } else { above });
        let hidden_by = hidden.map_or(NONE, |by| by as u32);
        let bytes = entry.span;
        self.items.push(Item { layer, bytes, entry: place as u32, folder, change, is_folder, twin: false, hidden_by });
    }

    /// Notes which folder `entry` deletes, if it deletes one.
    fn white_out(&mut self, layer: u32, entry: &'a Entry) {
        let (above, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let path = match name.strip_prefix(WHITEOUT) {
            None => return,
            Some(_) if name == OPAQUE => above.to_owned(),
            Some(name) if above.is_empty() => name.to_owned(),
            Some(name) => format!("{above}/{name}"),
        };
        if let Some(folder) = self.by_path.get(&*path) {
            self.deletions.entry(*folder).or_default().push((layer, name == OPAQUE));
        }
    }

    /// The first layer above that of `item` that deletes its folder, or one that this is in.
    fn deleted(&self, item: &Item) -> Option<u32> {
        if self.deletions.is_empty() {
            return None;
        }
        let (mut at, mut first) = (item.folder, None);
        loop {
            let its = self.deletions.get(&at).map_or(&[][..], Vec::as_slice);
            let later = its.iter().filter(|(layer, inside)| *layer > item.layer && (!inside || at != item.folder));
            first = later.map(|(layer, _)| *layer).chain(first).min();
            if at == 0 {
                return first;
            }
            at = self.folders[at as usize].parent;
        }
    }

    /// Folders are merged; only those that are deleted are seen no more.
    fn hide_folders(&mut self) {
        for number in 0..self.items.len() {
            if self.items[number].is_folder {
                self.items[number].hidden_by = self.deleted(&self.items[number]).unwrap_or(NONE);
            }
        }
    }

    /// The folder at `path`, with all above it.
    fn folder(&mut self, path: &'a str) -> u32 {
        if self.last.0 == path && !self.folders.is_empty() {
            return self.last.1;
        }
        let mut missing = Vec::new();
        let mut at = path;
        let mut parent = loop {
            if let Some(known) = self.by_path.get(at) {
                break *known;
            }
            missing.push(at);
            if at.is_empty() {
                break 0;
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        };
        for path in missing.into_iter().rev() {
            let number = self.folders.len() as u32;
            self.folders.push(Folder { path, parent, items: 0..0, folders: 0..0 });
            self.by_path.insert(path, number);
            parent = number;
        }
        self.last = (path, parent);
        parent
    }
}

/// What `entry` does to `before`, which was at its path.
fn change(facts: &ImageFacts, before: &Item, entry: &Entry) -> Change {
    let was = &facts.layers[before.layer as usize].entries[before.entry as usize];
    let as_it_was = (was.mode, was.uid, was.gid) == (entry.mode, entry.uid, entry.gid);
    match (&was.kind, &entry.kind) {
        (Kind::Directory, Kind::Directory) if as_it_was => Change::Same,
        (Kind::Directory, Kind::Directory) => Change::Touched,
        (was_kind, kind) if was_kind == kind && was.size == entry.size && was.hash == entry.hash => Change::Touched,
        _ => Change::Changed,
    }
}
