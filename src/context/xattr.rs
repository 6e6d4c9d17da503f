//! Extended attributes, which BuildKit sends with a file and counts as part of it.

use super::ignore::go_text;
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// The extended attributes of `path`, of itself if it is a link, sorted by name. Those that cannot
/// be read, and all on file systems without them, are left out, as fsutil does.
pub fn xattrs(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for name in names(path)?.split(|b| *b == 0).filter(|name| !name.is_empty()) {
        if let Ok(value) = grow(|space| rustix::fs::lgetxattr(path, name, space))
            && !name.starts_with(b"com.apple.")
        {
            found.push((go_text(name), value));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn names(path: &Path) -> io::Result<Vec<u8>> {
    // Asking for the size alone is all that most files need.
    match rustix::fs::llistxattr_query(path) {
        Ok(0) | Err(Errno::NOTSUP) => Ok(Vec::new()),
        Ok(_) => Ok(grow(|space| rustix::fs::llistxattr(path, space))?),
        Err(error) => Err(error.into()),
    }
}

/// Reads what may grow between asking for its size and reading it.
fn grow(mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut space = vec![0; 256];
    loop {
        match read(&mut space) {
            Ok(length) => {
                space.truncate(length);
                return Ok(space);
            }
            // The kernel gives no more than 64 KiB.
            Err(Errno::RANGE) if space.len() < 1 << 20 => space.resize(space.len() * 4, 0),
            Err(error) => return Err(error),
        }
    }
}
