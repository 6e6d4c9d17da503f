//! The pieces of an archive for the nodes: whoever takes blobs one by one needs the bytes of them,
//! whoever takes an archive needs what stands around them, too.

use super::header::{Header, padding};
use crate::types::Digest;
use bytes::Bytes;

/// A piece of the archive for the nodes.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The blob that it is a part of, where the archive tells this before the bytes: a node that
    /// has it needs none of its chunks.
    pub of: Option<Digest>,
    /// The piece.
    pub fragment: Fragment,
}

/// What a piece is of a member of the archive.
#[derive(Clone, Debug)]
pub enum Fragment {
    /// Its beginning.
    Head {
        /// The member's name.
        name: String,
        /// How many bytes it has.
        size: u64,
    },
    /// Some of its bytes, in order.
    Body(Bytes),
    /// Its end, of so many bytes that are none of the member's.
    Padding(usize),
}

impl Chunk {
    /// The beginning of a member.
    pub(super) fn head(of: Option<Digest>, name: &str, size: u64) -> Self {
        Self { of, fragment: Fragment::Head { name: name.to_owned(), size } }
    }

    /// The next bytes of a member.
    pub fn body(of: Option<Digest>, bytes: Bytes) -> Self {
        Self { of, fragment: Fragment::Body(bytes) }
    }

    /// The end of a member of `size` bytes.
    pub(super) fn end(of: Option<Digest>, size: u64) -> Self {
        Self { of, fragment: Fragment::Padding(padding(size) as usize) }
    }

    /// How many bytes it has in an archive.
    pub fn size(&self) -> usize {
        match &self.fragment {
            Fragment::Head { .. } => super::header::BLOCK,
            Fragment::Body(bytes) => bytes.len(),
            Fragment::Padding(bytes) => *bytes,
        }
    }

    /// The bytes that it is in an archive.
    pub fn in_archive(self) -> Bytes {
        match self.fragment {
            Fragment::Head { name, size } => Bytes::copy_from_slice(&Header::of_file(&name, size)),
            Fragment::Body(bytes) => bytes,
            Fragment::Padding(bytes) => vec![0; bytes].into(),
        }
    }
}
