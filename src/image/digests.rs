//! By which digests engines push layers: what was learned of layers that were pushed once. An
//! engine that compresses does so only for a layer that it never pushed, so this also tells what
//! a push would cost.

use crate::types::Digest;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The shape of what is stored; what another version wrote is not read.
const VERSION: &str = "v1";
/// What is kept; the layers that were pushed last are.
const MOST: usize = 2000;

/// The record of one engine.
#[derive(Clone, Debug)]
pub struct Digests {
    path: PathBuf,
}

/// A layer that was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The layer.
    pub diff_id: Digest,
    /// The blob that the engine makes of it.
    pub digest: Digest,
    /// The blob's size in bytes, if it came.
    pub size: Option<u64>,
}

impl Digests {
    /// The record of the engine at `address`, under `directory`, which is made when something is
    /// stored. If another engine answers there one day, its pushes cost more than was expected:
    /// no more hangs on it.
    pub fn at(directory: &Path, address: &str) -> Self {
        let name = format!("{}.json", &Digest::of(address.as_bytes()).hex()[..16]);
        Self { path: directory.join("digests").join(VERSION).join(name) }
    }

    /// All that is known, by diff id. What cannot be read is not known.
    pub fn known(&self) -> HashMap<Digest, Pushed> {
        self.read().into_iter().map(|pushed| (pushed.diff_id.clone(), pushed)).collect()
    }

    /// Adds what was learned. A size that was known is not forgotten.
    ///
    /// # Errors
    /// The record cannot be written; it is as it was then.
    pub fn learn(&self, learned: &[Pushed]) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let lock = File::create(directory.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let mut known = self.read();
        for one in learned {
            let before = known.iter().position(|old| old.diff_id == one.diff_id).map(|at| known.remove(at));
            let size = before.filter(|old| old.digest == one.digest).and_then(|old| old.size);
            known.push(Pushed { size: one.size.or(size), ..one.clone() });
        }
        let kept = &known[known.len().saturating_sub(MOST)..];
        let new = self.path.with_extension("new");
        fs::write(&new, serde_json::to_vec(kept)?)?;
        fs::rename(&new, &self.path)
    }

    /// Where the record of who teaches an engine lies.
    pub fn lock_of_teaching(&self) -> PathBuf {
        self.path.with_extension("teaching")
    }

    fn read(&self) -> Vec<Pushed> {
        fs::read(&self.path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(name: &str, size: Option<u64>) -> Pushed {
        Pushed { diff_id: Digest::of(name.as_bytes()), digest: Digest::of(&[name.as_bytes(), b"gz"].concat()), size }
    }

    #[test]
    fn what_was_learned_is_known_of_that_engine_only() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (Digests::at(home.path(), "unix:///a"), Digests::at(home.path(), "unix:///b"));
        assert!(one.known().is_empty());
        one.learn(&[pushed("a", Some(7)), pushed("b", None)]).unwrap();
        one.learn(&[pushed("a", None)]).unwrap();
        let known = one.known();
        assert_eq!(known.len(), 2);
        assert_eq!(known[&Digest::of(b"a")].size, Some(7), "a size that was known stays");
        assert!(other.known().is_empty());
    }

    #[test]
    fn what_was_pushed_last_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let digests = Digests::at(home.path(), "x");
        let many: Vec<Pushed> = (0..=MOST).map(|n| pushed(&n.to_string(), None)).collect();
        digests.learn(&many).unwrap();
        let known = digests.known();
        assert_eq!(known.len(), MOST);
        assert!(!known.contains_key(&many[0].diff_id) && known.contains_key(&many[MOST].diff_id));
    }

    #[test]
    fn a_record_that_is_damaged_is_empty() {
        let home = tempfile::tempdir().unwrap();
        let digests = Digests::at(home.path(), "x");
        digests.learn(&[pushed("a", None)]).unwrap();
        fs::write(&digests.path, "{").unwrap();
        assert!(digests.known().is_empty());
        digests.learn(&[pushed("b", None)]).unwrap();
        assert_eq!(digests.known().len(), 1);
    }
}
