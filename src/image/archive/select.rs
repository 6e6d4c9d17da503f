//! Which images an archive holds, which one is meant, and the proof that it is whole.

use super::{Choice, Problem, Source};
use crate::image::ImageFacts;
use crate::image::config::Config;
use crate::image::manifest::{Descriptor, Index, Manifest, MediaType, Saved};
use crate::types::{Digest, ImageRef, Platform};
use serde::de::DeserializeOwned;

/// Indexes inside indexes inside the layout's own.
const DEEPEST: usize = 4;

/// An image of the archive, before it is read.
#[derive(Clone, Debug)]
struct Candidate {
    config: String,
    layers: Vec<Blob>,
    names: Vec<String>,
    platform: Option<Platform>,
}

#[derive(Clone, Debug)]
struct Blob {
    path: String,
    media_type: String,
}

/// The image that `choice` means.
pub(super) fn image(source: &dyn Source, choice: &Choice) -> Result<ImageFacts, Problem> {
    let chosen = choose(candidates(source)?, choice)?;
    prove(source, chosen)
}

fn candidates(source: &dyn Source) -> Result<Vec<Candidate>, Problem> {
    let mut all = if source.has("manifest.json") {
        saved(source)?
    } else if source.has("index.json") {
        let mut all = Vec::new();
        for descriptor in parse::<Index>(source, "index.json")?.manifests {
            let names: Vec<String> = descriptor.name().map(str::to_owned).into_iter().collect();
            walk(source, &descriptor, &names, DEEPEST, &mut all)?;
        }
        all
    } else {
        return Err(Problem::NoImage);
    };
    merge_same(&mut all);
    for candidate in &mut all {
        let config = document(source, &candidate.config).ok().and_then(|bytes| Config::parse(&bytes).ok());
        candidate.platform = config.and_then(|(_, config)| config.platform()).or(candidate.platform.take());
    }
    if all.is_empty() { Err(Problem::NoImage) } else { Ok(all) }
}

fn saved(source: &dyn Source) -> Result<Vec<Candidate>, Problem> {
    let blob = |path: String| Blob { path, media_type: String::new() };
    let candidate = |saved: Saved| Candidate {
        config: saved.config,
        layers: saved.layers.into_iter().map(blob).collect(),
        names: saved.repo_tags,
        platform: None,
    };
    Ok(parse::<Vec<Saved>>(source, "manifest.json")?.into_iter().map(candidate).collect())
}

/// Adds the images that `descriptor` leads to.
fn walk(
    source: &dyn Source,
    descriptor: &Descriptor,
    names: &[String],
    depth: usize,
    all: &mut Vec<Candidate>,
) -> Result<(), Problem> {
    if descriptor.is_attestation() {
        return Ok(());
    }
    let path = blob_path(&descriptor.digest);
    match MediaType::of(&descriptor.media_type) {
        MediaType::Manifest => {
            let manifest: Manifest = parse(source, &path)?;
            let layers = manifest.layers.into_iter();
            all.push(Candidate {
                config: blob_path(&manifest.config.digest),
                layers: layers.map(|l| Blob { path: blob_path(&l.digest), media_type: l.media_type }).collect(),
                names: names.to_vec(),
                platform: descriptor.platform(),
            });
            Ok(())
        }
        MediaType::Index if depth == 0 => Err(Problem::Nested),
        MediaType::Index => {
            let inner = parse::<Index>(source, &path)?.manifests;
            // An engine exports an index whole and only the blobs that it has.
            let here = inner.iter().filter(|d| source.has(&blob_path(&d.digest)));
            for descriptor in here {
                walk(source, descriptor, names, depth - 1, all)?;
            }
            Ok(())
        }
        MediaType::Other => Err(Problem::MediaType { path, media_type: descriptor.media_type.clone() }),
    }
}

/// One image under several names is one candidate.
fn merge_same(all: &mut Vec<Candidate>) {
    let mut merged: Vec<Candidate> = Vec::new();
    for candidate in all.drain(..) {
        match merged.iter_mut().find(|other| other.config == candidate.config) {
            Some(other) => {
                let new = candidate.names.into_iter().filter(|name| !other.names.contains(name));
                let new: Vec<String> = new.collect();
                other.names.extend(new);
            }
            None => merged.push(candidate),
        }
    }
    *all = merged;
}

fn choose(mut all: Vec<Candidate>, choice: &Choice) -> Result<Candidate, Problem> {
    let there: Vec<String> = all.iter().map(Candidate::label).collect();
    let not_there = |wanted: String| Problem::NotThere { wanted, there: there.clone() };
    if let Some(wanted) = &choice.name {
        all.retain(|candidate| candidate.is_called(wanted));
    }
    if let Some(platform) = &choice.platform {
        all.retain(|candidate| candidate.platform.as_ref().is_none_or(|own| fits(own, platform)));
    }
    let one_name = all.windows(2).all(|pair| pair[0].names == pair[1].names);
    if choice.platform.is_none() && one_name && all.len() > 1 {
        let native = |candidate: &&Candidate| candidate.platform.as_ref().is_some_and(|own| fits(own, &machine()));
        if let Some(candidate) = all.iter().find(native) {
            return Ok(candidate.clone());
        }
    }
    match all.len() {
        0 => {
            let platform = choice.platform.as_ref().map(ToString::to_string);
            let wanted: Vec<String> = choice.name.clone().into_iter().chain(platform).collect();
            Err(not_there(wanted.join(" for ")))
        }
        1 => Ok(all.remove(0)),
        _ => Err(Problem::Several(all.iter().map(Candidate::label).collect())),
    }
}

/// A platform without a variant takes any.
fn fits(own: &Platform, wanted: &Platform) -> bool {
    own.os == wanted.os
        && own.architecture == wanted.architecture
        && (wanted.variant.is_none() || own.variant == wanted.variant)
}

fn machine() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    // Containers are Linux's, also where the engine runs in a virtual machine.
    Platform { os: "linux".into(), architecture: architecture.into(), variant: None }
}

impl Candidate {
    fn label(&self) -> String {
        let name = match self.names.first() {
            Some(name) => name.clone(),
            None => claimed(&self.config).map_or_else(|| self.config.clone(), |hex| hex[..12].to_owned()),
        };
        self.platform.as_ref().map_or(name.clone(), |platform| format!("{name} ({platform})"))
    }

    fn is_called(&self, wanted: &str) -> bool {
        let canonical = |name: &str| name.parse::<ImageRef>().ok().map(|name| name.canonical());
        let wanted_name = canonical(wanted);
        let tag = wanted.parse::<ImageRef>().ok().and_then(|name| name.tag().map(str::to_owned));
        let named = |name: &String| {
            // In an OCI layout a name may be a mere tag.
            let is_tag = !name.contains(['/', ':', '@']);
            name == wanted || (is_tag && tag.as_ref() == Some(name)) || (!is_tag && canonical(name) == wanted_name)
        };
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        let is_id = digits.len() >= 12 && claimed(&self.config).is_some_and(|hex| hex.starts_with(digits));
        is_id || (self.names.iter().any(named) && !wanted.is_empty())
    }
}

/// Reads `candidate` and compares all digests.
fn prove(source: &dyn Source, candidate: Candidate) -> Result<ImageFacts, Problem> {
    let path = candidate.config;
    let config_bytes = document(source, &path)?;
    let (id, config) = Config::parse(&config_bytes).map_err(|source| Problem::Json { path: path.clone(), source })?;
    let (expected, found) = (config.rootfs.diff_ids.len(), candidate.layers.len());
    if expected != found {
        return Err(Problem::LayerCount { image: path, expected, found });
    }
    let mut layers = Vec::with_capacity(found);
    for (index, (blob, diff_id)) in candidate.layers.iter().zip(&config.rootfs.diff_ids).enumerate() {
        let layer = source.layer(&blob.path).map_err(|problem| named(problem, index + 1, blob))?;
        if layer.diff_id != *diff_id {
            let (path, expected, found) = (blob.path.clone(), diff_id.clone(), layer.diff_id.clone());
            return Err(Problem::DiffId { number: index + 1, path, expected, found });
        }
        layers.push(layer);
    }
    Ok(ImageFacts { id, config, config_bytes, tags: candidate.names, layers })
}

/// Says which layer it is that is missing or cannot be read.
fn named(problem: Problem, number: usize, blob: &Blob) -> Problem {
    let kind = if blob.media_type.is_empty() { String::new() } else { format!(", {}", blob.media_type) };
    let what = format!(" (layer {number}{kind})");
    match problem {
        Problem::Missing { path, .. } => Problem::Missing { path, what },
        Problem::Layer { path, source, .. } => Problem::Layer { path, what, source },
        other => other,
    }
}

fn parse<T: DeserializeOwned>(source: &dyn Source, path: &str) -> Result<T, Problem> {
    let bytes = document(source, path)?;
    serde_json::from_slice(&bytes).map_err(|source| Problem::Json { path: path.to_owned(), source })
}

/// The document at `path`, which has the digest that the path says, if it says one.
fn document(source: &dyn Source, path: &str) -> Result<Vec<u8>, Problem> {
    let bytes = source.document(path)?;
    let found = Digest::of(&bytes);
    match claimed(path) {
        Some(hex) if hex != found.hex() => Err(Problem::Digest { path: path.to_owned(), found }),
        _ => Ok(bytes),
    }
}

/// The digest that `path` says its content has: `blobs/sha256/HEX`, `HEX.json`, `sha256:HEX`.
pub(super) fn claimed(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.strip_prefix("sha256:").unwrap_or(name);
    let digits = name.len() == 64 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    digits.then_some(name)
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
