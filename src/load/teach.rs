//! An engine that stores layers unpacked compresses a layer the first time that it pushes it, and
//! remembers the digest for good. Teaching is that first push, ahead of the load that needs it;
//! what comes is thrown away.

use super::layers::Layers;
use super::push::learned;
use super::{Error, Image, Memory};
use crate::engine::Engine;
use crate::image::digests::Digests;
use crate::image::registry::{Answers, Keep, Registry};
use crate::types::ImageId;
use tokio_util::sync::CancellationToken;

/// Below this many bytes of untaught layers an export is as quick.
const WORTH: u64 = 8 << 20;

/// Whether `engine` has enough to learn of `image`, which was loaded, for the next load of a
/// change to be quicker.
pub fn is_worth_teaching(engine: &Engine, image: &Image, memory: &Memory) -> bool {
    if image.is_kept_as_blobs() || !engine.address().may_share_loopback() {
        return false;
    }
    let known = memory.digests.known();
    let layers = Layers::of(&image.diff_ids, &memory.sizes, None);
    layers.sum(|diff_id| !known.contains_key(diff_id)).is_some_and(|untaught| untaught > WORTH)
}

/// Lets `engine` push the image `id` into nothing, and keeps what is learned in `digests`. What
/// was learned before stays, also in the engine, when `cancel` breaks it off.
///
/// # Errors
/// The engine has no such image, cannot reach our loopback, or was lost.
pub async fn teach(engine: &Engine, id: &ImageId, digests: &Digests, cancel: &CancellationToken) -> Result<(), Error> {
    let image = || id.short().to_owned();
    let failed = |source| Error::Engine { image: image(), source };
    let found = engine.inspect(id.0.as_str()).await.map_err(failed)?;
    // All that it has a digest for is said to be there: it need not be compressed again.
    let answers = Answers { others: true, ..Answers::default() };
    let registry = Registry::open(answers, Keep::Nothing).await;
    let registry = registry.map_err(|source| Error::NoRegistry { image: image(), source })?;
    engine.sweep_pushes(crate::image::registry::is_ours).await.map_err(failed)?;
    engine.push(&id.0, registry.repository(), cancel.cancelled()).await.map_err(failed)?;
    let layers = registry.layers(id).filter(|layers| layers.len() == found.root_fs.len());
    let Some(layers) = layers else { return Err(Error::NothingPushed { image: image() }) };
    let (digests, learned) = (digests.clone(), learned(&found.root_fs, &layers));
    let kept = tokio::task::spawn_blocking(move || digests.learn(&learned)).await;
    kept.map_err(std::io::Error::other)
        .and_then(|kept| kept)
        .map_err(|source| Error::Unrecorded { image: image(), source })
}
