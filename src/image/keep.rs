//! Of which files the content is kept in the layer store, and how much.

use super::files::{Entry, Kind};
use super::packages;

/// How much of a file's content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// All of it, if it is not larger than [`Keep::LARGEST`].
    Whole,
    /// The first line, if it names an interpreter.
    Interpreter,
}

impl Keep {
    /// How much that is at most, in bytes.
    pub fn limit(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Whole => Self::LARGEST_DATABASE,
            Self::Interpreter => Self::INTERPRETER,
        }
    }

    /// A file of accounts that is larger is not kept, in bytes.
    pub const LARGEST: u64 = 1 << 20;
    /// A file that tells what belongs to a package and is larger is not kept, in bytes.
    pub const LARGEST_DATABASE: u64 = 4 << 20;
    /// How much is read to find an interpreter, in bytes (Linux reads 256).
    pub const INTERPRETER: u64 = 256;

    /// How much is kept of `entry`'s content. Accounts are known by name alone, so that links to
    /// them from anywhere lead to their content.
    pub fn of(entry: &Entry) -> Self {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        match name {
            _ if entry.kind != Kind::File || entry.size == 0 => Self::Nothing,
            _ if entry.mode & 0o111 != 0 => Self::Interpreter,
            "passwd" | "group" | "os-release" if entry.size <= Self::LARGEST => Self::Whole,
            _ if entry.size <= Self::LARGEST_DATABASE && packages::is_database(&entry.path) => Self::Whole,
            _ => Self::Nothing,
        }
    }
}
