//! A registry for one push, served on loopback: the way to get single layers out of an engine,
//! which exports only whole images. Of the OCI distribution specification it has what a push
//! needs ("Pushing Blobs", "Pushing Manifests"); nothing can be pulled.
//!
//! The engine asks for each layer whose compressed digest it knows whether it is there, and
//! uploads only what is not. So what it is told decides what comes.

mod serve;
#[cfg(test)]
mod tests;
mod upload;

pub use upload::Blob;

use crate::types::{Digest, ImageId};
use bytes::Bytes;
use serde::Deserialize;
use serve::Shared;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Engines trust 127.0.0.0/8 without TLS. An engine remembers each host and port that it pushed a
/// layer to, up to 50 a layer; so these few are used again and again.
/// `up` uses two of them for each image that it reads and loads.
const HOSTS: [&str; 8] = [
    "127.83.7.1:5083",
    "127.83.7.2:5083",
    "127.83.7.3:5083",
    "127.83.7.4:5083",
    "127.83.7.5:5083",
    "127.83.7.6:5083",
    "127.83.7.7:5083",
    "127.83.7.8:5083",
];
/// The only repository.
const REPOSITORY: &str = "loadline/push";

/// Whether a repository's name, such as `127.83.7.1:5083/loadline/push`, is of a registry here.
pub fn is_ours(repository: &str) -> bool {
    repository.split_once('/').is_some_and(|(host, path)| HOSTS.contains(&host) && path == REPOSITORY)
}

/// What an engine is told when it asks whether a blob is there.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Blobs that need not come, with their sizes in bytes.
    pub there: HashMap<Digest, u64>,
    /// Blobs that must come.
    pub wanted: HashSet<Digest>,
    /// Whether all other blobs are said to be there.
    pub others: bool,
}

/// What is done with the bytes that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are kept until the registry is dropped: little ones in memory, others in files
    /// without names.
    Bytes,
    /// They are counted and hashed.
    Nothing,
}

/// A registry that serves until it is dropped.
pub struct Registry {
    repository: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

/// A layer as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedLayer {
    /// The digest of the blob, which may be compressed.
    pub digest: Digest,
    /// The blob's media type.
    pub media_type: String,
    /// The blob's size in bytes; `None` if it did not come.
    pub size: Option<u64>,
}

impl Registry {
    /// Serves on the first of a few fixed loopback addresses that is free.
    ///
    /// # Errors
    /// None of them is.
    pub async fn open(answers: Answers, keep: Keep) -> io::Result<Self> {
        let mut failure = io::ErrorKind::AddrNotAvailable.into();
        for host in HOSTS {
            match TcpListener::bind(host).await {
                Ok(listener) => {
                    let shared = Arc::new(Shared::new(answers, keep));
                    let serving = tokio::spawn(serve::serve(listener, shared.clone()));
                    let repository = format!("{host}/{REPOSITORY}");
                    return Ok(Self { repository, shared, _serving: AbortOnDropHandle::new(serving) });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Where to push to: host, port and path, without a tag.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Replaces what an engine is told from now on.
    pub fn answer(&self, answers: Answers) {
        self.shared.answer(answers);
    }

    /// The blob `digest`, if it came and is kept.
    pub fn blob(&self, digest: &Digest) -> Option<Blob> {
        self.shared.blob(digest)
    }

    /// The layers of the image `id`, bottom first, as a manifest that was pushed lists them;
    /// `None` if none is of this image.
    pub fn layers(&self, id: &ImageId) -> Option<Vec<PushedLayer>> {
        let manifests = self.shared.manifests();
        let manifest = manifests.iter().rev().filter_map(parse).find(|one| one.config.digest == id.0)?;
        let pushed = |layer: Descriptor| {
            let size = self.shared.blob(&layer.digest).map(|blob| blob.size());
            PushedLayer { size, digest: layer.digest, media_type: layer.media_type }
        };
        Some(manifest.layers.into_iter().map(pushed).collect())
    }
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
    #[serde(rename = "mediaType")]
    media_type: String,
}

/// An image's manifest; `None` for an index, or what is none of both.
fn parse(bytes: &Bytes) -> Option<Manifest> {
    serde_json::from_slice(bytes).ok()
}
