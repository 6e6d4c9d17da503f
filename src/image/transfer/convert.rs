//! The conversion itself: fed with an engine's export chunk by chunk, it yields the archive for
//! the nodes chunk by chunk, and in the end what the image is made of.

use super::chunk::Chunk;
use super::contents::{Contents, Part};
use super::error::ArchiveError;
use super::header::{BLOCK, Header, Kind, padding};
use super::legacy;
use crate::types::{Digest, ImageId};
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// A config or a manifest is smaller; so are pax records.
const LARGEST_DOCUMENT: u64 = 4 << 20;
/// How much of such documents is kept in all: the bound of this conversion's memory.
const MOST_KEPT: u64 = 16 << 20;

/// Converts one export. Feed it with [`Converter::push`], then ask for [`Converter::finish`].
pub struct Converter {
    id: ImageId,
    diff_ids: Vec<Digest>,
    folders: HashMap<String, Digest>,
    /// Bytes of a header that is not yet whole.
    partial: BytesMut,
    state: State,
    /// Pax records for the next member.
    records: Vec<u8>,
    seen: u64,
    kept: u64,
    documents: HashMap<Digest, Bytes>,
    parts: HashMap<Digest, Part>,
    /// Layers that need not come, and their sizes.
    there: HashMap<Digest, u64>,
}

enum State {
    Header,
    Member { member: Member, left: u64 },
    Padding { left: u64 },
    End,
}

struct Member {
    name: String,
    size: u64,
    role: Role,
    /// What it must hash to.
    of: Option<Digest>,
    hash: Sha256,
    /// A copy, if this may be a document.
    copy: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Goes to the nodes.
    Passed,
    /// Read, but not sent on.
    Read,
    /// Pax records.
    Records,
    Skipped,
}

impl Converter {
    /// For the image `id` with these layers, bottom first. Those in `there`, of so many bytes, are
    /// where they are wanted already: the export need not be read to the end for them.
    pub fn new(id: ImageId, diff_ids: Vec<Digest>, there: HashMap<Digest, u64>) -> Self {
        Self {
            id,
            folders: legacy::folders(&diff_ids),
            diff_ids,
            partial: BytesMut::new(),
            state: State::Header,
            records: Vec::new(),
            seen: 0,
            kept: 0,
            documents: HashMap::new(),
            parts: HashMap::new(),
            there,
        }
    }

    /// How every archive for a node begins.
    pub fn head() -> Chunk {
        Chunk::body(None, super::contents::member("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#).into())
    }

    /// The blob that is being passed on, and how many bytes of it are still to come.
    pub fn underway(&self) -> Option<(Option<&Digest>, u64)> {
        match &self.state {
            State::Member { left, member } if member.role == Role::Passed => {
                Some((member.of.as_ref(), left + padding(member.size)))
            }
            _ => None,
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// Takes the next bytes of the export; what is to be sent on is added to `out`.
    ///
    /// # Errors
    /// What is wrong with the archive. The conversion cannot go on then.
    pub fn push(&mut self, mut chunk: Bytes, out: &mut Vec<Chunk>) -> Result<(), ArchiveError> {
        while !chunk.is_empty() {
            let before = chunk.len();
            match &mut self.state {
                State::End => chunk.clear(),
                State::Padding { left } => {
                    drop(chunk.split_to(up_to(*left, &chunk)));
                    *left -= (before - chunk.len()) as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
                State::Member { member, left } => {
                    let bytes = chunk.split_to(up_to(*left, &chunk));
                    *left -= bytes.len() as u64;
                    let ended = *left == 0;
                    self.kept += member.take(&bytes, self.kept);
                    if member.role == Role::Passed {
                        out.push(Chunk::body(member.of.clone(), bytes));
                    }
                    if ended {
                        self.end_member(out)?;
                    }
                }
                State::Header => {
                    let wanted = BLOCK - self.partial.len();
                    self.partial.extend_from_slice(&chunk.split_to(wanted.min(chunk.len())));
                    if self.partial.len() == BLOCK {
                        let end = self.seen + (before - chunk.len()) as u64;
                        self.begin_member(end - BLOCK as u64, out)?;
                    }
                }
            }
            self.seen += (before - chunk.len()) as u64;
        }
        Ok(())
    }

    /// The layers that need not come.
    pub fn there(&self) -> impl Iterator<Item = &Digest> {
        self.there.keys()
    }

    /// Whether nothing that is still to come is needed. Where all was to come, the end is, too: it
    /// tells that nothing was cut off.
    pub fn has_all(&self) -> bool {
        let has = |diff_id: &Digest| self.parts.contains_key(diff_id) || self.there.contains_key(diff_id);
        let between = !matches!(self.state, State::Member { .. }) && self.records.is_empty();
        between && !self.there.is_empty() && self.documents.contains_key(&self.id.0) && self.diff_ids.iter().all(has)
    }

    /// What the image is made of, when all that is needed of the export has been pushed.
    ///
    /// # Errors
    /// The export was cut off, or something that the image needs was not in it.
    pub fn finish(mut self) -> Result<Contents, ArchiveError> {
        let has_all = self.has_all();
        for (diff_id, size) in std::mem::take(&mut self.there) {
            let name = format!("{BLOBS}{}", diff_id.hex());
            self.parts.entry(diff_id).or_insert(Part { name, size });
        }
        let inside = match &self.state {
            _ if has_all => return Contents::gather(self.id, &self.diff_ids, &self.documents, &self.parts),
            State::End => return Contents::gather(self.id, &self.diff_ids, &self.documents, &self.parts),
            State::Member { member, .. } => format!("inside `{}`", member.name),
            State::Header | State::Padding { .. } => "before its end marker".to_owned(),
        };
        Err(ArchiveError::Truncated { at: self.seen, inside })
    }

    /// A member begins with the header at byte `at`.
    fn begin_member(&mut self, at: u64, out: &mut Vec<Chunk>) -> Result<(), ArchiveError> {
        let block = self.partial.split().freeze();
        if block.iter().all(|byte| *byte == 0) {
            self.state = State::End;
            return Ok(());
        }
        let mut header = Header::parse(&block).ok_or(ArchiveError::NotTar { at })?;
        if header.kind != Kind::Records {
            header.apply(&std::mem::take(&mut self.records));
        }
        let role = role(&header);
        if role == Role::Records && header.size > LARGEST_DOCUMENT {
            return Err(ArchiveError::TooLarge { name: header.name, size: header.size });
        }
        let of = self.known(&header.name);
        let member = Member::new(header, role, of);
        if role == Role::Passed {
            out.push(Chunk::head(member.of.clone(), &member.name, member.size));
        }
        let left = member.size;
        self.state = State::Member { member, left };
        if left == 0 { self.end_member(out) } else { Ok(()) }
    }

    /// The digest of a member, where its name tells it.
    fn known(&self, name: &str) -> Option<Digest> {
        match name.strip_prefix(BLOBS) {
            Some(hex) => format!("sha256:{hex}").parse().ok(),
            None => self.folders.get(name.strip_suffix("/layer.tar")?).cloned(),
        }
    }

    fn end_member(&mut self, out: &mut Vec<Chunk>) -> Result<(), ArchiveError> {
        let State::Member { member, .. } = std::mem::replace(&mut self.state, State::Header) else { return Ok(()) };
        let gap = padding(member.size);
        if gap > 0 {
            self.state = State::Padding { left: gap };
        }
        match member.role {
            Role::Records => self.records = member.copy.unwrap_or_default(),
            Role::Skipped => {}
            Role::Passed | Role::Read => {
                if member.role == Role::Passed {
                    out.push(Chunk::end(member.of.clone(), member.size));
                }
                let hashed = member.is_hashed();
                let digest = match &member.of {
                    Some(of) if !hashed => of.clone(),
                    _ => Digest::from_hash(member.hash),
                };
                // A document that was damaged on its way ends here, not in a node.
                if member.of.is_some_and(|of| of != digest) {
                    return Err(ArchiveError::WrongDigest { name: member.name, found: digest });
                }
                if let Some(copy) = member.copy {
                    self.documents.insert(digest.clone(), copy.into());
                }
                if member.role == Role::Passed {
                    self.parts.insert(digest, Part { name: member.name, size: member.size });
                }
            }
        }
        Ok(())
    }
}

/// The folder of blobs in an OCI layout.
pub(super) const BLOBS: &str = "blobs/sha256/";

/// What becomes of a member. Engines before 25 write `<id>/layer.tar`, `<id>/json`, `<id>/VERSION`
/// for each layer and the config as `<digest>.json`; newer ones an OCI layout.
fn role(header: &Header) -> Role {
    let name = header.name.as_str();
    match header.kind {
        Kind::Records => Role::Records,
        Kind::Empty | Kind::Other => Role::Skipped,
        Kind::File if name.starts_with(BLOBS) || name.ends_with("/layer.tar") => Role::Passed,
        Kind::File if name.ends_with(".json") && !name.contains('/') => Role::Read,
        Kind::File => Role::Skipped,
    }
}

fn up_to(left: u64, chunk: &Bytes) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len())
}

impl Member {
    fn new(header: Header, role: Role, of: Option<Digest>) -> Self {
        let small = header.size <= LARGEST_DOCUMENT && role != Role::Skipped;
        let copy = small.then(Vec::new);
        Self { name: header.name, size: header.size, role, of, hash: Sha256::new(), copy }
    }

    /// Whether its digest is to be found out. Whoever takes in a blob checks it against the digest
    /// that it goes by, and a blob that nobody takes in is none of ours; documents are read here.
    fn is_hashed(&self) -> bool {
        self.role != Role::Records && (self.of.is_none() || self.copy.is_some())
    }

    /// Reads the next bytes; returns how many of them are kept.
    fn take(&mut self, bytes: &Bytes, kept: u64) -> u64 {
        if self.role == Role::Skipped {
            return 0;
        }
        if self.is_hashed() {
            self.hash.update(bytes);
        }
        let Some(copy) = &mut self.copy else { return 0 };
        let first = copy.first().or(bytes.first()).copied();
        let document = self.role == Role::Records || first == Some(b'{');
        if document && kept + bytes.len() as u64 <= MOST_KEPT {
            copy.extend_from_slice(bytes);
            return bytes.len() as u64;
        }
        self.copy = None;
        0
    }
}
