//! The layers of an image that are not known yet, out of an engine without all the others.

use super::layers::Layers;
use super::push::Push;
use super::{CLEANUP_LIMIT, Image, Memory, shown};
use crate::engine::{Engine, ImageSummary};
use crate::image::registry::Blob;
use crate::types::Digest;
use bytes::Bytes;
use std::collections::HashSet;
use tokio_util::task::TaskTracker;

/// What came of an image.
#[derive(Debug)]
pub struct Fetched {
    /// Its config's bytes; they have the digest that is the image's id.
    pub config: Bytes,
    /// Layers by the diff ids that they are said to have, compressed or not.
    pub layers: Vec<(Digest, Blob)>,
}

/// Gets the layers of `image` that are not among `held`, if that is quicker than an export and can be done;
/// none otherwise, and then the export is what is left. What is learned of the layers goes into `memory`.
pub async fn fetch(
    engine: &Engine,
    image: &Image,
    summary: &ImageSummary,
    memory: &Memory,
    held: &HashSet<Digest>,
) -> Option<Fetched> {
    if !engine.address().may_share_loopback() || !image.diff_ids.iter().any(|diff_id| held.contains(diff_id)) {
        return None;
    }
    let cleanup = TaskTracker::new();
    let push = Push {
        engine: engine.clone(),
        image: image.clone(),
        layers: Layers::of(&image.diff_ids, &memory.sizes, shown(image, summary)),
        digests: memory.digests.clone(),
        known: memory.digests.known(),
        cleanup: cleanup.clone(),
    };
    let of_held = || image.diff_ids.iter().filter(|diff_id| held.contains(*diff_id));
    // What lies there as blobs is only sent; how large it is, nobody knows.
    let is_worth_it = match image.is_kept_as_blobs() {
        true => of_held().all(|diff_id| push.known.contains_key(diff_id)),
        false => push.is_worth_it(&[held]),
    };
    if !is_worth_it {
        return None;
    }
    let pushed = push.run(&[held]).await;
    cleanup.close();
    let _late = tokio::time::timeout(CLEANUP_LIMIT, cleanup.wait()).await;
    let (config, layers) = pushed.ok()?.into_parts();
    Some(Fetched { config, layers })
}
