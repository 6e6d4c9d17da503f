//! Images as bytes: config, manifest, archives, layers, the store of what was read of them, and
//! Dockerfiles as text. Knows no engine: what an engine exports comes in as a plain `Read`.
//!
//! Reading is blocking and takes one pass in constant memory; callers with an async runtime put
//! it on a blocking thread.

pub mod accounts;
pub mod archive;
pub mod config;
pub mod digests;
pub mod dockerfile;
pub mod files;
pub mod layers;
pub mod manifest;
pub mod packages;
pub mod registry;
pub mod store;
pub mod traces;
pub mod transfer;
pub mod tree;

mod compression;
mod keep;
mod members;

use crate::types::{ByteSize, ImageId};
use config::Config;
use layers::LayerFacts;
use packages::Owners;
use std::sync::Arc;

/// All that was read of one image, and proven: the id is the digest of the config's bytes, and
/// each layer has the diff id that the config lists.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// The digest of the config's bytes.
    pub id: ImageId,
    /// The config, parsed.
    pub config: Config,
    /// The config's exact bytes.
    pub config_bytes: Vec<u8>,
    /// The names that the archive has for it, as they are written there.
    pub tags: Vec<String>,
    /// The layers, bottom first; one that is listed twice is here twice.
    pub layers: Vec<Arc<LayerFacts>>,
}

impl ImageFacts {
    /// The uncompressed sum of the layers' tar sizes, in bytes.
    pub fn size(&self) -> ByteSize {
        ByteSize(self.layers.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.size.0)))
    }

    /// Which package each of its files belongs to.
    pub fn owners(&self) -> Owners {
        let entries = self.layers.iter().flat_map(|layer| &layer.entries);
        Owners::of(entries.filter_map(|entry| Some((&*entry.path, entry.text.as_deref()?))))
    }
}
