//! An engine's export on its way to a node: converted chunk by chunk.

use super::made::{made, summed};
use bytes::Bytes;
use loadline::image::archive::{Archive, Choice};
use loadline::image::transfer::{ArchiveError, Contents, Converter, Form};
use loadline::types::{Digest, ImageId, ImageRef};
use std::collections::HashMap;
use std::io;

pub fn check(bytes: &[u8]) {
    let made = made(bytes);
    let id = ImageId(Digest::of(&made.config));
    let export = made.archive();
    let sent = convert(&export, &id, &made.diff_ids, usize::MAX).expect("what an engine writes is taken");
    arrives(&sent, &id);
    // What is no image of ours, under an id that it cannot have.
    let export = summed(bytes);
    let whole = convert(&export, &id, &made.diff_ids, usize::MAX);
    let pieces = convert(&export, &id, &made.diff_ids, 1 + bytes.len() % 700);
    assert_eq!(whole, pieces, "in pieces it is converted to something else");
}

/// What a node gets of `export` if it comes in chunks of this size.
fn convert(export: &[u8], id: &ImageId, diff_ids: &[Digest], size: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut converter = Converter::new(id.clone(), diff_ids.to_vec(), HashMap::new());
    let (mut sent, mut chunks) = (Converter::head().in_archive().to_vec(), Vec::new());
    let head = sent.len();
    for chunk in export.chunks(size.min(export.len()).max(1)) {
        converter.push(Bytes::copy_from_slice(chunk), &mut chunks)?;
        // Asked between chunks, for how much is still to come.
        converter.underway();
        converter.has_all();
        for chunk in chunks.drain(..) {
            let expected = chunk.size();
            let bytes = chunk.in_archive();
            assert_eq!(bytes.len(), expected, "a chunk has another size than it says");
            sent.extend_from_slice(&bytes);
        }
    }
    assert!(sent.len() - head <= export.len().next_multiple_of(512), "more is sent than came");
    let contents: Contents = converter.finish()?;
    assert_eq!(contents.layers(), diff_ids.len());
    let name: ImageRef = "example:1".parse().expect("a name");
    sent.extend_from_slice(&contents.tail(&[name], Form::Docker));
    Ok(sent)
}

/// It is a tar that the `tar` crate takes and, if its layers can be read, an archive with just this image.
fn arrives(sent: &[u8], id: &ImageId) {
    let mut archive = tar::Archive::new(sent);
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("a whole member");
        let size = entry.size();
        assert_eq!(io::copy(&mut entry, &mut io::sink()).ok(), Some(size));
    }
    let archive = Archive::read("sent", sent, None).expect("an archive");
    if let Ok(facts) = archive.image(&Choice { name: Some("example:1".into()), platform: None }) {
        assert_eq!(facts.id, *id);
    }
}
