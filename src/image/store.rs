//! The layer store: what was read of a layer, by diff id, and configs by image id, so that what
//! is known is not read again. Entries are immutable and put in place by a rename, so readers
//! and writers need no lock; only pruning takes one.

use crate::image::ImageFacts;
use crate::image::config::Config;
use crate::image::layers::LayerFacts;
use crate::types::{ByteSize, Digest, ImageId};
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The shape of what is stored; what another version wrote is not read.
const VERSION: &str = "v2";
/// What is kept unless told otherwise, in bytes.
pub const DEFAULT_LIMIT: u64 = 2_000_000_000;

/// A store in a directory.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Bytes that are left.
    pub left: u64,
    /// Bytes that were removed.
    pub removed: u64,
}

/// What is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many layers.
    pub layers: usize,
    /// How many images' configs.
    pub images: usize,
    /// The size of all of it.
    pub bytes: u64,
}

impl Store {
    /// The store in `directory`, which is made when something is stored.
    pub fn at(directory: &Path) -> Self {
        Self { root: directory.join("layers").join(VERSION) }
    }

    /// What is known of the layer `diff_id`. What cannot be read is not known, and makes room for
    /// what will be read next.
    pub fn layer(&self, diff_id: &Digest) -> Option<LayerFacts> {
        let path = self.path("layer", diff_id);
        let file = File::open(&path).ok()?;
        // The time of use decides what pruning takes first.
        file.set_modified(SystemTime::now()).ok();
        let json = flate2::bufread::GzDecoder::new(BufReader::new(file));
        let facts: Option<LayerFacts> = serde_json::from_reader(BufReader::new(json)).ok();
        known(&path, facts.filter(|facts| facts.diff_id == *diff_id))
    }

    /// The size of the uncompressed tar of the layer `diff_id`, if it was ever counted: read here,
    /// or on its way through.
    pub fn size(&self, diff_id: &Digest) -> Option<ByteSize> {
        let path = self.path("size", diff_id);
        let text = fs::read_to_string(&path).ok()?;
        let size = known(&path, text.parse().ok())?;
        File::open(&path).and_then(|file| file.set_modified(SystemTime::now())).ok();
        Some(ByteSize(size))
    }

    /// Keeps what was counted of a layer that was not read.
    pub fn keep_size(&self, diff_id: &Digest, size: ByteSize) -> io::Result<()> {
        self.put(&self.path("size", diff_id), |file| write!(file, "{}", size.0))
    }

    /// What is known of the image `id`: its config and all its layers.
    pub fn image(&self, id: &ImageId) -> Option<ImageFacts> {
        let (config, config_bytes) = self.config(id)?;
        let layers = config.rootfs.diff_ids.iter().map(|diff_id| self.layer(diff_id).map(Arc::new));
        let layers = layers.collect::<Option<Vec<_>>>()?;
        Some(ImageFacts { id: id.clone(), config, config_bytes, tags: Vec::new(), layers })
    }

    /// The config of the image `id`, read and as it is written.
    pub fn config(&self, id: &ImageId) -> Option<(Config, Vec<u8>)> {
        let path = self.path("config", &id.0);
        let bytes = fs::read(&path).ok()?;
        let parsed = Config::parse(&bytes).ok().filter(|(found, _)| found == id);
        let (_, config) = known(&path, parsed)?;
        File::open(&path).and_then(|file| file.set_modified(SystemTime::now())).ok();
        Some((config, bytes))
    }

    /// Keeps what was read of an image. What is there is replaced: it may be damaged.
    pub fn keep(&self, facts: &ImageFacts) -> io::Result<()> {
        for layer in &facts.layers {
            self.put(&self.path("layer", &layer.diff_id), |file| {
                let mut gzip = flate2::write::GzEncoder::new(BufWriter::new(file), flate2::Compression::fast());
                serde_json::to_writer(&mut gzip, layer.as_ref())?;
                gzip.finish()?.flush()
            })?;
            self.keep_size(&layer.diff_id, layer.size)?;
        }
        self.put(&self.path("config", &facts.id.0), |file| file.write_all(&facts.config_bytes))
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.root
    }

    /// What is stored; nothing is touched.
    pub fn held(&self) -> io::Result<Held> {
        let mut held = Held::default();
        for (_, size, path) in self.files()? {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            held.layers += usize::from(name.starts_with(b"layer-"));
            held.images += usize::from(name.starts_with(b"config-"));
            held.bytes += size;
        }
        Ok(held)
    }

    /// Removes what was used longest ago until at most `limit` bytes are left. If another run
    /// prunes, it is left to that one.
    pub fn prune(&self, limit: u64) -> io::Result<Pruned> {
        match self.lock(FlockOperation::NonBlockingLockExclusive)? {
            Some(lock) => self.prune_locked(limit, &lock),
            None => Ok(Pruned::default()),
        }
    }

    /// As `prune`, but waits while another run prunes, so that the limit holds.
    pub fn prune_surely(&self, limit: u64) -> io::Result<Pruned> {
        if !self.root.exists() {
            return Ok(Pruned::default());
        }
        match self.lock(FlockOperation::LockExclusive)? {
            Some(lock) => self.prune_locked(limit, &lock),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn prune_locked(&self, limit: u64, _lock: &File) -> io::Result<Pruned> {
        let mut files = self.files()?;
        files.sort_by_key(|(used, ..)| *used);
        let mut pruned = Pruned { left: files.iter().map(|(_, size, _)| size).sum(), removed: 0 };
        for (_, size, path) in files {
            if pruned.left <= limit {
                break;
            }
            there(fs::remove_file(path))?;
            pruned.left -= size;
            pruned.removed += size;
        }
        Ok(pruned)
    }

    /// Removes files that were not whole yet when their writers died.
    pub fn sweep(&self) {
        self.remove_older();
        let Ok(entries) = fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let writer = name.to_str().and_then(|name| name.strip_prefix("new-")?.split('-').next());
            if writer.is_some_and(|writer| !Path::new("/proc").join(writer).exists()) {
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// Nobody reads what another shape of the store has, and nobody would prune it.
    fn remove_older(&self) {
        let older = self.root.parent().and_then(|layers| fs::read_dir(layers).ok());
        for entry in older.into_iter().flatten().flatten() {
            let number = |name: &str| name.strip_prefix('v')?.parse::<u32>().ok();
            if entry.file_name().to_str().and_then(number).is_some_and(|older| Some(older) < number(VERSION)) {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
    }

    fn path(&self, kind: &str, digest: &Digest) -> PathBuf {
        self.root.join(format!("{kind}-{}", digest.hex()))
    }

    fn put(&self, path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.root)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let new = self.root.join(format!("new-{}-{number}", std::process::id()));
        let written = File::create(&new).and_then(|mut file| write(&mut file)).and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            fs::remove_file(&new).ok();
        }
        written
    }

    /// The lock of who prunes; none if another does. It ends with the file.
    fn lock(&self, how: FlockOperation) -> io::Result<Option<File>> {
        fs::create_dir_all(&self.root)?;
        let file = File::create(self.root.join("lock"))?;
        let locked = rustix::fs::flock(&file, how).is_ok();
        Ok(locked.then_some(file))
    }

    /// Time of last use, size and path of all that is stored.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        // Before anything was stored there is no directory.
        for entry in there(fs::read_dir(&self.root))?.into_iter().flatten() {
            let entry = entry?;
            // Another run may replace or remove it meanwhile.
            let Some(meta) = there(entry.metadata())? else { continue };
            if entry.file_name() != "lock" {
                files.push((meta.modified()?, meta.len(), entry.path()));
            }
        }
        Ok(files)
    }
}

/// What `found` is, or none if there is no such file.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// `read`, which came from `path`; if it is none, what is there is damaged and removed.
fn known<T>(path: &Path, read: Option<T>) -> Option<T> {
    if read.is_none() {
        fs::remove_file(path).ok();
    }
    read
}
