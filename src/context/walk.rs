//! The walk that fsutil does for BuildKit: depth first, the names of a directory in the order of
//! their bytes, the parents of what is wanted before it.

use super::dir::{Base, Names};
use super::error::WalkError;
use super::filter::{DirMarks, Filter, Verdict};
use super::ignore::go_text;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Something in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, `/` between the parts.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Type and permissions, as in `st_mode`.
    pub mode: u32,
    /// In bytes; 0 for directories, whatever the file system says.
    pub size: u64,
    /// When its content was changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// When anything about it was changed, in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// The file system that it is on.
    pub dev: u64,
    /// Its number there.
    pub inode: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// As it was written.
        target: String,
    },
    /// A further name of what was visited before: a file or anything else that is neither
    /// directory nor symbolic link.
    Hardlink {
        /// The path of that.
        of: String,
    },
    /// A named pipe.
    Fifo,
    /// A socket. fsutil sends it as if it were an empty file.
    Socket,
    /// A character device.
    CharDevice {
        /// The driver.
        major: u32,
        /// The device of that.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// The driver.
        major: u32,
        /// The device of that.
        minor: u32,
    },
}

/// Calls `visit` for all in the directory `root` (which may be a symbolic link to one) that
/// `filter` wants, until it breaks. What vanishes meanwhile is left out.
pub fn walk(root: &Path, filter: &Filter, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), WalkError> {
    let base = Base::root(root).map_err(|error| WalkError::root(root, error.into()))?;
    let names = base.names().map_err(|error| WalkError::root(root, error.into()))?;
    let top = Frame { base, names, length: (0, 0), marks: None, unsent: None };
    let mut walker =
        Walker { filter, visit, text: String::new(), raw: Vec::new(), frames: vec![top], links: HashMap::new() };
    walker.run()
}

/// A directory on the way from the root to where the walk is.
struct Frame {
    base: Base,
    names: Names,
    /// How long its path is, as text and as bytes, the `/` included.
    length: (usize, usize),
    /// None for the root, which patterns do not see.
    marks: Option<DirMarks>,
    /// Its entry, while it is not wanted but for something in it.
    unsent: Option<Entry>,
}

struct Walker<'a> {
    filter: &'a Filter,
    visit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    /// The current path, for patterns and messages.
    text: String,
    /// The same as the operating system knows it.
    raw: Vec<u8>,
    frames: Vec<Frame>,
    /// Files with several names that were visited.
    links: HashMap<(u64, u64), String>,
}

impl Walker<'_> {
    fn run(&mut self) -> Result<(), WalkError> {
        while let Some(frame) = self.frames.last_mut() {
            let Some((name, kind)) = frame.names.next() else {
                self.frames.pop();
                continue;
            };
            self.text.truncate(frame.length.0);
            self.raw.truncate(frame.length.1);
            self.raw.extend_from_slice(name);
            match std::str::from_utf8(name) {
                Ok(name) => self.text.push_str(name),
                Err(_) => self.text.push_str(&go_text(name)),
            }
            if self.entry(kind)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Deals with the entry at the current path.
    fn entry(&mut self, kind: FileType) -> Result<ControlFlow<()>, WalkError> {
        let Some(frame) = self.frames.last() else { return Ok(ControlFlow::Break(())) };
        let mut known = None;
        let mut kind = kind;
        if kind == FileType::Unknown {
            let Some(stat) = self.stat(frame)? else { return Ok(ControlFlow::Continue(())) };
            kind = FileType::from_raw_mode(stat.st_mode);
            known = Some(stat);
        }
        let is_dir = kind == FileType::Directory;
        let mut marks = is_dir.then(DirMarks::default);
        let verdict = self.filter.judge(&self.text, is_dir, frame.marks.as_ref(), marks.as_mut())?;
        if verdict == Verdict::Leave {
            return Ok(ControlFlow::Continue(()));
        }
        let stat = match known {
            Some(stat) => Some(stat),
            None => self.stat(frame)?,
        };
        match stat {
            None => Ok(ControlFlow::Continue(())),
            Some(stat) if is_dir => self.directory(verdict, stat, marks),
            Some(stat) => self.file(stat),
        }
    }

    fn stat(&self, frame: &Frame) -> Result<Option<Stat>, WalkError> {
        self.unless_gone(frame.base.stat(&self.raw))
    }

    fn unless_gone<T>(&self, result: Result<T, Errno>) -> Result<Option<T>, WalkError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(WalkError::read(&self.text, error)),
        }
    }

    fn file(&mut self, stat: Stat) -> Result<ControlFlow<()>, WalkError> {
        self.check_name()?;
        let Some(kind) = self.kind(&stat)? else { return Ok(ControlFlow::Continue(())) };
        if self.send_parents()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let entry = entry(self.text.clone(), kind, &stat);
        if stat.st_nlink > 1 && !matches!(entry.kind, Kind::Symlink { .. } | Kind::Hardlink { .. }) {
            self.links.insert((entry.dev, entry.inode), self.text.clone());
        }
        Ok((self.visit)(entry))
    }

    fn directory(
        &mut self,
        verdict: Verdict,
        stat: Stat,
        marks: Option<DirMarks>,
    ) -> Result<ControlFlow<()>, WalkError> {
        let mut unsent = Some(entry(self.text.clone(), Kind::Directory, &stat));
        if verdict == Verdict::Take {
            self.check_name()?;
            if self.send_parents()?.is_break() || unsent.take().map(&mut self.visit).is_some_and(|flow| flow.is_break())
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        let depth = self.frames.len();
        let Some(frame) = self.frames.last() else { return Ok(ControlFlow::Break(())) };
        let (base, names) = match frame.base.enter(&self.raw, depth) {
            Ok(entered) => entered,
            // It may have become a file or a link since.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(ControlFlow::Continue(())),
            // As fsutil has it, a directory that is itself not wanted may be closed to us.
            Err(Errno::ACCESS) if verdict == Verdict::LookInside => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(WalkError::read(&self.text, error)),
        };
        self.text.push('/');
        self.raw.push(b'/');
        let length = (self.text.len(), self.raw.len());
        self.frames.push(Frame { base, names, length, marks, unsent });
        Ok(ControlFlow::Continue(()))
    }

    /// Visits the directories above that were not wanted for themselves.
    fn send_parents(&mut self) -> Result<ControlFlow<()>, WalkError> {
        // If one was sent, so were all above it.
        let first = self.frames.iter().rposition(|frame| frame.unsent.is_none()).map_or(0, |sent| sent + 1);
        for frame in &mut self.frames[first..] {
            if let Some(entry) = frame.unsent.take()
                && (self.visit)(entry).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn check_name(&self) -> Result<(), WalkError> {
        // The text has the same bytes, unless some were not UTF-8.
        if self.text.as_bytes() == self.raw { Ok(()) } else { Err(WalkError::NotUtf8(self.text.clone())) }
    }

    /// What a `stat` says that something is; nothing if it is gone.
    fn kind(&self, stat: &Stat) -> Result<Option<Kind>, WalkError> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Symlink {
            return self.symlink();
        }
        if stat.st_nlink > 1
            && let Some(of) = self.links.get(&(stat.st_dev, stat.st_ino))
        {
            return Ok(Some(Kind::Hardlink { of: of.clone() }));
        }
        let (major, minor) = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
        Ok(Some(match kind {
            FileType::Directory => Kind::Directory,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice => Kind::CharDevice { major, minor },
            FileType::BlockDevice => Kind::BlockDevice { major, minor },
            _ => Kind::File,
        }))
    }

    fn symlink(&self) -> Result<Option<Kind>, WalkError> {
        let Some(frame) = self.frames.last() else { return Ok(None) };
        let target = match frame.base.read_link(&self.raw) {
            // It may have become a file since.
            Err(Errno::INVAL) => return Ok(None),
            result => self.unless_gone(result)?,
        };
        let Some(target) = target else { return Ok(None) };
        let target = String::from_utf8(target).map_err(|_| WalkError::TargetNotUtf8(self.text.clone()))?;
        Ok(Some(Kind::Symlink { target }))
    }
}

#[expect(clippy::unnecessary_cast, reason = "the types in `Stat` differ between platforms")]
pub(super) fn entry(path: String, kind: Kind, stat: &Stat) -> Entry {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    let size = if kind == Kind::Directory { 0 } else { stat.st_size };
    Entry {
        path,
        kind,
        mode: stat.st_mode as u32,
        size: u64::try_from(size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        dev: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        uid: stat.st_uid,
        gid: stat.st_gid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    fn paths(root: &Path, exclude: &[&str]) -> Result<Vec<String>, WalkError> {
        let exclude: Vec<String> = exclude.iter().map(|pattern| pattern.to_string()).collect();
        let mut paths = Vec::new();
        walk(root, &Filter::new(root, &[], &exclude, &[])?, &mut |entry| {
            paths.push(entry.path);
            ControlFlow::Continue(())
        })?;
        Ok(paths)
    }

    #[test]
    fn the_root_is_a_directory_or_leads_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/file"), "").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        assert_eq!(paths(&at("link"), &[]).unwrap(), ["file"]);
        assert!(matches!(paths(&at("none"), &[]), Err(WalkError::RootMissing(_))));
        assert!(matches!(paths(&at("real/file"), &[]), Err(WalkError::RootNotDirectory(_))));
    }

    #[test]
    fn a_name_that_is_no_text_is_an_error_unless_it_is_excluded() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(OsStr::from_bytes(b"d\xff"))).unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"d\xff/x")), "").unwrap();
        assert!(matches!(paths(dir.path(), &[]), Err(WalkError::NotUtf8(path)) if path == "d\u{fffd}"));
        assert!(matches!(paths(dir.path(), &["*", "!*/x"]), Err(WalkError::NotUtf8(path)) if path == "d\u{fffd}/x"));
        assert_eq!(paths(dir.path(), &["d?"]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_tree_may_be_deeper_than_directories_are_kept_open() {
        let dir = tempfile::tempdir().unwrap();
        let deep = "d/".repeat(400);
        fs::create_dir_all(dir.path().join(&deep)).unwrap();
        fs::write(dir.path().join(&deep).join("file"), "").unwrap();
        let paths = paths(dir.path(), &[]).unwrap();
        assert_eq!((paths.len(), paths.last().map(String::as_str)), (401, Some(&*format!("{deep}file"))));
    }

    #[test]
    fn the_visitor_can_end_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        let mut seen = Vec::new();
        walk(dir.path(), &Filter::default(), &mut |entry| {
            seen.push(entry.path);
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!(seen, ["a", "a/b"]);
    }
}
