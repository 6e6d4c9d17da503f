//! The layers of an image with the lines that made them; the first row is the whole image.

use super::files::Scope;
use super::index::Index;
use super::list::List;
use crate::image::ImageFacts;
use crate::image::dockerfile::Origin;
use crate::image::layers::LayerFacts;
use std::sync::Arc;

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Where it comes from.
    pub origin: Origin,
    /// The length of its tar in bytes.
    pub bytes: u64,
    /// What later layers hide of it, in bytes.
    pub hidden: u64,
    /// What it hides of the layers below, in bytes; that stays in the image.
    pub hides: u64,
    /// How many entries it has.
    pub entries: usize,
}

/// Which files a layer's row shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Its own changes.
    #[default]
    Changes,
    /// All up to it.
    UpTo,
}

/// The layers.
pub struct Layers {
    /// The bottom layer first.
    pub all: Vec<Layer>,
    /// What is hidden of all of them, in bytes.
    pub hidden: u64,
    /// The cursor: row 0 is the whole image, row 1 the bottom layer.
    pub list: List,
    /// What the selected row shows.
    pub extent: Extent,
}

impl Layers {
    /// Those of `facts`, each with its one of `origins`.
    pub fn new(facts: &ImageFacts, index: &Index<'_>, origins: &[Origin]) -> Self {
        let unknown = Origin { line: None, base: false, text: String::new() };
        let layer = |(number, layer): (usize, &Arc<LayerFacts>)| Layer {
            origin: origins.get(number).unwrap_or(&unknown).clone(),
            bytes: layer.size.0,
            hidden: 0,
            hides: 0,
            entries: layer.entries.len(),
        };
        let mut all: Vec<Layer> = facts.layers.iter().enumerate().map(layer).collect();
        for item in index.items.iter().filter(|item| !item.is_folder) {
            if let Some(by) = item.hidden_by() {
                all[item.layer as usize].hidden += item.bytes;
                all[by as usize].hides += item.bytes;
            }
        }
        let hidden = all.iter().map(|layer| layer.hidden).sum();
        Self { all, hidden, list: List::default(), extent: Extent::default() }
    }

    /// How many rows there are.
    pub fn length(&self) -> usize {
        self.all.len() + 1
    }

    /// The number of the selected layer, from 0; none for the whole image.
    pub fn selected(&self) -> Option<usize> {
        self.list.cursor.checked_sub(1).filter(|number| *number < self.all.len())
    }

    /// What the selected row shows.
    pub fn scope(&self) -> Scope {
        let top = self.all.len().saturating_sub(1) as u32;
        match (self.selected().map(|number| number as u32), self.extent) {
            (None, _) => Scope { first: 0, last: top, horizon: top, marked: None },
            (Some(number), Extent::Changes) => {
                Scope { first: number, last: number, horizon: top, marked: Some(number) }
            }
            (Some(number), Extent::UpTo) => Scope { first: 0, last: number, horizon: number, marked: Some(number) },
        }
    }
}
