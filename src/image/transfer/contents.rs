//! What an image is made of, and the end of its archive: the manifest and the names.

use super::chunk::Chunk;
use super::convert::BLOBS;
use super::error::ArchiveError;
use super::header::{BLOCK, Header, padding};
use crate::types::{Digest, ImageId, ImageRef};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// containerd finds out by itself whether and how such a layer is compressed; not so with the
/// OCI's name for a tar layer.
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A member of the archive that a node got.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) size: u64,
}

/// An image of which all layers have been sent.
#[derive(Debug)]
pub struct Contents {
    id: ImageId,
    config: Bytes,
    /// What the config is called in the archive, if it was sent already.
    config_sent: Option<String>,
    layers: Vec<Layer>,
    manifest: Vec<u8>,
}

#[derive(Debug)]
struct Layer {
    name: String,
    digest: Digest,
    size: u64,
    media_type: &'static str,
}

/// A layer of an image, as a blob of a size in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerBlob {
    /// The blob's digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// Whether it is compressed with gzip.
    pub gzip: bool,
}

impl LayerBlob {
    /// What stands before its bytes in an archive.
    pub fn head(&self) -> Chunk {
        Chunk::head(Some(self.digest.clone()), &blob(&self.digest), self.size)
    }

    /// Some of its bytes.
    pub fn body(&self, bytes: Bytes) -> Chunk {
        Chunk::body(Some(self.digest.clone()), bytes)
    }

    /// What stands behind them.
    pub fn end(&self) -> Chunk {
        Chunk::end(Some(self.digest.clone()), self.size)
    }
}

/// For whom an archive's end is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// containerd. With `alias`, the image gets the name that CRI knows it by, too: containerd
    /// 1.6 makes none when a name that CRI manages moves to another image.
    Containerd {
        /// Whether to write it.
        alias: bool,
    },
    /// A Docker Engine, of either image store.
    Docker,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default, rename = "mediaType")]
    media_type: String,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

impl Contents {
    pub(super) fn gather(
        id: ImageId,
        diff_ids: &[Digest],
        documents: &HashMap<Digest, Bytes>,
        parts: &HashMap<Digest, Part>,
    ) -> Result<Self, ArchiveError> {
        let config = documents.get(&id.0).cloned().ok_or_else(|| ArchiveError::NoConfig { id: id.clone() })?;
        check_config(&id, &config, diff_ids)?;
        // Only engines with the containerd store have their layers under other digests.
        let theirs = manifest_of(&id, documents).filter(|manifest| manifest.layers.len() == diff_ids.len());
        let layer = |(index, diff_id): (usize, &Digest)| {
            let descriptor = theirs.as_ref().map(|manifest| &manifest.layers[index]);
            find(diff_id, descriptor, parts).ok_or_else(|| ArchiveError::NoLayer {
                number: index + 1,
                count: diff_ids.len(),
                diff_id: diff_id.clone(),
            })
        };
        let layers = diff_ids.iter().enumerate().map(layer).collect::<Result<Vec<_>, _>>()?;
        let manifest = write_manifest(&id, config.len(), &layers);
        let config_sent = parts.get(&id.0).map(|part| part.name.clone());
        Ok(Self { id, config, config_sent, layers, manifest })
    }

    /// The image `id` with the config `config`, as made of the blobs `layers`, bottom first.
    ///
    /// # Errors
    /// The config lists other layers than `diff_ids`.
    pub fn of_blobs(
        id: ImageId,
        config: Bytes,
        diff_ids: &[Digest],
        layers: &[LayerBlob],
    ) -> Result<Self, ArchiveError> {
        check_config(&id, &config, diff_ids)?;
        let layer = |layer: &LayerBlob| Layer {
            name: blob(&layer.digest),
            digest: layer.digest.clone(),
            size: layer.size,
            media_type: if layer.gzip { LAYER_GZIP } else { LAYER },
        };
        let layers: Vec<Layer> = layers.iter().map(layer).collect();
        let manifest = write_manifest(&id, config.len(), &layers);
        Ok(Self { id, config, config_sent: None, layers, manifest })
    }

    /// The digest of the manifest that a node gets, and by which it must know the image.
    pub fn manifest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// How many layers the image has.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// How many of its layers are among `blobs`.
    pub fn layers_of(&self, blobs: &HashSet<Digest>) -> usize {
        self.layers.iter().filter(|layer| blobs.contains(&layer.digest)).count()
    }

    /// The layers that came uncompressed: their diff ids, and their sizes in bytes.
    pub fn counted(&self) -> impl Iterator<Item = (Digest, u64)> + '_ {
        self.layers.iter().filter(|layer| layer.media_type == LAYER).map(|layer| (layer.digest.clone(), layer.size))
    }

    /// The end of the archive: what was not sent yet, the manifest, and the names.
    pub fn tail(&self, names: &[ImageRef], form: Form) -> Bytes {
        let mut tail = Vec::new();
        let config = self.config_sent.clone().unwrap_or_else(|| blob(&self.id.0));
        if self.config_sent.is_none() {
            tail.extend(member(&config, &self.config));
        }
        tail.extend(member(&blob(&self.manifest()), &self.manifest));
        if form == Form::Docker {
            let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
            let tags: Vec<String> = names.iter().map(ImageRef::canonical).collect();
            let entry = json!([{"Config": config, "RepoTags": tags, "Layers": layers}]);
            tail.extend(member("manifest.json", entry.to_string().as_bytes()));
        }
        tail.extend(member("index.json", self.index(names, form).as_bytes()));
        tail.extend([0; 2 * BLOCK]);
        tail.into()
    }

    fn index(&self, names: &[ImageRef], form: Form) -> String {
        let entry = |name: String, tag: String| {
            json!({
                "mediaType": MANIFEST, "digest": self.manifest().as_str(), "size": self.manifest.len(),
                "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag},
            })
        };
        let alias = form == Form::Containerd { alias: true };
        let alias = alias.then(|| entry(self.id.to_string(), self.id.to_string()));
        let named = names.iter().map(|name| entry(name.canonical(), name.tag().unwrap_or("latest").to_owned()));
        let manifests: Vec<Value> = alias.into_iter().chain(named).collect();
        json!({"schemaVersion": 2, "manifests": manifests}).to_string()
    }
}

fn check_config(id: &ImageId, config: &Bytes, diff_ids: &[Digest]) -> Result<(), ArchiveError> {
    let config: Config = serde_json::from_slice(config).map_err(|_| ArchiveError::NoConfig { id: id.clone() })?;
    let listed = config.rootfs.diff_ids;
    if listed == diff_ids {
        return Ok(());
    }
    let apart = (0..).find(|index| listed.get(*index) != diff_ids.get(*index)).unwrap_or_default();
    let say = |digest: Option<&Digest>| digest.map_or_else(|| "none".to_owned(), ToString::to_string);
    let (found, expected) = (say(listed.get(apart)), say(diff_ids.get(apart)));
    Err(ArchiveError::OtherLayers { id: id.clone(), found, expected })
}

/// The manifest that the engine itself has for this config.
fn manifest_of(id: &ImageId, documents: &HashMap<Digest, Bytes>) -> Option<Manifest> {
    let parsed = documents.values().filter_map(|document| serde_json::from_slice::<Manifest>(document).ok());
    parsed.into_iter().find(|manifest| manifest.config.digest == id.0.as_str())
}

fn find(diff_id: &Digest, theirs: Option<&Descriptor>, parts: &HashMap<Digest, Part>) -> Option<Layer> {
    if let Some(part) = parts.get(diff_id) {
        return Some(Layer { name: part.name.clone(), digest: diff_id.clone(), size: part.size, media_type: LAYER });
    }
    let theirs = theirs?;
    let digest: Digest = theirs.digest.parse().ok()?;
    let part = parts.get(&digest)?;
    let media_type = if theirs.media_type.ends_with("gzip") { LAYER_GZIP } else { LAYER };
    Some(Layer { name: part.name.clone(), digest, size: part.size, media_type })
}

fn write_manifest(id: &ImageId, config_size: usize, layers: &[Layer]) -> Vec<u8> {
    let describe = |layer: &Layer| json!({"mediaType": layer.media_type, "size": layer.size, "digest": layer.digest});
    let layers: Vec<Value> = layers.iter().map(describe).collect();
    let config = json!({"mediaType": CONFIG, "size": config_size, "digest": id});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).to_string().into_bytes()
}

fn blob(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

/// A whole member: header, bytes, padding.
pub(super) fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut whole = Header::of_file(name, bytes.len() as u64).to_vec();
    whole.extend_from_slice(bytes);
    whole.resize(whole.len() + padding(bytes.len() as u64) as usize, 0);
    whole
}
