//! One image that is looked at.

use super::files::{Files, Node};
use super::filter::{Only, Pattern};
use super::index::{Change, Index, Item};
use super::layers::Layers;
use super::pages::{Cuts, Grown};
use crate::blame::{Blame, Growth, Survey};
use crate::image::ImageFacts;
use crate::image::dockerfile::Origin;

/// An image to look at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What was read of it.
    pub facts: &'a ImageFacts,
    /// Where its layers come from.
    pub origins: &'a [Origin],
    /// What was found out of its entries.
    pub survey: &'a Survey,
    /// Where its bytes come from.
    pub blame: &'a Blame,
    /// What is more or less than in another.
    pub growth: Option<&'a Growth>,
}

/// An image that was looked at, with what is selected of it.
pub struct Opened<'a> {
    /// The image.
    pub subject: Subject<'a>,
    /// Its entries.
    pub index: Index<'a>,
    /// Its layers.
    pub layers: Layers,
    /// The files of the selected layers.
    pub files: Files,
    /// What could go.
    pub cuts: Cuts<'a>,
    /// What is more or less.
    pub grown: Option<Grown<'a>>,
}

impl<'a> Opened<'a> {
    /// The image, with nothing selected.
    pub fn new(subject: Subject<'a>) -> Self {
        let index = Index::new(subject.facts, subject.survey);
        let layers = Layers::new(subject.facts, &index, subject.origins);
        let files = Files::new(&index, layers.scope());
        let (cuts, grown) = (Cuts::new(subject.blame), subject.growth.map(Grown::new));
        Self { subject, index, layers, files, cuts, grown }
    }

    /// The selected item; a folder's own entry for a folder.
    pub fn item(&self) -> Option<&Item> {
        match self.files.selected()?.node {
            Node::Item(number) => self.index.items.get(number as usize),
            Node::Folder(folder) => self.files.own(&self.index, folder),
        }
    }

    pub(super) fn look(&mut self) {
        self.files.look_at(&self.index, self.layers.scope());
    }

    pub(super) fn select_layer(&mut self, row: usize) {
        self.layers.list.to(row, self.layers.length());
        self.look();
    }

    /// Selects an item of the whole image, and drops the filter if that would not show it.
    pub(super) fn reveal_in_image(&mut self, number: u32) -> bool {
        self.select_layer(0);
        self.reveal(number)
    }

    pub(super) fn reveal(&mut self, number: u32) -> bool {
        self.files.reveal(&self.index, number) || {
            self.drop_filter();
            self.files.reveal(&self.index, number)
        }
    }

    pub(super) fn drop_filter(&mut self) {
        let only = self.files.only;
        if only != Only::All {
            self.files.toggle(&self.index, only);
        }
        if !self.files.pattern.is_empty() {
            self.files.retype(&self.index, Pattern::clear);
        }
    }
}

impl Opened<'_> {
    /// The item at `path`, from the root with a slash, that a container sees.
    pub(super) fn seen(&self, path: &str) -> Option<u32> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let is_it = |item: &Item| item.hidden_by().is_none() && *self.index.entry(item).path == *path;
        self.index.items.iter().rposition(is_it).map(|number| number as u32)
    }

    /// The item of layer `by` that replaces or deletes `path`, or a folder above it.
    pub(super) fn hider(&self, by: u32, path: &str) -> Option<u32> {
        // What deletes all that is in a folder is called `*`.
        let covers = |item: &Item, its: &str| {
            let its = if item.change == Change::Deletes { its.strip_suffix('*').unwrap_or(its) } else { its };
            let rest = path.strip_prefix(its.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let candidate = |number: usize| {
            let item = &self.index.items[number];
            let its = self.index.path(item);
            covers(item, &its).then_some(((!item.is_folder, its.len()), number as u32))
        };
        self.index.of_layers(by, by).filter_map(candidate).max().map(|(_, number)| number)
    }
}
