//! Reading what is in a tree's files, several at once and in constant memory.

use super::error::WalkError;
use super::record::{Hash, Recorded, Stamp};
use super::walk::{self, Entry, Kind};
use super::xattr::xattrs;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How often a file that changes while it is read is read anew.
const ATTEMPTS: usize = 3;

const CHUNK: usize = 128 * 1024;

/// What a walk says of an entry that changes when the entry does.
pub(super) fn stamp(entry: &Entry) -> Stamp {
    let Entry { size, mtime_ns, ctime_ns, inode, dev, .. } = *entry;
    Stamp { size, mtime_ns, ctime_ns, inode, dev }
}

/// Reads what is in the entries, each in its place; nothing for those that are gone.
pub(super) fn read_all(root: &Path, entries: Vec<Entry>) -> Result<Vec<Option<Recorded>>, WalkError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(entries.len().max(1));
    let next = AtomicUsize::new(0);
    let take = || {
        let place = next.fetch_add(1, Relaxed);
        entries.get(place).map(|entry| (place, entry))
    };
    let work = || {
        let all = std::iter::from_fn(take);
        all.map(|(place, entry)| Ok((place, read_entry(root, entry)?))).collect::<Result<Vec<_>, WalkError>>()
    };
    let done = std::thread::scope(|scope| {
        // Without further threads it takes longer, that is all.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(spawn).collect();
        let mut all = vec![work()];
        // A thread ends by a panic only if this code has a bug, which then goes on its way.
        all.extend(others.into_iter().map(|thread| thread.join().unwrap_or_else(|bug| std::panic::resume_unwind(bug))));
        all.into_iter().collect::<Result<Vec<_>, _>>()
    })?;
    let mut placed = vec![None; entries.len()];
    for (place, read) in done.into_iter().flatten() {
        placed[place] = read;
    }
    Ok(placed)
}

fn read_entry(root: &Path, entry: &Entry) -> Result<Option<Recorded>, WalkError> {
    let path = root.join(&entry.path);
    let read = match entry.kind {
        Kind::File => read_file(&path, entry),
        _ => Ok((entry.mode, stamp(entry), Hash::default())),
    };
    let attributes = read.and_then(|read| Ok((read, xattrs(&path)?)));
    match attributes {
        Ok(((mode, stamp, content), attributes)) => {
            let attributes = (!attributes.is_empty()).then(|| hash_attributes(&attributes));
            Ok(Some(Recorded { path: entry.path.clone(), kind: entry.kind.clone(), mode, stamp, content, attributes }))
        }
        Err(error) if gone(&error) => Ok(None),
        Err(error) => Err(WalkError::read(&entry.path, error)),
    }
}

/// Gone, or no longer a file.
fn gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR))
}

/// Reads a file that may be written to meanwhile: its mode, its stamp and the hash that go
/// together. If it never holds still, the stamp is one that nothing has.
fn read_file(path: &Path, entry: &Entry) -> io::Result<(u32, Stamp, Hash)> {
    // Without NONBLOCK, a pipe that took the place of the file would hold us up.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let before = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(Errno::NXIO.into());
        }
        let hash = hash_content(&mut file)?;
        let (before, after) = (known(entry, &before), known(entry, &rustix::fs::fstat(&file)?));
        if before == after {
            return Ok((after.0, after.1, hash));
        }
        last = Some((after.0, Stamp { ctime_ns: i64::MAX, ..after.1 }, hash));
        io::Seek::rewind(&mut file)?;
    }
    last.ok_or_else(|| Errno::NXIO.into())
}

fn known(entry: &Entry, stat: &Stat) -> (u32, Stamp) {
    let entry = walk::entry(String::new(), entry.kind.clone(), stat);
    (entry.mode, stamp(&entry))
}

fn hash_content(file: &mut File) -> io::Result<Hash> {
    let mut hash = Sha256::new();
    let mut space = vec![0; CHUNK];
    loop {
        match file.read(&mut space) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(length) => hash.update(&space[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hash_attributes(attributes: &[(String, Vec<u8>)]) -> Hash {
    let mut hash = Sha256::new();
    for (name, value) in attributes {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value);
    }
    hash.finalize().into()
}
