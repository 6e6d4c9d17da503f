//! An archive as a stream of bytes, in one pass.

use super::select::claimed;
use super::{Problem, Source};
use crate::image::compression::{decompressed, is_compressed, peek};
use crate::image::files::clean_path;
use crate::image::layers::{LayerError, LayerFacts, read_layer};
use crate::image::members::{Content, Member, Members, is_header};
use crate::image::store::Store;
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use tar::EntryType;

/// A document that is larger is none, in bytes.
pub(super) const LARGEST_DOCUMENT: u64 = 8 << 20;
/// All documents together, in bytes; what comes later is not kept.
const ALL_DOCUMENTS: usize = 64 << 20;
/// Documents, layers and links of one archive.
const MOST_PARTS: usize = 50_000;
/// Links that lead to links.
const LONGEST_CHAIN: usize = 16;

/// What an archive held, by path.
#[derive(Default)]
pub(super) struct Contents {
    parts: HashMap<String, Part>,
    /// Bytes of documents that are kept.
    kept: usize,
}

enum Part {
    Document(Vec<u8>),
    TooLarge,
    Layer(Arc<LayerFacts>),
    /// Taken once, by whom it matters to.
    Broken(Mutex<Option<LayerError>>),
    Link(String),
}

/// Reads an archive to its end.
pub(super) fn read(mut reader: impl Read, store: Option<&Store>) -> Result<Contents, Problem> {
    let (start, reader) = peek(&mut reader, 8).map_err(Problem::Stream)?;
    let mut members = Members::new(decompressed(&start, reader));
    let mut contents = Contents::default();
    let mut last = String::from("its start");
    loop {
        let wrong = |source| Problem::Tar { after: last.clone(), source };
        let Some(member) = members.advance().map_err(wrong)? else { break };
        let path = clean_path(&member.path);
        if let Some(path) = &path {
            contents.take(path, &member, members.content(), store);
        }
        members.failure().map_err(wrong)?;
        if contents.parts.len() > MOST_PARTS {
            return Err(Problem::TooMany(MOST_PARTS));
        }
        last = path.unwrap_or_else(|| String::from_utf8_lossy(&member.path).into_owned());
    }
    if !members.ended() {
        return Err(Problem::Cut { after: last });
    }
    // To the very end: a writer into a pipe must not be cut off, and only the end of a
    // compressed stream shows that it was whole.
    io::copy(&mut members.into_rest(), &mut io::sink()).map_err(Problem::Stream)?;
    Ok(contents)
}

impl Contents {
    /// Takes what `member` is; of two at one path the later counts, as for whoever unpacks it.
    fn take<R: Read>(&mut self, path: &str, member: &Member, content: Content<'_, R>, store: Option<&Store>) {
        let part = match member.kind {
            EntryType::Regular | EntryType::Continuous => self.file(path, member.size, content, store),
            EntryType::Symlink => link_target(path, &member.link, true).map(Part::Link),
            EntryType::Link => link_target(path, &member.link, false).map(Part::Link),
            _ => return,
        };
        match part {
            Some(part) => drop(self.parts.insert(path.to_owned(), part)),
            None => drop(self.parts.remove(path)),
        }
    }

    /// What a file is, by its content. A stream that fails is left to the caller, who asks it.
    fn file<R: Read>(&mut self, path: &str, size: u64, content: Content<'_, R>, store: Option<&Store>) -> Option<Part> {
        let (start, mut content) = peek(content, 512).ok()?;
        if looks_like_layer(&start) {
            if let Some(known) = store.filter(|_| !is_compressed(&start)).and_then(|store| known(store, path, size)) {
                return Some(Part::Layer(known));
            }
            return Some(layer_part(read_layer(&start, content)));
        }
        if !looks_like_json(&start) {
            let is_blob = claimed(path).is_some() || path.ends_with(".tar");
            return is_blob.then(|| layer_part(Err(LayerError::Unknown)));
        }
        if size > LARGEST_DOCUMENT || self.kept.saturating_add(size as usize) > ALL_DOCUMENTS {
            return Some(Part::TooLarge);
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).ok()?;
        self.kept += bytes.len();
        Some(Part::Document(bytes))
    }

    fn part(&self, path: &str) -> Option<&Part> {
        let mut path = clean_path(path.as_bytes())?;
        for _ in 0..LONGEST_CHAIN {
            match self.parts.get(&path)? {
                Part::Link(target) => path.clone_from(target),
                part => return Some(part),
            }
        }
        None
    }
}

impl Source for Contents {
    fn has(&self, path: &str) -> bool {
        self.part(path).is_some()
    }

    fn document(&self, path: &str) -> Result<Vec<u8>, Problem> {
        match self.part(path) {
            Some(Part::Document(bytes)) => Ok(bytes.clone()),
            Some(Part::TooLarge) => Err(Problem::TooLarge { path: path.to_owned(), limit: LARGEST_DOCUMENT }),
            _ => Err(missing(path)),
        }
    }

    fn layer(&self, path: &str) -> Result<Arc<LayerFacts>, Problem> {
        let broken = |source| Problem::Layer { path: path.to_owned(), what: String::new(), source };
        match self.part(path) {
            Some(Part::Layer(facts)) => Ok(facts.clone()),
            Some(Part::Broken(error)) => {
                let error = error.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(broken(error.unwrap_or(LayerError::Unknown)))
            }
            Some(Part::Document(_) | Part::TooLarge) => Err(broken(LayerError::Unknown)),
            Some(Part::Link(_)) | None => Err(missing(path)),
        }
    }
}

fn missing(path: &str) -> Problem {
    Problem::Missing { path: path.to_owned(), what: String::new() }
}

fn layer_part(read: Result<LayerFacts, LayerError>) -> Part {
    read.map_or_else(|error| Part::Broken(Mutex::new(Some(error))), |facts| Part::Layer(Arc::new(facts)))
}

fn known(store: &Store, path: &str, size: u64) -> Option<Arc<LayerFacts>> {
    let digest = format!("sha256:{}", claimed(path)?).parse().ok()?;
    store.layer(&digest).filter(|facts| facts.size.0 == size).map(Arc::new)
}

/// A tar (an empty one is all zeros, or nothing), or a compressed stream.
pub(super) fn looks_like_layer(start: &[u8]) -> bool {
    is_compressed(start) || is_header(start) || start.iter().all(|byte| *byte == 0)
}

fn looks_like_json(start: &[u8]) -> bool {
    matches!(start.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Where a link leads, from the archive's root; a symbolic one is relative to its directory.
fn link_target(path: &str, link: &[u8], symbolic: bool) -> Option<String> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    if !symbolic || link.starts_with(b"/") {
        return clean_path(link);
    }
    clean_path(&[directory.as_bytes(), b"/", link].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_do_in_a_saved_image() {
        assert_eq!(link_target("b/layer.tar", b"../a/layer.tar", true).as_deref(), Some("a/layer.tar"));
        assert_eq!(link_target("b/layer.tar", b"a/layer.tar", false).as_deref(), Some("a/layer.tar"));
        assert_eq!(link_target("b", b"../x", true), None);
    }
}
