//! Where each value of a plan comes from.

use std::collections::BTreeMap;
use std::fmt;

/// Where one value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The settings file.
    File {
        /// Its name.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable that the settings file names.
    Variable {
        /// The variable.
        variable: String,
        /// The settings file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Nothing was said, and this is what it then is.
    Default,
    /// Nothing was said, and this was concluded.
    Guessed {
        /// From what.
        because: String,
    },
    /// Nothing was said, and the pod of a release says it.
    Pod {
        /// The release.
        release: String,
    },
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Variable { variable, file, line } => write!(f, "${variable}, by {file}:{line}"),
            Self::Default => f.write_str("default"),
            Self::Guessed { because } => write!(f, "guessed: {because}"),
            Self::Pod { release } => write!(f, "pod of the release {release}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// The origin of each value that has one other than the default, by its path in the settings.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origin of the value at `path`, such as `image.api.budget`.
    pub fn of(&self, path: &str) -> &Origin {
        self.0.get(path).unwrap_or(&Origin::Default)
    }

    /// Notes that the value at `path` comes from `origin`.
    pub(super) fn note(&mut self, path: impl Into<String>, origin: Origin) {
        self.0.insert(path.into(), origin);
    }

    /// Notes that the value at `path` was concluded from `because`.
    pub(super) fn guess(&mut self, path: impl Into<String>, because: impl Into<String>) {
        self.note(path, Origin::Guessed { because: because.into() });
    }

    /// All of them, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(path, origin)| (path.as_str(), origin))
    }
}
