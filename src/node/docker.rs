//! A node with a Docker Engine: its own API, with nothing between.

use super::state::pods;
use super::{Error, Found, Wanted};
use crate::engine::{self, Engine, ImageSummary};
use crate::types::{Digest, ImageId, ImageRef, chain_ids};
use bytes::Bytes;
use std::collections::HashSet;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long an engine may take no byte.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// An engine unpacks when it has all.
const UNPACK_LIMIT: Duration = Duration::from_secs(900);

/// An engine that said what it has.
pub struct Load {
    node: String,
    engine: Engine,
    wanted: Wanted,
    /// How this engine would name the image.
    here: ImageId,
    found: Found,
    import: Option<Import>,
}

struct Import {
    archive: mpsc::Sender<io::Result<Bytes>>,
    done: AbortOnDropHandle<Result<(), engine::Error>>,
}

impl Load {
    pub(super) async fn open(node: &str, engine: Engine, builder: &Engine, wanted: &Wanted) -> Result<Self, Error> {
        let failed = |source| Error::engine(node, source);
        // An engine with the containerd store has the image by an id of its own, which tells
        // something only where the image was built.
        let own = engine.identity().await.map_err(failed)? == builder.identity().await.map_err(failed)?;
        let here = if own { ImageId(wanted.engine_id.clone()) } else { wanted.id.clone() };
        let content = look(node, &engine, here.0.as_str()).await?.is_some();
        let mut found = Found { complete: true, content, moving: Vec::new() };
        let mut ids = Vec::new();
        for name in &wanted.names {
            match look(node, &engine, &name.canonical()).await? {
                Some(image) if image.engine_id == here.0 => ids.push(image),
                Some(image) if same_layers(&image, wanted, content) => ids.push(image),
                Some(image) => found.moving.push((name.clone(), ImageId(image.engine_id))),
                None => {}
            }
        }
        // All names must be there, and mean one image.
        let first = ids.first().map(|image| image.engine_id.clone());
        found.complete =
            ids.len() == wanted.names.len() && ids.iter().all(|image| Some(&image.engine_id) == first.as_ref());
        Ok(Self { node: node.to_owned(), engine, wanted: wanted.clone(), here, found, import: None })
    }

    pub(super) fn by(&self) -> String {
        self.engine.address().to_string()
    }

    pub(super) fn names(&self) -> &[ImageRef] {
        &self.wanted.names
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// The layers that need not be sent: those that are there on the same layers below. An engine
    /// with the containerd store takes no archive without all of them.
    pub(super) async fn present(&self) -> Result<HashSet<Digest>, Error> {
        let failed = |source| Error::engine(&self.node, source);
        if self.engine.stores_blobs().await.map_err(failed)? {
            return Ok(HashSet::new());
        }
        let chains = self.engine.chains().await.map_err(failed)?;
        let diff_ids = &self.wanted.diff_ids;
        let lacking: HashSet<&Digest> = chain_ids(diff_ids)
            .iter()
            .zip(diff_ids)
            .filter(|(chain, _)| !chains.contains(chain))
            .map(|(_, diff_id)| diff_id)
            .collect();
        // One that is listed twice lies on two chains.
        Ok(diff_ids.iter().filter(|id| !lacking.contains(id)).cloned().collect())
    }

    pub(super) fn begin(&mut self) {
        let (archive, receiver) = mpsc::channel(4);
        let engine = self.engine.clone();
        let done = AbortOnDropHandle::new(tokio::spawn(async move { engine.import(receiver).await }));
        self.import = Some(Import { archive, done });
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let Some(import) = &self.import else { return Err(self.ended()) };
        match timeout(STALL_LIMIT, import.archive.send(Ok(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.why_it_ended().await),
            Err(_) => {
                let node = self.node.clone();
                Err(Error::TooSlow { node, doing: "taking a piece of the image", after: STALL_LIMIT })
            }
        }
    }

    pub(super) async fn finish(mut self, manifest: &Digest) -> Result<Vec<String>, Error> {
        let Some(Import { archive, done }) = self.import.take() else { return Err(self.ended()) };
        drop(archive);
        let done = timeout(UNPACK_LIMIT, done).await.map_err(|_| Error::TooSlow {
            node: self.node.clone(),
            doing: "unpacking the image",
            after: UNPACK_LIMIT,
        })?;
        done.map_err(|_| self.ended())?.map_err(|source| self.not_taken(source))?;
        let ids = [&self.wanted.id.0, manifest];
        self.prove(&ids).await?;
        self.pods().await
    }

    pub(super) async fn name(self) -> Result<Vec<String>, Error> {
        for name in &self.wanted.names {
            let repository = format!("{}/{}", name.domain(), name.path());
            let named = self.engine.tag(&self.here, &repository, name.tag().unwrap_or("latest")).await;
            named.map_err(|source| Error::engine(&self.node, source))?;
        }
        self.prove(&[&self.here.0]).await?;
        self.pods().await
    }

    /// All names must mean an image with one of `ids`: the config's digest, or where the store is
    /// containerd's the manifest's.
    async fn prove(&self, ids: &[&Digest]) -> Result<(), Error> {
        for name in &self.wanted.names {
            let found = look(&self.node, &self.engine, &name.canonical()).await?;
            let found = found.map(|image| image.engine_id);
            if !found.as_ref().is_some_and(|id| ids.contains(&id)) {
                let found = found.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
                return Err(Error::Unproven { node: self.node.clone(), what: format!("`{name}` is {found}") });
            }
        }
        Ok(())
    }

    /// The pods that run an image whose name moved.
    async fn pods(&self) -> Result<Vec<String>, Error> {
        if self.found.moving.is_empty() {
            return Ok(Vec::new());
        }
        let running = self.engine.machines("io.kubernetes.pod.name", true).await;
        let running = running.map_err(|source| Error::engine(&self.node, source))?;
        let old = |image: &str| self.found.moving.iter().any(|(_, id)| id.0.as_str() == image);
        Ok(pods(running.into_iter().filter(|one| old(&one.image)).map(|one| one.labels)))
    }

    async fn why_it_ended(&mut self) -> Error {
        let Some(Import { archive, done }) = self.import.take() else { return self.ended() };
        drop(archive);
        match timeout(STALL_LIMIT, done).await {
            Ok(Ok(Err(source))) => self.not_taken(source),
            _ => self.ended(),
        }
    }

    /// What the engine says of an archive comes in its answer's stream, after the status.
    fn not_taken(&self, source: engine::Error) -> Error {
        match source {
            engine::Error::Refused { status: 200, message, .. } => Error::refused(&self.node, message),
            source => Error::engine(&self.node, source),
        }
    }

    fn ended(&self) -> Error {
        Error::Ended { node: self.node.clone(), doing: "taking the image", said: String::new() }
    }
}

/// An image that was loaded into an engine with the containerd store is known there by the digest
/// of a manifest that nobody remembers; its name `id-…`, which only we give, says whose it is.
fn same_layers(image: &ImageSummary, wanted: &Wanted, known_by_config: bool) -> bool {
    let ours = |name: &ImageRef| name.tag().is_some_and(|tag| tag == format!("id-{}", wanted.id.short()));
    let named = wanted.names.iter().filter(|name| ours(name)).any(|name| image.names.contains(&name.to_string()));
    !known_by_config && named && image.root_fs == wanted.diff_ids
}

async fn look(node: &str, engine: &Engine, image: &str) -> Result<Option<ImageSummary>, Error> {
    match engine.inspect(image).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(source) => Err(Error::engine(node, source)),
    }
}
