//! Which layers an engine has.

use super::{Engine, Error};
use crate::types::{Digest, chain_ids};
use bollard::query_parameters::ListImagesOptions;
use futures_util::{StreamExt, TryStreamExt};
use std::collections::HashSet;

/// How many images are asked for at the same time.
const AT_ONCE: usize = 8;

impl Engine {
    /// Whether images are in containerd's store: blobs, named by their own digests, instead of
    /// unpacked layers.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn stores_blobs(&self) -> Result<bool, Error> {
        let info = self.api.info().await.map_err(|error| Error::api("asking the engine for its image store", error))?;
        let mut status = info.driver_status.into_iter().flatten().flatten();
        Ok(status.any(|text| text.starts_with("io.containerd.snapshotter.")))
    }

    /// The chain ids of all layers of all images.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn chains(&self) -> Result<HashSet<Digest>, Error> {
        let images = self.api.list_images(None::<ListImagesOptions>).await;
        let images = images.map_err(|error| Error::api("listing images", error))?;
        let asked = futures_util::stream::iter(images).map(|image| async move {
            match self.inspect(&image.id).await {
                Ok(found) => Ok(chain_ids(&found.root_fs)),
                // Removed meanwhile.
                Err(error) if error.is_not_found() => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        });
        let chains: Vec<Vec<Digest>> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(chains.into_iter().flatten().collect())
    }
}
