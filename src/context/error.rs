//! Why a tree cannot be walked.

use super::pattern::PatternError;
use crate::types::{Explained, Outcome};
use std::io;
use std::path::Path;

/// Why a walk ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// There is no such directory.
    #[error("the directory `{0}` does not exist")]
    RootMissing(String),
    /// The root is something else.
    #[error("`{0}` is not a directory")]
    RootNotDirectory(String),
    /// A name that cannot be sent to BuildKit, whose protocol has text for names.
    #[error("the name of `{0}` is not UTF-8")]
    NotUtf8(String),
    /// The same for what a symbolic link points to.
    #[error("what the symbolic link `{0}` points to is not UTF-8")]
    TargetNotUtf8(String),
    /// The operating system said no.
    #[error("cannot read `{path}`")]
    Read {
        /// Relative to the root, or the root itself.
        path: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A pattern of the filter is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl WalkError {
    pub(super) fn read(path: &str, source: impl Into<io::Error>) -> Self {
        Self::Read { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn root(root: &Path, source: io::Error) -> Self {
        let shown = root.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::RootMissing(shown),
            io::ErrorKind::NotADirectory => Self::RootNotDirectory(shown),
            _ => Self::Read { path: shown, source },
        }
    }
}

impl Explained for WalkError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Read { .. } => Outcome::Unreachable,
            _ => Outcome::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::RootMissing(_) | Self::RootNotDirectory(_) => Some("name an existing directory as `context`".into()),
            Self::NotUtf8(path) => Some(format!("rename `{path}`, or list it in .dockerignore")),
            Self::TargetNotUtf8(path) => Some(format!("remove `{path}`, or list it in .dockerignore")),
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("make `{path}` readable, or list it in .dockerignore"))
            }
            Self::Read { .. } => None,
            Self::Pattern(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_their_path_and_what_to_do() {
        let denied = || WalkError::read("a/b", io::Error::from(io::ErrorKind::PermissionDenied));
        let root = |kind: io::ErrorKind| WalkError::root(Path::new("x"), kind.into());
        let shown: Vec<(String, Option<String>)> = [
            root(io::ErrorKind::NotFound),
            root(io::ErrorKind::NotADirectory),
            WalkError::NotUtf8("a\u{fffd}".into()),
            WalkError::TargetNotUtf8("l".into()),
            denied(),
        ]
        .iter()
        .map(|error| (error.to_string(), error.hint()))
        .collect();
        let expected = [
            ("the directory `x` does not exist", "name an existing directory as `context`"),
            ("`x` is not a directory", "name an existing directory as `context`"),
            ("the name of `a\u{fffd}` is not UTF-8", "rename `a\u{fffd}`, or list it in .dockerignore"),
            ("what the symbolic link `l` points to is not UTF-8", "remove `l`, or list it in .dockerignore"),
            ("cannot read `a/b`", "make `a/b` readable, or list it in .dockerignore"),
        ]
        .map(|(text, hint)| (text.to_owned(), Some(hint.to_owned())));
        assert_eq!(shown, expected);
        assert_eq!(denied().outcome(), Outcome::Unreachable);
    }
}
