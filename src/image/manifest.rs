//! Manifests and indexes (OCI image specification, and Docker's schema 2, which has the same
//! shape), and the `manifest.json` of `docker save`.

use crate::types::{Digest, Platform};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// What a document or a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// One image for one platform.
    Manifest,
    /// A list of manifests.
    Index,
    /// Something else.
    Other,
}

impl MediaType {
    /// Reads a media type.
    pub fn of(text: &str) -> Self {
        match text {
            "application/vnd.oci.image.manifest.v1+json" | "application/vnd.docker.distribution.manifest.v2+json" => {
                Self::Manifest
            }
            "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                Self::Index
            }
            _ => Self::Other,
        }
    }
}

/// Something that a document points to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Its media type.
    #[serde(default)]
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The platform it is for.
    #[serde(default)]
    pub platform: Option<PlatformJson>,
    /// Annotations.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
}

/// A platform as documents write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlatformJson {
    /// `linux`
    #[serde(default)]
    pub os: String,
    /// `amd64`, …
    #[serde(default)]
    pub architecture: String,
    /// `v7`, …
    #[serde(default)]
    pub variant: Option<String>,
}

/// One image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The image config.
    pub config: Descriptor,
    /// The layers, bottom first.
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<Descriptor>,
}

/// A list of manifests, and the `index.json` of an OCI layout.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Index {
    /// What it lists.
    #[serde(deserialize_with = "or_default")]
    pub manifests: Vec<Descriptor>,
}

/// One image in the `manifest.json` of `docker save`; paths are from the archive's root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Saved {
    /// The path of its config.
    pub config: String,
    /// Its names.
    #[serde(default, deserialize_with = "or_default")]
    pub repo_tags: Vec<String>,
    /// The paths of its layers, bottom first.
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<String>,
}

impl Descriptor {
    /// The name that it has in an OCI layout: containerd's whole one, or the specification's,
    /// which may be a mere tag.
    pub fn name(&self) -> Option<&str> {
        const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        NAMES.iter().find_map(|name| self.annotations.get(*name)).map(String::as_str)
    }

    /// It says something about an image (where it comes from, what is in it) and is none.
    pub fn is_attestation(&self) -> bool {
        let unknown = |platform: &PlatformJson| platform.os == "unknown" && platform.architecture == "unknown";
        self.annotations.contains_key("vnd.docker.reference.type") || self.platform.as_ref().is_some_and(unknown)
    }

    /// The platform it is for, if it says so.
    pub fn platform(&self) -> Option<Platform> {
        let PlatformJson { os, architecture, variant } = self.platform.clone()?;
        let named = !os.is_empty() && !architecture.is_empty();
        named.then(|| Platform { os, architecture, variant: variant.filter(|variant| !variant.is_empty()) })
    }
}

fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_tells_images_from_attestations() {
        let digest = format!("sha256:{}", "c".repeat(64));
        let text = format!(
            r#"{{"manifests":[
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":1,
              "platform":{{"os":"linux","architecture":"arm64","variant":""}},
              "annotations":{{"io.containerd.image.name":"docker.io/library/a:1"}}}},
            {{"digest":"{digest}","platform":{{"os":"unknown","architecture":"unknown"}}}},
            {{"digest":"{digest}","annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}]}}"#
        );
        let index: Index = serde_json::from_str(&text).unwrap();
        assert_eq!(index.manifests.iter().map(Descriptor::is_attestation).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(index.manifests[0].name(), Some("docker.io/library/a:1"));
        assert_eq!(index.manifests[0].platform().unwrap().to_string(), "linux/arm64");
        assert_eq!(MediaType::of(&index.manifests[0].media_type), MediaType::Manifest);
        assert_eq!(MediaType::of(&index.manifests[1].media_type), MediaType::Other);
    }
}
