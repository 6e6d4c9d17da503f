//! From the archive that an engine exports to one that every node takes, on the fly: an OCI
//! layout (image-spec, "Image Layout") for containerd which is a `docker load` archive too.
//!
//! Layers pass as they come and are hashed on their way; only what describes the image (config,
//! manifests) is kept. The archive's order is free, but a member's size comes before its bytes:
//! so the layers go first, and the manifest, which needs all their digests, goes last.

mod chunk;
mod contents;
mod convert;
mod error;
mod header;
mod legacy;
#[cfg(test)]
mod tests;

pub use chunk::{Chunk, Fragment};
pub use contents::{Contents, Form, LayerBlob};
pub use convert::Converter;
pub use error::ArchiveError;
