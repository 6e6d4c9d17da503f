//! Why a step of a build runs again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One cause; a step may have several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Because {
    /// Files that it takes from the context are others.
    Files {
        /// The first of them, in the context.
        path: String,
        /// What became of it.
        change: FileChange,
        /// How many there are.
        count: usize,
    },
    /// The ignore rules let other files through.
    IgnoreRules {
        /// The file that has them.
        file: String,
    },
    /// A build argument that it sees has another value.
    Argument {
        /// Its name.
        name: String,
    },
    /// The base is another image.
    Base {
        /// Its name.
        image: String,
    },
    /// This line of the Dockerfile was edited: its own, or one that sets what it sees.
    Instruction {
        /// The line, from 1.
        line: u32,
    },
    /// It is built for another platform.
    Platform,
    /// It was built by another engine.
    Engine,
    /// All steps were asked to run.
    Asked,
    /// A step that it builds on, or copies from, is other than before.
    Step {
        /// Its line, from 1.
        line: u32,
    },
    /// All that it depends on is as it was: the builder no longer has what it made.
    CacheGone,
    /// It is not known what the build before was made from.
    Unknown,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum FileChange {
    Added,
    Removed,
    Kind,
    Mode,
    Content,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "is new",
            Self::Removed => "is gone",
            Self::Kind => "is something else now",
            Self::Mode => "has another mode",
            Self::Content => "changed",
        })
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files { path, change, count: 1 } => write!(f, "`{path}` {change}"),
            Self::Files { path, change, count } => write!(f, "`{path}` {change}, and {} more differ", count - 1),
            Self::IgnoreRules { file } => write!(f, "`{file}` lets other files through"),
            Self::Argument { name } => write!(f, "the argument `{name}` has another value"),
            Self::Base { image } => write!(f, "the base `{image}` is another image"),
            Self::Instruction { line } => write!(f, "line {line} was edited"),
            Self::Platform => f.write_str("it is for another platform"),
            Self::Engine => f.write_str("another engine built it before"),
            Self::Asked => f.write_str("every step was to run"),
            Self::Step { line } => write!(f, "line {line} is other than before"),
            Self::CacheGone => f.write_str("the builder no longer has it, though nothing changed"),
            Self::Unknown => f.write_str("it is not known what the build before was made from"),
        }
    }
}
