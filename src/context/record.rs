//! What a tree held at a moment, and its form on disk: a line of magic, then fields of fixed size
//! and text with its length before it. Text formats took several times as long to load.

use super::walk::Kind;
use crate::types::Digest;
use sha2::{Digest as _, Sha256};

const MAGIC: &[u8] = b"loadline tree 1\n";

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// The entries of a tree, in the order of the walk, with the digests of their contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRecord {
    /// When the walk began, in nanoseconds since 1970: what was changed not long before may have
    /// been changed again without a trace in its times.
    pub(super) started_ns: i64,
    pub(super) entries: Vec<Recorded>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) stamp: Stamp,
    /// Of the content of a file; of nothing otherwise.
    pub(super) content: Hash,
    /// Of the extended attributes, if there are any.
    pub(super) attributes: Option<Hash>,
}

/// What a `stat` says that changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    pub(super) inode: u64,
    pub(super) dev: u64,
}

/// The bytes are no record, or one of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was kept of the last build's files is not readable")]
pub struct RecordError;

impl TreeRecord {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of all that decides what an image is built from this tree: names, kinds,
    /// permissions, contents, extended attributes. Times and inodes are not part of it.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let mut form = Vec::new();
        for entry in &self.entries {
            form.clear();
            entry.write_identity(&mut form);
            hash.update(&form);
        }
        Digest::from_hash(hash)
    }

    /// The form on disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAGIC.len() + 16 + self.entries.len() * 160);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.started_ns.to_le_bytes());
        out.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            entry.write(&mut out);
        }
        out
    }

    /// Reads the form on disk, all of it or nothing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut input = Input(bytes.strip_prefix(MAGIC).ok_or(RecordError)?);
        let started_ns = input.i64()?;
        let count = input.u64()?;
        // A damaged count must not reserve all memory.
        let mut entries = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(bytes.len() / 64));
        for _ in 0..count {
            entries.push(Recorded::read(&mut input)?);
        }
        if input.0.is_empty() { Ok(Self { started_ns, entries }) } else { Err(RecordError) }
    }
}

impl Recorded {
    /// All that an image depends on.
    fn write_identity(&self, out: &mut Vec<u8>) {
        write_text(out, &self.path);
        write_kind(out, &self.kind);
        out.extend_from_slice(&self.mode.to_le_bytes());
        out.extend_from_slice(&self.content);
        out.push(u8::from(self.attributes.is_some()));
        out.extend_from_slice(self.attributes.as_ref().map_or(&[], |hash| &hash[..]));
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.write_identity(out);
        let Stamp { size, mtime_ns, ctime_ns, inode, dev } = self.stamp;
        for number in [size, inode, dev] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&mtime_ns.to_le_bytes());
        out.extend_from_slice(&ctime_ns.to_le_bytes());
    }

    fn read(input: &mut Input) -> Result<Self, RecordError> {
        let path = input.text()?;
        let kind = read_kind(input)?;
        let mode = input.u32()?;
        let content = input.array()?;
        let attributes = match input.array()? {
            [0] => None,
            [1] => Some(input.array()?),
            [_] => return Err(RecordError),
        };
        let (size, inode, dev) = (input.u64()?, input.u64()?, input.u64()?);
        let stamp = Stamp { size, inode, dev, mtime_ns: input.i64()?, ctime_ns: input.i64()? };
        Ok(Self { path, kind, mode, stamp, content, attributes })
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // Paths and targets are at most a few thousand bytes long: the kernel sees to that.
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn write_kind(out: &mut Vec<u8>, kind: &Kind) {
    let (tag, text, numbers) = match kind {
        Kind::File => (0, None, None),
        Kind::Directory => (1, None, None),
        Kind::Symlink { target } => (2, Some(target), None),
        Kind::Hardlink { of } => (3, Some(of), None),
        Kind::Fifo => (4, None, None),
        Kind::Socket => (5, None, None),
        Kind::CharDevice { major, minor } => (6, None, Some([major, minor])),
        Kind::BlockDevice { major, minor } => (7, None, Some([major, minor])),
    };
    out.push(tag);
    if let Some(text) = text {
        write_text(out, text);
    }
    for number in numbers.into_iter().flatten() {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn read_kind(input: &mut Input) -> Result<Kind, RecordError> {
    Ok(match input.array::<1>()? {
        [0] => Kind::File,
        [1] => Kind::Directory,
        [2] => Kind::Symlink { target: input.text()? },
        [3] => Kind::Hardlink { of: input.text()? },
        [4] => Kind::Fifo,
        [5] => Kind::Socket,
        [6] => Kind::CharDevice { major: input.u32()?, minor: input.u32()? },
        [7] => Kind::BlockDevice { major: input.u32()?, minor: input.u32()? },
        _ => return Err(RecordError),
    })
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(RecordError)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(RecordError)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, RecordError> {
        self.array().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, RecordError> {
        let length = self.u32()? as usize;
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| RecordError)?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TreeRecord {
        let kinds = [
            Kind::File,
            Kind::Directory,
            Kind::Symlink { target: "é".into() },
            Kind::Hardlink { of: "a".into() },
            Kind::Fifo,
            Kind::Socket,
            Kind::CharDevice { major: 1, minor: 3 },
            Kind::BlockDevice { major: 7, minor: 0 },
        ];
        let stamp = Stamp { size: 5, mtime_ns: -1, ctime_ns: 7, inode: 3, dev: 1 };
        let entry = |(i, kind)| Recorded {
            path: format!("p\n{i}"),
            kind,
            mode: 0o100_644,
            stamp,
            content: [i as u8; 32],
            attributes: (i % 2 == 0).then_some([9; 32]),
        };
        TreeRecord { started_ns: 99, entries: kinds.into_iter().enumerate().map(entry).collect() }
    }

    #[test]
    fn a_record_is_read_back_whole_or_not_at_all() {
        let record = sample();
        let bytes = record.to_bytes();
        assert_eq!(TreeRecord::from_bytes(&bytes), Ok(record));
        for length in 0..bytes.len() {
            assert_eq!(TreeRecord::from_bytes(&bytes[..length]), Err(RecordError), "{length}");
        }
        assert_eq!(TreeRecord::from_bytes(&[&bytes[..], b"x"].concat()), Err(RecordError));
        let mut huge = bytes;
        huge[MAGIC.len() + 8..MAGIC.len() + 16].fill(0xff);
        assert_eq!(TreeRecord::from_bytes(&huge), Err(RecordError));
    }

    #[test]
    fn the_digest_is_of_what_is_built_from() {
        let digest = sample().digest();
        let mut touched = sample();
        touched.entries[0].stamp.mtime_ns = 1_000;
        assert_eq!(touched.digest(), digest);
        let mut changed = sample();
        changed.entries[0].mode = 0o100_755;
        assert_ne!(changed.digest(), digest);
    }
}
