//! What is known of an image: from the layer store, or read once from the engine or an archive.

use crate::cli::session::Session;
use crate::engine::{Engine, ImageSummary};
use crate::image::ImageFacts;
use crate::image::archive::{Archive, ArchiveError, Choice, Progress};
use crate::image::config::Config;
use crate::image::digests::Digests;
use crate::image::dockerfile::{self, Dockerfile, Origin};
use crate::image::layers::{LayerFacts, read_layer};
use crate::image::store::{DEFAULT_LIMIT, Store};
use crate::load::{Image, Memory, fetch};
use crate::types::{Digest, Explained, ImageId, Outcome};
use crate::verify::Source;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How much of a layer says how it is compressed, in bytes.
const START: usize = 512;

/// An image that was read, or was known already.
pub struct Known {
    /// What is known.
    pub facts: ImageFacts,
    /// How long reading took; zero if nothing was read.
    pub read: Duration,
}

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The archive is not whole, or not what it says.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What the engine gave is another image than the one that was asked for.
    #[error("the engine exported {found} as {wanted}")]
    Other {
        /// The image that was asked for.
        wanted: String,
        /// The image that came.
        found: ImageId,
    },
    /// Reading was interrupted, or the reader failed in itself.
    #[error("reading {image} was interrupted")]
    Interrupted {
        /// The image.
        image: String,
    },
}

impl Explained for ReadError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Archive(error) => error.outcome(),
            Self::Other { .. } => Outcome::Unreachable,
            Self::Interrupted { .. } => Outcome::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Archive(error) => error.hint(),
            _ => None,
        }
    }
}

/// The layer store, in `$XDG_CACHE_HOME/loadline`.
pub fn store() -> Store {
    Store::at(&cache_directory())
}

/// What is known of the digests by which `engine` pushes layers.
pub fn digests(engine: &Engine) -> Digests {
    Digests::at(&cache_directory(), &engine.address().to_string())
}

/// What loads out of `engine` remember.
pub fn memory(engine: &Engine) -> Memory {
    Memory { digests: digests(engine), sizes: store() }
}

fn cache_directory() -> PathBuf {
    let read = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = read("XDG_CACHE_HOME").or_else(|| read("HOME").map(|home| home.join(".cache")));
    home.unwrap_or_else(std::env::temp_dir).join("loadline")
}

/// What is known of the image that the engine calls `summary.engine_id`; `id` is its config's
/// digest, if that is known. `name` is what it is called in messages.
pub async fn of_engine(
    session: &Session,
    engine: &Engine,
    name: &str,
    summary: &ImageSummary,
    id: Option<&ImageId>,
) -> Result<Known, ReadError> {
    let store = store();
    store.sweep();
    // On a graph driver the engine's id is the config's digest; elsewhere the store has no such image.
    let wanted = id.cloned().unwrap_or_else(|| ImageId(summary.engine_id.clone()));
    if let Some(facts) = store.image(&wanted) {
        return Ok(Known { facts, read: Duration::ZERO });
    }
    let begun = Instant::now();
    let image = Image::of(name, &wanted, summary, &[]);
    // An engine that keeps blobs calls an image by its manifest: it cannot be asked for by that.
    let by_config = id.is_some() || !engine.stores_blobs().await.unwrap_or(true);
    if by_config && let Some(facts) = by_layer(session, engine, &image, summary, &store).await {
        return Ok(Known { facts, read: begun.elapsed() });
    }
    let reader = engine.export_reader(&summary.engine_id.to_string());
    let facts = read(session, name, reader, Choice::default(), Some(store)).await?;
    // The same layers are the same content, whatever the engine's ids are made of.
    let same: Vec<_> = facts.config.rootfs.diff_ids.iter().collect();
    if id.is_some_and(|id| *id != facts.id) || same != summary.root_fs.iter().collect::<Vec<_>>() {
        return Err(ReadError::Other { wanted: name.to_owned(), found: facts.id });
    }
    // An image of a plan is built and read again.
    if id.is_some() {
        session.lessons.note(engine, &image, &memory(engine));
    }
    Ok(Known { facts, read: begun.elapsed() })
}

/// What is known of `image` when the layers of it that are not known yet have been read, without the
/// others: most images are the ones before with a layer or two changed. None if an export is quicker, or the
/// only way.
async fn by_layer(
    session: &Session,
    engine: &Engine,
    image: &Image,
    summary: &ImageSummary,
    store: &Store,
) -> Option<ImageFacts> {
    let known = |diff_id: &Digest| Some((diff_id.clone(), Arc::new(store.layer(diff_id)?)));
    let mut layers: HashMap<Digest, Arc<LayerFacts>> = summary.root_fs.iter().filter_map(known).collect();
    let (memory, held) = (memory(engine), layers.keys().cloned().collect());
    let fetching = fetch(engine, image, summary, &memory, &held);
    let fetched = session.cancel.run_until_cancelled(fetching).await??;
    for (diff_id, blob) in fetched.layers {
        let bytes = blob.whole().await.ok()?;
        let start = bytes.get(..bytes.len().min(START))?.to_vec();
        let read = tokio::task::spawn_blocking(move || read_layer(&start, &bytes[..])).await.ok()?.ok()?;
        (read.diff_id == diff_id).then(|| layers.insert(diff_id, Arc::new(read)))?;
    }
    let (found, config) = Config::parse(&fetched.config).ok()?;
    let layers = summary.root_fs.iter().map(|diff_id| layers.get(diff_id).cloned()).collect::<Option<Vec<_>>>()?;
    let facts = ImageFacts { id: found, config, config_bytes: fetched.config.to_vec(), tags: Vec::new(), layers };
    (facts.id == image.id && facts.config.rootfs.diff_ids == summary.root_fs).then_some(())?;
    keep(store, &facts);
    Some(facts)
}

/// Which line of its Dockerfile, if that is known, made each layer of an image.
pub fn origins(facts: &ImageFacts, source: Option<&Source>) -> Vec<Origin> {
    let dockerfile = source.map(|source| Dockerfile::parse(&source.text));
    let stage = source.and_then(|source| source.stage.as_deref());
    dockerfile::origins(&facts.config, dockerfile.as_ref(), stage)
}

/// A store that cannot be written costs the next run its time, nothing else.
fn keep(store: &Store, facts: &ImageFacts) {
    store.keep(facts).ok();
    store.prune(DEFAULT_LIMIT).ok();
}

/// What messages call the archive at `path`.
pub fn archive_name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// Reads the only image of an archive: a file, an OCI layout's directory, or `-` for stdin.
pub async fn of_archive(session: &Session, path: &Path) -> Result<Known, ReadError> {
    let begun = Instant::now();
    let name = archive_name(path);
    let facts = if path == Path::new("-") {
        read(session, &name, io::stdin(), Choice::default(), None).await?
    } else {
        let path = path.to_owned();
        blocking(session, &name, move || Archive::open(&path)?.image(&Choice::default())).await?
    };
    Ok(Known { facts, read: begun.elapsed() })
}

async fn read(
    session: &Session,
    name: &str,
    reader: impl Read + Send + 'static,
    choice: Choice,
    store: Option<Store>,
) -> Result<ImageFacts, ReadError> {
    let reader = Cancellable { reader, cancel: session.cancel.clone() };
    let reader = Progress::new(reader, name, session.events.clone());
    let label = name.to_owned();
    blocking(session, name, move || {
        let facts = Archive::read(&label, reader, store.as_ref())?.image(&choice)?;
        if let Some(store) = store {
            keep(&store, &facts);
        }
        Ok(facts)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    session: &Session,
    name: &str,
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ReadError> {
    let interrupted = || ReadError::Interrupted { image: name.to_owned() };
    tokio::select! {
        done = tokio::task::spawn_blocking(work) => Ok(done.map_err(|_| interrupted())??),
        () = session.cancel.cancelled() => Err(interrupted()),
    }
}

/// A reader that ends when the run is interrupted: a blocking thread cannot be stopped otherwise.
struct Cancellable<R> {
    reader: R,
    cancel: CancellationToken,
}

impl<R: Read> Read for Cancellable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() { Err(io::ErrorKind::ConnectionAborted.into()) } else { self.reader.read(buffer) }
    }
}
