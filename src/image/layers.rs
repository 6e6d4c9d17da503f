//! Reading a layer: its diff id, its size and the index of its entries, in one pass.

use crate::image::compression::decompressed;
use crate::image::files::{Entry, Kind};
use crate::image::keep::Keep;
use crate::image::members::Members;
pub use crate::image::members::TarError;
use crate::image::traces;
use crate::types::{ByteSize, Digest};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::hash::Hasher;
use std::io::{self, Read};
use twox_hash::XxHash3_64;

/// Entries of one layer beyond this are no layer of this world, and would not fit into memory.
const MOST_ENTRIES: usize = 4_000_000;
/// The names of one layer with those of all directories on their way, in bytes.
const LARGEST_INDEX: usize = 512 << 20;
/// A longer path cannot be made on Linux, in bytes.
pub(super) const LONGEST_PATH: usize = 4096;
/// Kept texts of one layer, in bytes.
const LARGEST_TEXTS: usize = 16 << 20;

/// What was read of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The length of its whole uncompressed tar in bytes: headers, padding and end included.
    pub size: ByteSize,
    /// Its entries, in the order of the tar.
    pub entries: Vec<Entry>,
}

/// Why a layer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// It is no valid tar.
    #[error("its tar is not valid after `{after}`")]
    Tar {
        /// The last entry that could be read, or `its start`.
        after: String,
        /// Why.
        #[source]
        source: TarError,
    },
    /// An entry's path leads out of the image.
    #[error("its entry `{path}` leads out of the image")]
    Escapes {
        /// The path, as it is written.
        path: String,
    },
    /// An entry's path is longer than any system allows.
    #[error("an entry has a path or link of more than {LONGEST_PATH} bytes")]
    LongPath,
    /// Its index would not fit.
    #[error("it has more than {MOST_ENTRIES} entries or 512 MiB of names")]
    TooMany,
    /// The compressed stream is not valid, or what follows the tar cannot be read.
    #[error("it cannot be decompressed or read to its end")]
    Stream(#[source] io::Error),
    /// It is neither a tar nor a tar compressed with gzip or zstd.
    #[error("it is neither a tar nor a tar compressed with gzip or zstd")]
    Unknown,
}

/// Counts and digests all that is read.
struct Measured<R> {
    reader: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}

/// Reads a layer from `reader`, compressed or not; `start` are its first bytes, which `reader`
/// yields as well.
pub fn read_layer<R: Read>(start: &[u8], reader: R) -> Result<LayerFacts, LayerError> {
    let tar = decompressed(start, reader);
    let mut members = Members::new(Measured { reader: tar, hash: Sha256::new(), size: 0 });
    let entries = read_entries(&mut members)?;
    let mut measured = members.into_rest();
    io::copy(&mut measured, &mut io::sink()).map_err(LayerError::Stream)?;
    Ok(LayerFacts { diff_id: Digest::from_hash(measured.hash), size: ByteSize(measured.size), entries })
}

fn read_entries<R: Read>(members: &mut Members<R>) -> Result<Vec<Entry>, LayerError> {
    let (mut entries, mut names, mut texts) = (Vec::new(), 0, 0);
    // Where the entry before ends.
    let mut end = 0;
    let mut scratch = vec![0; 64 << 10];
    loop {
        let member = members.advance().map_err(|source| tar_error(&entries, source))?;
        let Some(member) = member else {
            return Ok(entries);
        };
        if member.path.len().max(member.link.len()) > LONGEST_PATH {
            return Err(LayerError::LongPath);
        }
        let escapes = || LayerError::Escapes { path: String::from_utf8_lossy(&member.path).into_owned() };
        let mut entry = Entry::new(&member).ok_or_else(escapes)?;
        (entry.span, end) = (members.end() - end, members.end());
        let keep = if texts < LARGEST_TEXTS { Keep::of(&entry) } else { Keep::Nothing };
        if entry.kind == Kind::File {
            let content = read_content(looked_at(&entry, keep), &mut members.content(), &mut scratch);
            if let Some(content) = content.filter(|_| entry.size > 0) {
                entry.hash = Some(content.hash);
                if entry.size <= traces::LARGEST {
                    entry.traces = traces::of(&entry.path, &content.start);
                }
                entry.text = content.text(keep);
            }
        }
        members.failure().map_err(|source| tar_error(&entries, source))?;
        texts += entry.text.as_ref().map_or(0, |text| text.len());
        let depth = entry.path.matches('/').count() + 1;
        names += member.path.len() * depth + member.link.len();
        if entries.len() >= MOST_ENTRIES || names > LARGEST_INDEX {
            return Err(LayerError::TooMany);
        }
        entries.push(entry);
    }
}

fn tar_error(entries: &[Entry], source: TarError) -> LayerError {
    let after = entries.last().map_or_else(|| "its start".into(), |entry| entry.path.to_string());
    LayerError::Tar { after, source }
}

/// What was read of a content.
struct Content {
    hash: u64,
    /// All of it, or its start if it is long.
    start: Vec<u8>,
}

/// Reads a content to its end, and keeps its start if it is not longer than `wanted`, or else so much of
/// it. A content that cannot be read is the walk's to report (`Members::failure`): it knows where.
fn read_content(wanted: usize, content: &mut impl Read, scratch: &mut [u8]) -> Option<Content> {
    let (mut hash, mut start) = (XxHash3_64::new(), Vec::new());
    loop {
        let count = match content.read(scratch) {
            Ok(0) => return Some(Content { hash: hash.finish(), start }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        hash.write(&scratch[..count]);
        start.extend_from_slice(&scratch[..count.min(wanted - start.len())]);
    }
}

/// How much of the content of `entry` is looked at, in bytes.
fn looked_at(entry: &Entry, keep: Keep) -> usize {
    let searched = if entry.size <= traces::LARGEST { entry.size } else { 0 };
    searched.max(keep.limit()) as usize
}

impl Content {
    /// What is kept of it.
    fn text(mut self, keep: Keep) -> Option<Box<str>> {
        self.start.truncate(keep.limit() as usize);
        let mut bytes = self.start;
        match keep {
            Keep::Nothing => return None,
            Keep::Whole => {}
            Keep::Interpreter => {
                bytes = bytes.strip_prefix(b"#!").and_then(|_| bytes.split(|byte| *byte == b'\n').next())?.to_vec();
            }
        }
        Some(String::from_utf8_lossy(&bytes).into())
    }
}
