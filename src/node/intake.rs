//! How the chunks of an archive reach containerd. A large blob goes into its store by itself:
//! `ctr images import` hashes what containerd hashes anyway, one after the other, and waits for
//! each blob to be on the disk before it reads on. The rest is small and goes in one archive at the
//! end, where everything does if the node cannot tell where a blob ends.

use crate::image::transfer::{Chunk, Fragment};
use bytes::{Bytes, BytesMut};

/// To start a command costs as much as to import so many bytes.
const LARGE: u64 = 1 << 20;
/// How many bytes of small members are kept for the end: the bound of what this holds.
const MOST_HELD: u64 = 2 << 20;

/// What became of the chunks of one archive.
pub(super) struct Intake {
    /// The word that starts the import.
    import: Bytes,
    takes_blobs: bool,
    way: Way,
    /// The beginning of the archive, as long as it was not started.
    held: BytesMut,
}

/// Where the member goes that chunks are of now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Blob,
    Held,
    /// To the archive, which was started.
    Archive,
}

impl Intake {
    /// For an import that `import` starts.
    pub(super) fn new(import: String) -> Self {
        Self { import: import.into(), takes_blobs: false, way: Way::Held, held: BytesMut::new() }
    }

    /// Whether the node takes blobs one by one.
    pub(super) fn take_blobs(&mut self, takes: bool) {
        self.takes_blobs = takes;
    }

    pub(super) fn takes_blobs(&self) -> bool {
        self.takes_blobs
    }

    /// What to write now, in order.
    pub(super) fn take(&mut self, chunk: Chunk) -> Vec<Bytes> {
        let mut out = Vec::new();
        if let Fragment::Head { size, .. } = &chunk.fragment {
            out.extend(self.choose(&chunk, *size));
        } else if self.way == Way::Held && !self.takes_blobs {
            out.push(self.start());
        }
        match (self.way, &chunk.fragment) {
            (Way::Blob, Fragment::Body(bytes)) => out.push(bytes.clone()),
            (Way::Blob, _) => {}
            (Way::Held, _) => self.held.extend_from_slice(&chunk.in_archive()),
            (Way::Archive, _) => out.push(chunk.in_archive()),
        }
        out.retain(|bytes| !bytes.is_empty());
        out
    }

    /// What to write before the archive's end.
    pub(super) fn end(&mut self) -> Bytes {
        if self.way == Way::Archive { Bytes::new() } else { self.start() }
    }

    /// Chooses the way of a member with this head.
    fn choose(&mut self, head: &Chunk, size: u64) -> Option<Bytes> {
        let small = size < LARGE && self.held.len() as u64 + size <= MOST_HELD;
        match &head.of {
            // After the archive's first byte nothing else can come.
            _ if self.way == Way::Archive => None,
            _ if small && self.takes_blobs => {
                self.way = Way::Held;
                None
            }
            Some(digest) if self.takes_blobs => {
                self.way = Way::Blob;
                Some(format!("blob {digest} {size}\n").into())
            }
            _ => Some(self.start()),
        }
    }

    /// The archive begins.
    fn start(&mut self) -> Bytes {
        self.way = Way::Archive;
        let mut start = BytesMut::from(self.import.as_ref());
        start.extend_from_slice(&self.held.split());
        start.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Digest;

    fn member(of: Option<&Digest>, size: u64) -> Vec<Chunk> {
        let body = Chunk::body(of.cloned(), vec![7; size as usize].into());
        let head = Chunk { of: of.cloned(), fragment: Fragment::Head { name: "x".into(), size } };
        vec![head, body, Chunk { of: of.cloned(), fragment: Fragment::Padding(3) }]
    }

    fn written(takes_blobs: bool, members: Vec<Vec<Chunk>>) -> Vec<u8> {
        let mut intake = Intake::new("import\n".into());
        intake.take_blobs(takes_blobs);
        let mut out: Vec<u8> = members.into_iter().flatten().flat_map(|chunk| intake.take(chunk)).flatten().collect();
        out.extend(intake.end());
        out
    }

    fn is_archive(bytes: &[u8], sizes: &[u64]) -> bool {
        bytes.starts_with(b"import\n") && bytes.len() as u64 == 7 + sizes.iter().map(|size| 512 + size + 3).sum::<u64>()
    }

    #[test]
    fn a_large_blob_goes_by_itself_and_the_small_ones_at_the_end() {
        let blob = Digest::of(b"blob");
        let out = written(true, vec![member(Some(&blob), 5), member(Some(&blob), LARGE), member(None, 9)]);
        let line = format!("blob {blob} {LARGE}\n");
        let rest = out.strip_prefix(line.as_bytes()).unwrap();
        assert!(is_archive(&rest[LARGE as usize..], &[5, 9]));
    }

    #[test]
    fn a_large_member_that_nothing_names_starts_the_archive_and_nothing_follows_but_it() {
        let blob = Digest::of(b"blob");
        let out = written(true, vec![member(Some(&blob), 5), member(None, LARGE), member(Some(&blob), LARGE)]);
        assert!(is_archive(&out, &[5, LARGE, LARGE]));
    }

    #[test]
    fn a_node_that_cannot_tell_blobs_apart_gets_an_archive_at_once() {
        let blob = Digest::of(b"blob");
        assert!(is_archive(&written(false, vec![member(Some(&blob), 5), member(Some(&blob), LARGE)]), &[5, LARGE]));
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let blob = Digest::of(b"blob");
        let many = 40;
        let mut intake = Intake::new("import\n".into());
        intake.take_blobs(true);
        for chunk in (0..many).flat_map(|_| member(Some(&blob), LARGE / 4)) {
            intake.take(chunk);
            assert!(intake.held.len() as u64 <= MOST_HELD + 4096);
        }
    }
}
