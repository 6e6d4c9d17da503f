//! What a walk listed, as one digest: enough to tell that two walks saw the same tree, without
//! reading a file.

use super::record::TreeRecord;
use super::walk::Entry;
use crate::types::Digest;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Takes entries in the order of the walk.
#[derive(Clone, Default)]
pub struct Listing(Sha256);

impl Listing {
    /// Takes the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.fields(&entry.path, entry.mode, entry.size, entry.mtime_ns);
    }

    /// The digest of all that was taken: paths, types, permissions, sizes and times.
    pub fn digest(self) -> Digest {
        Digest::from_hash(self.0)
    }

    fn fields(&mut self, path: &str, mode: u32, size: u64, mtime_ns: i64) {
        self.0.update((path.len() as u64).to_le_bytes());
        self.0.update(path);
        self.0.update(mode.to_le_bytes());
        self.0.update(size.to_le_bytes());
        self.0.update(mtime_ns.to_le_bytes());
    }
}

impl TreeRecord {
    /// The digest that a [`Listing`] of the same tree has.
    pub fn listing(&self) -> Digest {
        let mut listing = Listing::default();
        for entry in &self.entries {
            listing.fields(&entry.path, entry.mode, entry.stamp.size, entry.stamp.mtime_ns);
        }
        listing.digest()
    }

    /// Whether the file at `now` has the size and the time that `path` had.
    pub fn has_size_and_time_of(&self, path: &str, now: &Path) -> bool {
        let Some(entry) = self.entries.iter().find(|entry| entry.path == path) else { return false };
        let Ok(found) = now.symlink_metadata() else { return false };
        let mtime_ns = found.mtime() * 1_000_000_000 + found.mtime_nsec();
        (found.size(), mtime_ns) == (entry.stamp.size, entry.stamp.mtime_ns)
    }

    /// Whether nothing of it changed at or after `moment_ns` (nanoseconds since 1970), as far as
    /// the file system's clock tells: it counts in ticks of the kernel (at most 10 ms), or, where
    /// no time has a fraction of a second, in steps of up to two (FAT).
    pub fn is_older_than(&self, moment_ns: i64) -> bool {
        const SECOND: i64 = 1_000_000_000;
        let fine = self.entries.iter().any(|entry| entry.stamp.ctime_ns % SECOND != 0);
        let tick = if fine { SECOND / 10 } else { 2 * SECOND };
        self.entries.iter().all(|entry| entry.stamp.ctime_ns < moment_ns - tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Filter, record, walk};
    use std::ops::ControlFlow;

    #[test]
    fn a_record_lists_what_a_walk_lists() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::fs::write(dir.path().join("d/f"), "x").unwrap();
        std::os::unix::fs::symlink("d/f", dir.path().join("l")).unwrap();
        let filter = Filter::default();
        let list = || {
            let mut listing = Listing::default();
            let mut visit = |entry: Entry| {
                listing.add(&entry);
                ControlFlow::Continue(())
            };
            walk(dir.path(), &filter, &mut visit).unwrap();
            listing.digest()
        };
        let recorded = record(dir.path(), &filter, None).unwrap();
        assert_eq!(recorded.listing(), list());
        assert!(recorded.is_older_than(i64::MAX) && !recorded.is_older_than(recorded.started_ns));
        std::fs::write(dir.path().join("d/f"), "xy").unwrap();
        assert_ne!(recorded.listing(), list());
    }
}
