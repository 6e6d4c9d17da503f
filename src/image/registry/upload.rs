//! A blob on its way in, and when it is whole.

use super::Keep;
use crate::types::Digest;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt;

/// What all blobs of one push may take of memory, in bytes; what is more goes into files.
const MEMORY: u64 = 4 << 20;
/// How much of a file is read at once.
const PIECE: u64 = 256 << 10;

/// How much memory is left to the blobs of a push.
pub(super) struct Budget(AtomicU64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU64::new(MEMORY))
    }
}

impl Budget {
    /// Whether `bytes` more may be kept in memory; if so they are counted.
    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A blob that is not yet whole.
pub(super) struct Upload {
    keep: Keep,
    hash: Sha256,
    size: u64,
    memory: Vec<u8>,
    file: Option<tokio::fs::File>,
}

impl Upload {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, hash: Sha256::new(), size: 0, memory: Vec::new(), file: None }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn write(&mut self, bytes: &[u8], budget: &Budget) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        match (&mut self.file, self.keep) {
            (_, Keep::Nothing) => Ok(()),
            (Some(file), Keep::Bytes) => file.write_all(bytes).await,
            (None, Keep::Bytes) if budget.take(bytes.len() as u64) => {
                self.memory.extend_from_slice(bytes);
                Ok(())
            }
            (None, Keep::Bytes) => {
                let memory = std::mem::take(&mut self.memory);
                budget.give(memory.len() as u64);
                let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
                file.write_all(&memory).await?;
                file.write_all(bytes).await?;
                self.file = Some(file);
                Ok(())
            }
        }
    }

    /// The blob, and what it hashes to.
    pub(super) async fn finish(self) -> io::Result<(Digest, Blob)> {
        let digest = Digest::from_hash(self.hash);
        let content = match (self.file, self.keep) {
            (_, Keep::Nothing) => Content::Gone,
            (None, Keep::Bytes) => Content::Memory(self.memory.into()),
            (Some(mut file), Keep::Bytes) => {
                file.flush().await?;
                Content::File(Arc::new(file.into_std().await))
            }
        };
        Ok((digest, Blob { size: self.size, content }))
    }
}

/// A blob that was uploaded whole. Cheap to clone; its bytes are gone with the last clone.
#[derive(Clone, Debug)]
pub struct Blob {
    size: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Memory(Bytes),
    File(Arc<std::fs::File>),
    Gone,
}

impl Blob {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its next bytes from `at` on; empty at its end.
    ///
    /// # Errors
    /// The file that keeps it cannot be read, or its bytes were not kept.
    pub async fn read(&self, at: u64) -> io::Result<Bytes> {
        let length = self.size.saturating_sub(at).min(PIECE);
        match &self.content {
            Content::Memory(bytes) => {
                Ok(bytes.slice(at.min(self.size) as usize..(at + length).min(self.size) as usize))
            }
            Content::Gone => Err(io::ErrorKind::NotFound.into()),
            Content::File(file) => {
                let file = file.clone();
                let read = move || {
                    let mut piece = vec![0; length as usize];
                    file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
                };
                tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// As those of [`Blob::read`].
    pub async fn whole(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.read(bytes.len() as u64).await?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&piece);
        }
    }

    /// All of it, if it is kept in memory.
    pub fn in_memory(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Memory(bytes) => Some(bytes),
            _ => None,
        }
    }
}
