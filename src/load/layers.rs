//! What is known of an image's layers before they are moved.

use crate::image::store::Store;
use crate::types::{ByteSize, Digest};
use std::collections::{HashMap, HashSet};

/// A layer of an image that is to be loaded.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) diff_id: Digest,
    /// The size of its uncompressed tar, if it was ever counted.
    pub(super) size: Option<ByteSize>,
}

/// All layers of an image, bottom first.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) all: Vec<Layer>,
    /// About how many bytes those of unknown size have together, if that can be told.
    rest: Option<u64>,
}

impl Layers {
    /// The layers `diff_ids` as far as `sizes` knows them. `shown` is what the engine says of the
    /// image, where that counts its files: a tar's headers are not in it.
    pub(super) fn of(diff_ids: &[Digest], sizes: &Store, shown: Option<u64>) -> Self {
        let layer = |diff_id: &Digest| Layer { diff_id: diff_id.clone(), size: sizes.size(diff_id) };
        let all: Vec<Layer> = diff_ids.iter().map(layer).collect();
        let known: u64 = all.iter().filter_map(|layer| layer.size).map(|size| size.0).sum();
        let rest = if all.iter().all(|layer| layer.size.is_some()) {
            Some(0)
        } else {
            shown.map(|shown| shown.saturating_sub(known))
        };
        Self { all, rest }
    }

    /// Whether one of them never came by here: then no load from here brought it to a node.
    pub(super) fn any_unseen(&self) -> bool {
        self.all.iter().any(|layer| layer.size.is_none())
    }

    /// Those of known size that all nodes hold, of which each has said what it holds.
    pub(super) fn held_by_all<'a>(
        &self,
        held: impl Iterator<Item = &'a HashSet<Digest>> + Clone,
    ) -> HashMap<Digest, u64> {
        let by_all = |layer: &&Layer| held.clone().all(|held| held.contains(&layer.diff_id));
        let sized = |layer: &Layer| Some((layer.diff_id.clone(), layer.size?.0));
        self.all.iter().filter(by_all).filter_map(sized).collect()
    }

    /// About how many bytes all of them have, if that can be told.
    pub(super) fn total(&self) -> Option<u64> {
        self.sum(|_| true)
    }

    /// About how many bytes those have for which `counts` holds; at most, where it is not known
    /// which of several has how many.
    pub(super) fn sum(&self, counts: impl Fn(&Digest) -> bool) -> Option<u64> {
        let (mut sum, mut any_unknown) = (0, false);
        for layer in self.all.iter().filter(|layer| counts(&layer.diff_id)) {
            match layer.size {
                Some(size) => sum += size.0,
                None => any_unknown = true,
            }
        }
        if any_unknown { Some(sum + self.rest?) } else { Some(sum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn layers(known: &[(&str, u64)], shown: Option<u64>) -> Layers {
        let directory = tempfile::tempdir().unwrap();
        let sizes = Store::at(directory.path());
        for (name, size) in known {
            sizes.keep_size(&digest(name), ByteSize(*size)).unwrap();
        }
        Layers::of(&["a", "b", "c"].map(digest), &sizes, shown)
    }

    #[test]
    fn sizes_that_were_counted_need_no_engine() {
        let layers = layers(&[("a", 10), ("b", 20), ("c", 30)], None);
        assert_eq!(layers.total(), Some(60));
        assert_eq!(layers.sum(|diff_id| *diff_id == digest("b")), Some(20));
    }

    #[test]
    fn what_was_not_counted_is_what_the_engine_shows_beyond_the_rest() {
        let layers = layers(&[("a", 10), ("b", 20)], Some(35));
        assert_eq!(layers.total(), Some(35));
        assert_eq!(layers.sum(|diff_id| *diff_id == digest("c")), Some(5));
        assert_eq!(layers.sum(|diff_id| *diff_id != digest("c")), Some(30));
        // Headers make tars larger than the files that the engine counts.
        assert_eq!(self::layers(&[("a", 10), ("b", 20)], Some(28)).sum(|_| true), Some(30));
    }

    #[test]
    fn without_the_engine_it_is_unknown_and_no_guess_is_made() {
        let layers = layers(&[("a", 10)], None);
        assert_eq!(layers.total(), None);
        assert_eq!(layers.sum(|diff_id| *diff_id == digest("a")), Some(10));
        assert_eq!(layers.sum(|diff_id| *diff_id == digest("b")), None);
    }
}
