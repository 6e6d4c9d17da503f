//! Random trees with all that a file system can hold, and patterns that fit them.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NAMES: [&str; 16] =
    ["a", "b", "c", "a-b", "a.b", "a0", "B", "é", "日本", "x y", "*", "[a]", "\\", "a\nb", "..c", "!d"];

fn pick<'a>(rng: &mut StdRng, pool: &[&'a str]) -> &'a str {
    pool.choose(rng).copied().unwrap_or_default()
}

/// A tree of some dozens of entries.
pub fn grow(rng: &mut StdRng) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut dirs = vec![root.path().to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    for _ in 0..rng.random_range(5..60) {
        let path = dirs.choose(rng).unwrap().join(pick(rng, &NAMES));
        if path.symlink_metadata().is_err() {
            plant(rng, path, &mut dirs, &mut files);
        }
    }
    root
}

fn plant(rng: &mut StdRng, path: PathBuf, dirs: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) {
    match rng.random_range(0..20) {
        0..7 => {
            fs::create_dir(&path).unwrap();
            dirs.push(path);
        }
        7..11 => symlink(target(rng), &path).unwrap(),
        11..13 if !files.is_empty() => fs::hard_link(files.choose(rng).unwrap(), &path).unwrap(),
        13 => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap(),
        // A socket's path must be short; then it is left out.
        14 => drop(UnixListener::bind(&path)),
        _ => {
            file(rng, &path);
            files.push(path);
        }
    }
}

fn file(rng: &mut StdRng, path: &Path) {
    fs::write(path, vec![b'x'; rng.random_range(0..50)]).unwrap();
    let mode = [0o644, 0o755, 0o4755, 0o2711, 0o1666, 0o400].choose(rng).copied().unwrap_or_default();
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    if rng.random_bool(0.2) {
        // Not every file system has them.
        let _ = setxattr(path, "user.loadline", &[1, 2, 0xff], XattrFlags::empty());
    }
}

fn target(rng: &mut StdRng) -> String {
    let front = pick(rng, &["", "", "", "../", "../../", "/", "./", "nowhere/"]);
    format!("{front}{}", steps(rng, &NAMES))
}

fn steps(rng: &mut StdRng, pool: &[&str]) -> String {
    let parts: Vec<&str> = (0..rng.random_range(1..=2)).map(|_| pick(rng, pool)).collect();
    parts.join("/")
}

/// A pattern to include or a path to follow.
pub fn pattern(rng: &mut StdRng) -> String {
    const WILD: [&str; 12] = ["*", "a*", "?", "[ab]", "\\*", "**", "*b", "[^a]*", "a", "b", "c", "é"];
    let wild = rng.random_bool(0.4);
    let front = pick(rng, &["", "", "", "", "/", "./"]);
    let back = pick(rng, &["", "", "", "/*", "/**"]);
    if rng.random_bool(0.02) {
        return "a[".to_owned();
    }
    format!("{front}{}{back}", if wild { steps(rng, &WILD) } else { steps(rng, &NAMES[..10]) })
}

/// A pattern to exclude, or an exception to that.
pub fn exclude(rng: &mut StdRng) -> String {
    let front = pick(rng, &["", "", "!"]);
    format!("{front}{}", pattern(rng))
}
