//! What can be wrong with an archive.

use crate::image::layers::LayerError;
use crate::image::members::TarError;
use crate::types::{Digest, Explained, Outcome};
use std::{fmt, io};

/// An archive could not be read, or has not what was asked for.
#[derive(Debug)]
pub struct ArchiveError {
    /// What the archive is called.
    pub archive: String,
    /// What is wrong with it.
    pub problem: Box<Problem>,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be opened.
    #[error("it cannot be opened")]
    Open(#[source] io::Error),
    /// It cannot be read or decompressed.
    #[error("it cannot be read or decompressed to its end")]
    Stream(#[source] io::Error),
    /// It is no valid tar.
    #[error("it is not a valid tar after `{after}`")]
    Tar {
        /// The last member that could be read, or `its start`.
        after: String,
        /// Why.
        #[source]
        source: TarError,
    },
    /// It has no end mark.
    #[error("it is cut short after `{after}`: the end of the tar is missing")]
    Cut {
        /// The last member.
        after: String,
    },
    /// It has neither `manifest.json` nor `index.json`.
    #[error("it holds no image: neither `manifest.json` nor `index.json` is in it")]
    NoImage,
    /// Too many members for an image archive.
    #[error("it has more than {0} documents, layers and links")]
    TooMany(usize),
    /// Something that it refers to is not in it.
    #[error("`{path}` is not in it{what}")]
    Missing {
        /// The path from its root.
        path: String,
        /// What it would be, such as ` (layer 3, …)`; may be empty.
        what: String,
    },
    /// A document is too large to be one.
    #[error("`{path}` is larger than a document may be ({limit} bytes)")]
    TooLarge {
        /// The path from its root.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A document is no JSON of the right shape.
    #[error("`{path}` is not valid")]
    Json {
        /// The path from its root.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A document has not the digest that its path says.
    #[error("`{path}` is damaged: its digest is `{found}`")]
    Digest {
        /// The path from its root.
        path: String,
        /// The digest of its bytes.
        found: Digest,
    },
    /// A layer cannot be read.
    #[error("layer `{path}`{what} cannot be read")]
    Layer {
        /// The path from its root.
        path: String,
        /// Which one it is, such as ` (layer 3, …)`; may be empty.
        what: String,
        /// Why.
        #[source]
        source: LayerError,
    },
    /// A layer is not the one that the config lists.
    #[error("layer {number} (`{path}`) has diff id `{found}`, but the config says `{expected}`")]
    DiffId {
        /// Its number, from 1.
        number: usize,
        /// The path from the archive's root.
        path: String,
        /// What the config says.
        expected: Digest,
        /// What was read.
        found: Digest,
    },
    /// The config lists more or fewer layers than the manifest.
    #[error("image `{image}` has {found} layers, but its config lists {expected}")]
    LayerCount {
        /// The path of its config.
        image: String,
        /// How many the config lists.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A manifest of a kind that is no image.
    #[error("`{path}` has media type `{media_type}`, which is not an image")]
    MediaType {
        /// The path from its root.
        path: String,
        /// Its media type.
        media_type: String,
    },
    /// Documents point to each other without end.
    #[error("its indexes are nested too deeply")]
    Nested,
    /// It has several images, and none was chosen.
    #[error("it holds {} images: {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    /// It has not the image that was asked for.
    #[error("it has no image `{wanted}`; it has {}", .there.join(", "))]
    NotThere {
        /// What was asked for.
        wanted: String,
        /// What is there.
        there: Vec<String>,
    },
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive `{}`: {}", self.archive, self.problem)
    }
}

impl std::error::Error for ArchiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl Explained for ArchiveError {
    fn outcome(&self) -> Outcome {
        match *self.problem {
            Problem::Several(_) | Problem::NotThere { .. } => Outcome::Usage,
            _ => Outcome::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match &*self.problem {
            Problem::NoImage => "write it with `docker save` (what `docker export` writes has no config)".into(),
            Problem::Several(_) => "say which one with `--image`".into(),
            Problem::Cut { .. } | Problem::Digest { .. } | Problem::DiffId { .. } => "write the archive again".into(),
            Problem::Tar { source: TarError::Cut { .. }, .. } => "write the archive again".into(),
            _ => return None,
        })
    }
}
