//! Directories as the walk sees them: opened without following links, read whole, sorted.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

/// How many directories are kept open. What lies deeper is reached by a longer path from the last
/// of them, so that a deep tree does not use up the process's descriptors.
const OPEN_DIRS: usize = 96;

/// A directory, or a directory above it and how many bytes of a path lead to that.
#[derive(Clone)]
pub(super) struct Base {
    dir: Rc<OwnedFd>,
    skip: usize,
}

/// The names in a directory, in one piece of memory.
#[derive(Default)]
pub(super) struct Names {
    text: Vec<u8>,
    items: Vec<Name>,
    next: usize,
}

struct Name {
    start: u32,
    end: u32,
    kind: FileType,
}

impl Base {
    /// Opens the root, which may be a link.
    pub(super) fn root(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self { dir: Rc::new(rustix::fs::open(path, flags, Mode::empty())?), skip: 0 })
    }

    /// What is said of a path, itself if it is a link.
    pub(super) fn stat(&self, path: &[u8]) -> Result<Stat, Errno> {
        rustix::fs::statat(&*self.dir, &path[self.skip..], AtFlags::SYMLINK_NOFOLLOW)
    }

    /// What a link points to.
    pub(super) fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        rustix::fs::readlinkat(&*self.dir, &path[self.skip..], Vec::new()).map(std::ffi::CString::into_bytes)
    }

    /// The names in the root.
    pub(super) fn names(&self) -> Result<Names, Errno> {
        Names::read(Dir::read_from(&*self.dir)?)
    }

    /// Opens and reads the directory at `path`, which is the `depth`th from the root: the base for
    /// what is in it, and the names.
    pub(super) fn enter(&self, path: &[u8], depth: usize) -> Result<(Self, Names), Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&*self.dir, &path[self.skip..], flags, Mode::empty())?;
        if depth > OPEN_DIRS {
            return Ok((self.clone(), Names::read(Dir::new(opened)?)?));
        }
        let base = Self { dir: Rc::new(opened), skip: path.len() + 1 };
        let names = base.names()?;
        Ok((base, names))
    }
}

impl Names {
    fn read(dir: Dir) -> Result<Self, Errno> {
        let mut names = Self::default();
        for entry in dir {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.add(name, entry.file_type())?;
            }
        }
        let Self { text, items, .. } = &mut names;
        items.sort_unstable_by(|a, b| text[a.range()].cmp(&text[b.range()]));
        Ok(names)
    }

    fn add(&mut self, name: &[u8], kind: FileType) -> Result<(), Errno> {
        let start = u32::try_from(self.text.len()).map_err(|_| Errno::OVERFLOW)?;
        self.text.extend_from_slice(name);
        let end = u32::try_from(self.text.len()).map_err(|_| Errno::OVERFLOW)?;
        self.items.push(Name { start, end, kind });
        Ok(())
    }

    /// The next name in order and, if the file system says, what it names.
    pub(super) fn next(&mut self) -> Option<(&[u8], FileType)> {
        let item = self.items.get(self.next)?;
        self.next += 1;
        Some((&self.text[item.range()], item.kind))
    }
}

impl Name {
    fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}
