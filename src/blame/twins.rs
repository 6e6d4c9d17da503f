//! Files that are in the image more than once, under different names.

use super::Placed;
use crate::image::files::Kind;
use crate::types::ByteSize;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Smaller ones are not worth a word, in bytes.
pub const LEAST: u64 = 4096;

/// Files of the same content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Twins {
    /// Their paths.
    pub paths: Vec<String>,
    /// The size of the content of each.
    pub content: ByteSize,
    /// What all but one of them take in the tars.
    pub wasted: ByteSize,
}

/// Those that a container sees, the most wasteful first.
pub(super) fn list(all: &[Placed<'_>]) -> Vec<Twins> {
    let mut same: BTreeMap<(u64, u64), Vec<&Placed<'_>>> = BTreeMap::new();
    for placed in all.iter().filter(|placed| placed.hidden.is_none() && placed.entry.kind == Kind::File) {
        if let Some(hash) = placed.entry.hash.filter(|_| placed.entry.size >= LEAST) {
            same.entry((placed.entry.size, hash)).or_default().push(placed);
        }
    }
    let mut twins: Vec<Twins> = same.into_values().filter(|its| its.len() > 1).map(|its| one(&its)).collect();
    twins.sort_by(|one, other| (Reverse(one.wasted), &one.paths).cmp(&(Reverse(other.wasted), &other.paths)));
    twins
}

fn one(its: &[&Placed<'_>]) -> Twins {
    let mut paths: Vec<String> = its.iter().map(|placed| placed.entry.path.to_string()).collect();
    paths.sort();
    let spans = its.iter().map(|placed| placed.entry.span);
    let most = spans.clone().max().unwrap_or_default();
    Twins { paths, content: ByteSize(its[0].entry.size), wasted: ByteSize(spans.sum::<u64>() - most) }
}
