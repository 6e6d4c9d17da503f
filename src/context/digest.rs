//! Whether a tree is still the one that it was: first by what `stat` says, as git does with its
//! index, and only where that cannot be trusted by reading.

use super::content::{read_all, stamp};
use super::error::WalkError;
use super::filter::Filter;
use super::record::{Recorded, Stamp, TreeRecord};
use super::walk::{Entry, Kind, walk};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Two changes of a file closer together than this may leave the same times. Most file systems
/// tell nanoseconds but count in ticks of the kernel's clock; FAT's are two seconds long.
const TICK_NS: i64 = 2_000_000_000;

/// What became of a tree since it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In the order of the walk.
    pub list: Vec<(String, Change)>,
    /// How many files had to be read to know.
    pub read: usize,
    /// The record with what is known now, if anything was read to find that it is the same: worth
    /// keeping, so that it need not be read again.
    pub refreshed: Option<TreeRecord>,
}

/// What happened to an entry. Times alone are no change: images do not depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Added,
    /// It is no longer there, or no longer wanted.
    Removed,
    /// It is something else, or points to something else.
    Kind,
    /// Its permissions.
    Mode,
    /// What is in it, its extended attributes included.
    Content,
}

/// Records the tree that `filter` lets through below `root`. Files are read in constant memory,
/// several at once; those that are surely what `before` has, whatever its filter was, are not.
pub fn record(root: &Path, filter: &Filter, before: Option<&TreeRecord>) -> Result<TreeRecord, WalkError> {
    record_as_of(root, filter, before, now_ns())
}

fn record_as_of(
    root: &Path,
    filter: &Filter,
    before: Option<&TreeRecord>,
    started_ns: i64,
) -> Result<TreeRecord, WalkError> {
    let known = before.map(Known::of).unwrap_or_default();
    let (mut entries, mut places, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    walk(root, filter, &mut |entry| {
        let old = known.find(&entry);
        if old.is_none() {
            places.push(entries.len());
            unknown.push(entry);
        }
        entries.push(old.cloned());
        ControlFlow::Continue(())
    })?;
    for (place, read) in places.into_iter().zip(read_all(root, unknown)?) {
        entries[place] = read;
    }
    Ok(TreeRecord { started_ns, entries: entries.into_iter().flatten().collect() })
}

/// What a record is sure of.
#[derive(Default)]
struct Known<'a>(HashMap<&'a str, &'a Recorded>);

impl<'a> Known<'a> {
    fn of(record: &'a TreeRecord) -> Self {
        let sure = record.entries.iter().filter(|old| trusted(&old.stamp, record.started_ns));
        Self(sure.map(|old| (old.path.as_str(), old)).collect())
    }

    fn find(&self, entry: &Entry) -> Option<&'a Recorded> {
        let same = |old: &&&Recorded| old.kind == entry.kind && old.mode == entry.mode && old.stamp == stamp(entry);
        self.0.get(entry.path.as_str()).filter(same).copied()
    }
}

/// Compares the tree with its record. `filter` must be the one that it was recorded with.
pub fn recheck(record: &TreeRecord, root: &Path, filter: &Filter) -> Result<Changes, WalkError> {
    let started_ns = now_ns();
    let mut comparison = Comparison { record, next: 0, list: Vec::new(), doubtful: Vec::new() };
    walk(root, filter, &mut |entry| {
        comparison.entry(entry);
        ControlFlow::Continue(())
    })?;
    comparison.gone_up_to(record.entries.len());
    let Comparison { mut list, doubtful, .. } = comparison;
    let (places, doubtful): (Vec<usize>, Vec<Entry>) = doubtful.into_iter().unzip();
    let found = read_all(root, doubtful)?;
    let read = found.iter().flatten().filter(|found| found.kind == Kind::File).count();
    for (place, found) in places.iter().zip(&found) {
        let old = &record.entries[*place];
        if let Some(change) = found.as_ref().map_or(Some(Change::Removed), |found| difference(old, found)) {
            list.push((old.path.clone(), change));
        }
    }
    list.sort_by(|(a, _), (b, _)| walk_order(a, b));
    let refreshed = (list.is_empty() && !found.is_empty()).then(|| refresh(record, started_ns, places, found));
    Ok(Changes { list, read, refreshed })
}

/// The record with new stamps. What was not read was trusted by the older time, and so is by the
/// newer.
fn refresh(record: &TreeRecord, started_ns: i64, places: Vec<usize>, found: Vec<Option<Recorded>>) -> TreeRecord {
    let mut entries = record.entries.clone();
    for (place, found) in places.into_iter().zip(found) {
        if let Some(found) = found {
            entries[place] = found;
        }
    }
    TreeRecord { started_ns, entries }
}

/// The walk beside the record.
struct Comparison<'a> {
    record: &'a TreeRecord,
    next: usize,
    list: Vec<(String, Change)>,
    /// Entries that must be read, and their places in the record.
    doubtful: Vec<(usize, Entry)>,
}

impl Comparison<'_> {
    fn entry(&mut self, entry: Entry) {
        let rest = &self.record.entries[self.next..];
        let passed = rest.iter().take_while(|old| walk_order(&old.path, &entry.path) == Ordering::Less).count();
        self.gone_up_to(self.next + passed);
        match self.record.entries.get(self.next) {
            Some(old) if old.path == entry.path => {
                self.same_path(old, entry);
                self.next += 1;
            }
            _ => self.list.push((entry.path, Change::Added)),
        }
    }

    fn gone_up_to(&mut self, end: usize) {
        let gone = &self.record.entries[self.next..end];
        self.list.extend(gone.iter().map(|old| (old.path.clone(), Change::Removed)));
        self.next = end;
    }

    fn same_path(&mut self, old: &Recorded, entry: Entry) {
        let certain = if old.kind != entry.kind {
            Some(Change::Kind)
        } else if old.mode != entry.mode {
            Some(Change::Mode)
        } else if old.kind == Kind::File && old.stamp.size != entry.size {
            Some(Change::Content)
        } else {
            None
        };
        match certain {
            Some(change) => self.list.push((entry.path, change)),
            None if old.stamp == stamp(&entry) && trusted(&old.stamp, self.record.started_ns) => {}
            None => self.doubtful.push((self.next, entry)),
        }
    }
}

/// Git's rule for a racily clean entry: what was changed in the tick in which it was recorded can
/// have been changed again in that tick.
fn trusted(stamp: &Stamp, started_ns: i64) -> bool {
    stamp.mtime_ns.max(stamp.ctime_ns) < started_ns.saturating_sub(TICK_NS)
}

fn difference(old: &Recorded, new: &Recorded) -> Option<Change> {
    if old.kind != new.kind {
        return Some(Change::Kind);
    }
    if old.mode != new.mode {
        return Some(Change::Mode);
    }
    (old.content != new.content || old.attributes != new.attributes).then_some(Change::Content)
}

/// Compares as the walk goes: part by part, so `/` sorts before all else.
fn walk_order(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    a.bytes().map(rank).cmp(b.bytes().map(rank))
}

fn now_ns() -> i64 {
    // Before 1970 there is no time that could be trusted.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    const LATER: i64 = i64::MAX;

    fn sample() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/b", "a-b/c", "a.b/d", "a0", "e"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        symlink("e", dir.path().join("link")).unwrap();
        dir
    }

    fn record_at(dir: &TempDir, started_ns: i64) -> TreeRecord {
        record_as_of(dir.path(), &Filter::default(), None, started_ns).unwrap()
    }

    fn check(record: &TreeRecord, dir: &TempDir) -> Changes {
        recheck(record, dir.path(), &Filter::default()).unwrap()
    }

    #[test]
    fn what_is_surely_known_is_not_read_again() {
        let dir = sample();
        // A content that nothing has shows what was taken over.
        let known = |started_ns| {
            let mut before = record_at(&dir, started_ns);
            before.entries.iter_mut().for_each(|entry| entry.content = [7; 32]);
            before
        };
        let again = |before: &TreeRecord| record_as_of(dir.path(), &Filter::default(), Some(before), LATER).unwrap();
        let taken_over = |record: &TreeRecord| record.entries.iter().filter(|entry| entry.content == [7; 32]).count();
        let (sure, young) = (known(LATER), known(0));
        assert_eq!(again(&sure).entries, sure.entries);
        assert_eq!(again(&young).entries, record_at(&dir, LATER).entries);
        fs::write(dir.path().join("e"), "E").unwrap();
        fs::set_permissions(dir.path().join("a0"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(dir.path().join("new"), "").unwrap();
        assert_eq!(taken_over(&again(&sure)), sure.entries.len() - 2);
    }

    #[test]
    fn an_old_stamp_is_trusted_and_a_young_one_is_not() {
        let dir = sample();
        let same = |read, refreshed| Changes { list: vec![], read, refreshed };
        assert_eq!(check(&record_at(&dir, LATER), &dir), same(0, None));
        let young = check(&record_at(&dir, 0), &dir);
        assert_eq!((young.list.len(), young.read), (0, 5));
        assert_eq!(young.refreshed.unwrap().entries, record_at(&dir, 0).entries);

        // As if `e` had been changed in the tick in which it was recorded.
        let mut missed = record_at(&dir, LATER);
        missed.entries.iter_mut().find(|entry| entry.path == "e").unwrap().content = [0; 32];
        assert_eq!(check(&missed, &dir).list, []);
        missed.started_ns = 0;
        assert_eq!(check(&missed, &dir).list, [("e".to_owned(), Change::Content)]);
    }

    #[test]
    fn each_change_is_told() {
        let dir = sample();
        let record = record_at(&dir, LATER);
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a/b"), "x/y").unwrap();
        fs::remove_file(at("a-b/c")).unwrap();
        fs::write(at("a.b/new"), "").unwrap();
        fs::set_permissions(at("a0"), PermissionsExt::from_mode(0o600)).unwrap();
        fs::write(at("e"), "longer").unwrap();
        fs::remove_file(at("link")).unwrap();
        symlink("a0", at("link")).unwrap();
        let changes = check(&record, &dir);
        let list: Vec<(&str, Change)> = changes.list.iter().map(|(path, change)| (path.as_str(), *change)).collect();
        assert_eq!(
            list,
            [
                ("a/b", Change::Content),
                ("a-b/c", Change::Removed),
                ("a.b/new", Change::Added),
                ("a0", Change::Mode),
                ("e", Change::Content),
                ("link", Change::Kind),
            ]
        );
        assert_eq!((changes.read, changes.refreshed), (1, None), "only `a/b` had to be read");
        assert_ne!(record_at(&dir, LATER).digest(), record.digest());
    }

    #[test]
    fn touching_is_no_change() {
        let dir = sample();
        let record = record_at(&dir, LATER);
        File::open(dir.path().join("e")).unwrap().set_modified(UNIX_EPOCH).unwrap();
        let changes = check(&record, &dir);
        assert_eq!((changes.list, changes.read), (vec![], 1));
        let mut refreshed = changes.refreshed.unwrap();
        assert_eq!(refreshed.digest(), record.digest());
        refreshed.started_ns = LATER;
        assert_eq!(check(&refreshed, &dir).read, 0);
    }

    #[test]
    fn the_order_is_that_of_the_walk() {
        let dir = sample();
        let record = record_at(&dir, 0);
        assert!(record.entries.is_sorted_by(|a, b| walk_order(&a.path, &b.path) == Ordering::Less));
    }
}
