//! One layer, as a registry, an archive or an engine gives it.

use super::made::summed;
use loadline::image::layers::{LayerFacts, read_layer};
use loadline::types::Digest;
use std::io::{self, Read};

pub fn check(bytes: &[u8]) {
    read(bytes);
    read(&summed(bytes));
}

fn read(bytes: &[u8]) {
    let start = &bytes[..bytes.len().min(512)];
    let facts = read_layer(start, bytes);
    let slowly = read_layer(start, Slow { bytes, next: 1 });
    let Ok(facts) = facts else { return assert!(slowly.is_err(), "in small pieces it is read") };
    assert_eq!(Some(&facts), slowly.ok().as_ref(), "in small pieces it is another");
    whole(&facts);
    kept(&facts);
    if !is_compressed(bytes) {
        assert_eq!((facts.size.0, &facts.diff_id), (bytes.len() as u64, &Digest::of(bytes)));
        same_as_the_tar_crate(&facts, bytes);
    }
}

/// Nothing leads out, and no byte is counted twice.
fn whole(facts: &LayerFacts) {
    let spans = facts.entries.iter().try_fold(0u64, |sum, entry| sum.checked_add(entry.span));
    assert!(spans.is_some_and(|sum| sum <= facts.size.0), "entries take more than there is");
    for entry in &facts.entries {
        let parts = || entry.path.split('/');
        assert!(entry.path.is_empty() || parts().all(|part| !matches!(part, "" | "." | "..")), "{entry:?}");
        assert!(entry.mode <= 0o7777 && entry.span >= 512, "{entry:?}");
    }
}

/// What is remembered of it is what was read.
fn kept(facts: &LayerFacts) {
    let text = serde_json::to_string(facts).expect("facts are JSON");
    assert_eq!(serde_json::from_str::<LayerFacts>(&text).ok().as_ref(), Some(facts));
}

fn is_compressed(bytes: &[u8]) -> bool {
    let skippable = bytes.len() >= 4 && bytes[0] & 0xf0 == 0x50 && bytes[1..4] == [0x2a, 0x4d, 0x18];
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable
}

/// Both readers agree, if both take it: on the number of entries, their paths and sizes.
fn same_as_the_tar_crate(facts: &LayerFacts, bytes: &[u8]) {
    let Some(theirs) = by_the_tar_crate(bytes) else { return };
    let ours = facts.entries.iter().map(|entry| (entry.path.to_string(), entry.size));
    assert_eq!(ours.collect::<Vec<_>>(), theirs);
}

/// Paths and sizes of all entries; none if that reader refuses one of them, or is known to differ.
fn by_the_tar_crate(bytes: &[u8]) -> Option<Vec<(String, u64)>> {
    let mut archive = tar::Archive::new(bytes);
    let mut all = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let kind = entry.header().entry_type();
        // Where it differs ours does as Go's reader, which is the one that unpacks layers: it leaves
        // extensions of all members alone, ends names at a zero, and reads no content of what has none.
        let plain = kind.is_file() || (entry.size() == 0 && !kind.is_pax_global_extensions());
        let path = entry.path_bytes();
        let known = !path.contains(&0) && (!path.ends_with(b"/") || entry.size() == 0);
        if !plain || !known {
            return None;
        }
        all.push((clean(&String::from_utf8_lossy(&path))?, entry.size()));
        io::copy(&mut entry, &mut io::sink()).ok()?;
    }
    Some(all)
}

fn clean(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => parts.pop().map(drop)?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Yields its bytes a few at a time, as a network may.
struct Slow<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.next = self.next * 7 % 97 + 1;
        let count = self.next.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}
