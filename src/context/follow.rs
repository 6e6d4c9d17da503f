//! `FollowLinks` of fsutil: which paths must be sent so that the given ones, which may go through
//! symbolic links, can be resolved on the other side. Links are read as if the root were `/`, so
//! what is found never lies outside.

use super::error::WalkError;
use super::glob;
use super::ignore::go_text;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Resolves `paths` below `root`. Nothing if one of them is the root itself: then all is wanted.
pub(super) fn follow_links(root: &Path, paths: &[String]) -> Result<Option<Vec<String>>, WalkError> {
    let mut resolver = Resolver { root, resolved: BTreeSet::new() };
    for path in paths {
        resolver.add(path)?;
    }
    Ok(without_children(resolver.resolved))
}

/// Leaves out paths that follow one which they lie in, as fsutil does for lists that it takes for
/// sorted. Nothing if one of them is the root.
pub(super) fn without_children(paths: impl IntoIterator<Item = String>) -> Option<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    for path in paths {
        if path == "." {
            return None;
        }
        let last = kept.last().map_or("", String::as_str);
        // Before the first, `last` is empty and so a rooted path is left out: upstream, too.
        if !path.strip_prefix(last).is_some_and(|rest| rest.starts_with('/')) {
            kept.push(path);
        }
    }
    Some(kept)
}

struct Resolver<'a> {
    root: &'a Path,
    resolved: BTreeSet<String>,
}

impl Resolver<'_> {
    /// Adds a path and all that it leads to, depth first as upstream does: which of two ways to a
    /// link comes first decides what is found.
    fn add(&mut self, path: &str) -> Result<(), WalkError> {
        let mut waiting = vec![glob::clean(&format!("./{path}"))];
        while let Some(path) = waiting.pop() {
            waiting.extend(self.step(&path)?.into_iter().rev());
        }
        Ok(())
    }

    /// Goes along a clean path up to the first link; the paths to go on with.
    fn step(&mut self, path: &str) -> Result<Vec<String>, WalkError> {
        let mut rest = path;
        let mut current = String::from(".");
        loop {
            let (part, left) = rest.split_once('/').unwrap_or((rest, ""));
            current = glob::clean(&format!("{current}/{part}"));
            let targets = self.links(&current)?;
            rest = left;
            if targets.is_empty() && !rest.is_empty() {
                continue;
            }
            if !self.resolved.insert(current) {
                return Ok(Vec::new());
            }
            let onward = |target: String| glob::clean(&format!("./{target}/{rest}"));
            return Ok(targets.into_iter().map(onward).collect());
        }
    }

    /// Where the links named by `path`, whose last part may have wildcards, point to.
    fn links(&self, path: &str) -> Result<Vec<String>, WalkError> {
        let last = path.rsplit('/').next().unwrap_or(path);
        // What begins with `..` is never sent, so nothing out there is looked at.
        if path == "." || path == ".." || path.starts_with("../") {
            return Ok(Vec::new());
        }
        if !has_wildcards(last) {
            return Ok(self.link(path)?.into_iter().collect());
        }
        let parent = glob::parent(path);
        let mut targets = Vec::new();
        for name in self.names(parent)? {
            if glob::matches(last, &name) == Ok(true) {
                targets.extend(self.link(&glob::clean(&format!("{parent}/{name}")))?);
            }
        }
        Ok(targets)
    }

    /// The names in a directory, sorted. Those that are not UTF-8 are left to the walk.
    fn names(&self, path: &str) -> Result<Vec<String>, WalkError> {
        if self.through_link(path) {
            return Ok(Vec::new());
        }
        let Some(entries) = found(path, fs::read_dir(self.root.join(path)))? else {
            return Ok(Vec::new());
        };
        let names: io::Result<Vec<_>> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let names = names.map_err(|error| WalkError::read(path, error))?;
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Where a link points to, from the root; nothing if it is no link or not there.
    fn link(&self, path: &str) -> Result<Option<String>, WalkError> {
        let absolute = self.root.join(path);
        let Some(metadata) = found(path, fs::symlink_metadata(&absolute))? else {
            return Ok(None);
        };
        if !metadata.is_symlink() || self.through_link(glob::parent(path)) {
            return Ok(None);
        }
        let Some(target) = found(path, fs::read_link(&absolute))? else {
            return Ok(None);
        };
        let target = String::from_utf8(target.into_os_string().into_vec())
            .map_err(|error| WalkError::TargetNotUtf8(format!("{path} -> {}", go_text(error.as_bytes()))))?;
        let target = glob::clean(&target);
        if target.starts_with('/') {
            return Ok(Some(target));
        }
        Ok(Some(glob::clean(&format!("/{}/{target}", glob::parent(path)))))
    }

    /// Whether a path leads through a link. Only a part with a malformed wildcard can name a link
    /// and yet not be resolved before; it must not lead out of the root.
    fn through_link(&self, path: &str) -> bool {
        let ancestors = Path::new(path).ancestors().filter(|path| !path.as_os_str().as_bytes().is_empty());
        ancestors.into_iter().any(|path| fs::symlink_metadata(self.root.join(path)).is_ok_and(|m| m.is_symlink()))
    }
}

/// What is not there, or lies below a file, is no error.
fn found<T>(path: &str, result: io::Result<T>) -> Result<Option<T>, WalkError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(WalkError::read(path, error)),
    }
}

fn has_wildcards(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn follow(root: &Path, paths: &[&str]) -> Option<Vec<String>> {
        follow_links(root, &paths.iter().map(|path| path.to_string()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("real/sub")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        symlink("../../../../etc", dir.path().join("real/out")).unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        assert_eq!(follow(dir.path(), &["link/sub"]), Some(vec!["link".into(), "real/sub".into()]));
        assert_eq!(
            follow(dir.path(), &["link/out/passwd"]),
            Some(vec!["etc/passwd".into(), "link".into(), "real/out".into()])
        );
        assert_eq!(follow(dir.path(), &["loop"]), Some(vec!["loop".into()]));
        assert_eq!(follow(dir.path(), &["l*"]), Some(vec!["l*".into(), "loop".into(), "real".into()]));
        assert_eq!(follow(dir.path(), &["/"]), None);
    }
}
