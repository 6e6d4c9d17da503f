//! What later layers hide or delete: bytes that are in the image, and that no container sees.

use super::Placed;
use crate::image::dockerfile::Origin;
use crate::image::files::Kind;
use crate::image::layers::LayerFacts;
use crate::image::tree::Tree;
use crate::types::ByteSize;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file that a later layer hides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// The path from the root, without a leading slash.
    pub path: String,
    /// Its entry, header and padding included.
    pub size: ByteSize,
    /// The line that put it there.
    pub line: Option<u32>,
    /// The line that hides it.
    pub by: Option<u32>,
    /// What hides it has the same content: only its owner, mode or name is another one.
    pub same: bool,
}

/// For each layer and entry, the layer that hides it. Directories are merged, and never hidden.
pub(super) fn by(layers: &[Arc<LayerFacts>]) -> Vec<Vec<Option<usize>>> {
    let mut found: Vec<Vec<Option<usize>>> = layers.iter().map(|layer| vec![None; layer.entries.len()]).collect();
    for covered in Tree::new(layers).covered() {
        if layers[covered.layer].entries[covered.entry].kind != Kind::Directory {
            found[covered.layer][covered.entry] = Some(covered.by);
        }
    }
    // A file is seen as long as one of its names is.
    for (layer, hidden) in layers.iter().zip(&mut found) {
        let places: BTreeMap<&str, usize> =
            layer.entries.iter().enumerate().map(|(index, entry)| (&*entry.path, index)).collect();
        let seen: Vec<usize> = (0..hidden.len()).filter(|index| hidden[*index].is_none()).collect();
        for index in seen {
            if let Kind::HardLink(target) = &layer.entries[index].kind
                && let Some(target) = places.get(&**target)
            {
                hidden[*target] = None;
            }
        }
    }
    found
}

pub(super) fn list(all: &[Placed<'_>], origins: &[Origin]) -> Vec<Hidden> {
    let line = |layer: usize| origins.get(layer).and_then(|origin| origin.line);
    let mut contents: BTreeMap<(&str, usize), Option<u64>> = BTreeMap::new();
    for placed in all {
        contents.insert((&placed.entry.path, placed.layer), placed.entry.hash);
    }
    let hidden = |placed: &Placed<'_>| {
        let by = placed.hidden?;
        let after = contents.get(&(&*placed.entry.path, by)).copied().flatten();
        Some(Hidden {
            path: placed.entry.path.to_string(),
            size: ByteSize(placed.entry.span),
            line: line(placed.layer),
            by: line(by),
            same: after.is_some() && after == placed.entry.hash,
        })
    };
    let mut all: Vec<Hidden> = all.iter().filter_map(hidden).collect();
    all.sort_by(|one, other| (Reverse(one.size), &one.path).cmp(&(Reverse(other.size), &other.path)));
    all
}
