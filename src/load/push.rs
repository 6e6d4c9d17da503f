//! Layers out of an engine by a push to a registry that is served for it: only those that a node
//! lacks come. It says of all others that they are there; an engine that stores layers unpacked
//! then neither reads nor compresses them.

use super::Image;
use super::layers::{Layer, Layers};
use crate::engine::Engine;
use crate::image::digests::{self, Digests};
use crate::image::registry::{self, Answers, Blob, Keep, PushedLayer, Registry};
use crate::image::transfer::{ArchiveError, Contents, LayerBlob};
use crate::types::{Digest, ImageId};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// An export reads and writes all of an image, at about 90 MB/s; a push compresses, at about
/// 25 MB/s, what it sends and what was never pushed. Below an eighth of the image it surely wins.
pub(super) const COMPRESSED_SHARE: u64 = 8;
/// Where the layers are stored compressed, nothing is to be done but to send them.
const STORED_SHARE: u64 = 2;

/// What nobody notices who measures something on the same machine: a push of that takes less than a second.
const LIGHT: u64 = 16 << 20;

/// Whether a push that has to work on `work` of `total` bytes is quicker than an export: `work` is at
/// most one part of `share`. Not if that is not known.
pub(super) fn pays(work: Option<u64>, total: Option<u64>, share: u64) -> bool {
    work.zip(total).is_some_and(|(work, total)| work.saturating_mul(share) <= total)
}

/// The blobs and layers that each of those has that a push is made for.
pub(super) type Present<'a> = &'a [&'a HashSet<Digest>];

/// A push that is to be made.
pub(super) struct Push {
    pub(super) engine: Engine,
    pub(super) image: Image,
    pub(super) layers: Layers,
    pub(super) digests: Digests,
    pub(super) known: HashMap<Digest, digests::Pushed>,
    /// What takes away what a push needs, even if the load is broken off.
    pub(super) cleanup: TaskTracker,
}

/// Why a push gave nothing.
#[derive(Debug)]
pub(super) enum NotPushed {
    /// No registry could be served.
    Registry,
    /// The engine could not reach it, or failed.
    Engine,
    /// Something that was needed did not come.
    Incomplete,
}

/// An image that was pushed, as far as it was needed.
pub(super) struct Pushed {
    id: ImageId,
    config: Bytes,
    layers: Vec<Part>,
}

struct Part {
    layer: Layer,
    pushed: PushedLayer,
    blob: Option<Blob>,
}

/// What one node gets of it.
pub(super) struct Selection {
    pub(super) needed: Vec<(LayerBlob, Blob)>,
    /// The blobs that are not sent.
    pub(super) spared: HashSet<Digest>,
    pub(super) contents: Contents,
}

impl Push {
    /// Whether a push is quicker than an export, for what those lack that have these blobs and layers.
    pub(super) fn is_worth_it(&self, present: Present<'_>) -> bool {
        let share = if self.image.is_kept_as_blobs() { STORED_SHARE } else { COMPRESSED_SHARE };
        pays(self.work(present), self.layers.total(), share)
    }

    /// Whether it may go on beside a measurement. Of a layer that was never measured it is not certain
    /// that it has any bytes: the headers of the others are not in what the engine says of the image.
    pub(super) fn is_light(&self, present: Present<'_>) -> bool {
        self.work(present).is_some_and(|bytes| (1..=LIGHT).contains(&bytes))
    }

    /// About how many bytes are sent, or must be compressed for it.
    fn work(&self, present: Present<'_>) -> Option<u64> {
        let stored = self.image.is_kept_as_blobs();
        let needed: HashSet<&Digest> = self.needed(present).collect();
        self.layers.sum(|diff_id| needed.contains(diff_id) || !stored && !self.known.contains_key(diff_id))
    }

    /// The layers that one of them lacks.
    fn needed<'a>(&'a self, present: Present<'a>) -> impl Iterator<Item = &'a Digest> + 'a {
        self.layers.all.iter().filter(move |layer| self.is_needed(layer, present)).map(|layer| &layer.diff_id)
    }

    fn is_needed(&self, layer: &Layer, present: Present<'_>) -> bool {
        // A blob of unknown size cannot be named in a manifest.
        let pushed = self.known.get(&layer.diff_id).filter(|known| known.size.is_some()).map(|known| &known.digest);
        let plain = layer.size.is_some().then_some(&layer.diff_id);
        let has = |one: &&HashSet<Digest>| [plain, pushed].into_iter().flatten().any(|blob| one.contains(blob));
        !present.iter().all(has)
    }

    /// Pushes, and once more if something that is needed was wrongly said to be there: of which
    /// layer a digest is, an engine tells only in the end.
    pub(super) async fn run(self, present: Present<'_>) -> Result<Pushed, NotPushed> {
        let mut answers = self.answers(present);
        let registry = Registry::open(answers.clone(), Keep::Bytes).await.map_err(|_| NotPushed::Registry)?;
        let engine = self.engine.clone();
        // What a killed run left is in nobody's way: nothing waits for this, and nothing hangs on it.
        self.cleanup.spawn(async move { engine.sweep_pushes(registry::is_ours).await });
        for _ in 0..2 {
            self.push(&registry).await?;
            let layers = registry.layers(&self.image.id).filter(|layers| layers.len() == self.layers.all.len());
            let layers = layers.ok_or(NotPushed::Incomplete)?;
            let lacking: Vec<Digest> = self.lacking(&layers, present).cloned().collect();
            if lacking.is_empty() {
                self.learn(&layers).await;
                return self.gather(&registry, layers);
            }
            answers.wanted.extend(lacking);
            registry.answer(answers.clone());
        }
        Err(NotPushed::Incomplete)
    }

    fn answers(&self, present: Present<'_>) -> Answers {
        // An engine that knows all its digests is told of those that we know, too; one that does
        // not asks only for what it pushed before, and has no digest for what is new.
        let (others, wanted) = (!self.image.is_kept_as_blobs(), HashSet::from([self.image.id.0.clone()]));
        let mut answers = Answers { others, wanted, ..Answers::default() };
        for layer in &self.layers.all {
            let Some(known) = self.known.get(&layer.diff_id) else { continue };
            if self.is_needed(layer, present) {
                answers.wanted.insert(known.digest.clone());
            } else {
                answers.there.insert(known.digest.clone(), known.size.unwrap_or(1));
            }
        }
        answers
    }

    async fn push(&self, registry: &Registry) -> Result<(), NotPushed> {
        let (engine, image) = (self.engine.clone(), self.image.engine_id.clone());
        let repository = registry.repository().to_owned();
        let token = CancellationToken::new();
        let _broken_off = token.clone().drop_guard();
        // On its own, so that it takes its name away even when nobody waits for it any more.
        let pushing = self.cleanup.spawn(async move { engine.push(&image, &repository, token.cancelled()).await });
        pushing.await.is_ok_and(|pushed| pushed.is_ok()).then_some(()).ok_or(NotPushed::Engine)
    }

    fn lacking<'a>(&'a self, layers: &'a [PushedLayer], present: Present<'a>) -> impl Iterator<Item = &'a Digest> + 'a {
        let came = |pushed: &PushedLayer| pushed.size.is_some();
        let lacks = move |(layer, pushed): &(&Layer, &PushedLayer)| !came(pushed) && self.is_needed(layer, present);
        self.layers.all.iter().zip(layers).filter(lacks).map(|(_, pushed)| &pushed.digest)
    }

    /// Remembers what is known now. If that fails the next load is slower, no more.
    async fn learn(&self, layers: &[PushedLayer]) {
        let learned = learned(self.layers.all.iter().map(|layer| &layer.diff_id), layers);
        if learned.iter().all(|one| self.known.get(&one.diff_id).is_some_and(|known| known.digest == one.digest)) {
            return;
        }
        let digests = self.digests.clone();
        let _kept = tokio::task::spawn_blocking(move || digests.learn(&learned)).await;
    }

    fn gather(&self, registry: &Registry, layers: Vec<PushedLayer>) -> Result<Pushed, NotPushed> {
        let config = registry.blob(&self.image.id.0).and_then(|blob| blob.in_memory().cloned());
        let config = config.ok_or(NotPushed::Incomplete)?;
        let parts = self.layers.all.iter().zip(layers).map(|(layer, mut pushed)| {
            let known = self.known.get(&layer.diff_id).filter(|known| known.digest == pushed.digest);
            pushed.size = pushed.size.or_else(|| known?.size);
            Part { layer: layer.clone(), blob: registry.blob(&pushed.digest), pushed }
        });
        Ok(Pushed { id: self.image.id.clone(), config, layers: parts.collect() })
    }
}

/// What a push of the layers `diff_ids` taught.
pub(super) fn learned<'a>(
    diff_ids: impl IntoIterator<Item = &'a Digest>,
    layers: &[PushedLayer],
) -> Vec<digests::Pushed> {
    let pair = |(diff_id, layer): (&Digest, &PushedLayer)| digests::Pushed {
        diff_id: diff_id.clone(),
        digest: layer.digest.clone(),
        size: layer.size,
    };
    diff_ids.into_iter().zip(layers).map(pair).collect()
}

impl Pushed {
    /// Its config's bytes, and each layer that came.
    pub(super) fn into_parts(self) -> (Bytes, Vec<(Digest, Blob)>) {
        let came = |part: Part| Some((part.layer.diff_id, part.blob?));
        (self.config, self.layers.into_iter().filter_map(came).collect())
    }

    /// What a node needs that has `present`.
    pub(super) fn select(&self, present: &HashSet<Digest>) -> Result<Selection, ArchiveError> {
        let (mut needed, mut spared, mut blobs) = (Vec::new(), HashSet::new(), Vec::new());
        for part in &self.layers {
            let blob = match (part.there(present), &part.blob) {
                (Some(there), _) => {
                    spared.insert(there.digest.clone());
                    there
                }
                (None, bytes) => {
                    let pushed = part.as_pushed(part.pushed.size.unwrap_or_default());
                    // One that is listed twice is sent once.
                    let again = needed.iter().any(|(one, _): &(LayerBlob, Blob)| one.digest == pushed.digest);
                    needed.extend(bytes.clone().filter(|_| !again).map(|bytes| (pushed.clone(), bytes)));
                    pushed
                }
            };
            blobs.push(blob);
        }
        let diff_ids: Vec<Digest> = self.layers.iter().map(|part| part.layer.diff_id.clone()).collect();
        let contents = Contents::of_blobs(self.id.clone(), self.config.clone(), &diff_ids, &blobs)?;
        Ok(Selection { needed, spared, contents })
    }
}

impl Part {
    /// The blob as which a node with `present` has it, or says that it needs none.
    fn there(&self, present: &HashSet<Digest>) -> Option<LayerBlob> {
        let Layer { diff_id, size } = &self.layer;
        if let Some(size) = size.filter(|_| present.contains(diff_id)) {
            return Some(LayerBlob { digest: diff_id.clone(), size: size.0, gzip: false });
        }
        let size = self.pushed.size.filter(|_| present.contains(&self.pushed.digest))?;
        Some(self.as_pushed(size))
    }

    fn as_pushed(&self, size: u64) -> LayerBlob {
        LayerBlob { digest: self.pushed.digest.clone(), size, gzip: self.pushed.media_type.ends_with("gzip") }
    }
}
