//! Why an image was not loaded.

use crate::image::transfer::ArchiveError;
use crate::types::{Explained, Outcome};
use crate::{engine, node};

/// Why an image was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image has no name that a node could know it by.
    #[error("{image}: it has no tag, so that no pod could name it")]
    NoName {
        /// The image.
        image: String,
    },
    /// The engine that holds the image failed.
    #[error("{image}: cannot be read out of its engine")]
    Engine {
        /// The image.
        image: String,
        /// How.
        #[source]
        source: engine::Error,
    },
    /// What came out of the engine is not the image.
    #[error("{image}: its engine did not export all of it")]
    Archive {
        /// The image.
        image: String,
        /// What is wrong.
        #[source]
        source: ArchiveError,
    },
    /// What came out of the engine could not be kept on its way.
    #[error("{image}: its layers cannot be read back from the temporary directory")]
    Spill {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No registry could be served on loopback.
    #[error("{image}: cannot listen for a push on loopback")]
    NoRegistry {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A push ended without the image's manifest.
    #[error("{image}: its engine pushed something else")]
    NothingPushed {
        /// The image.
        image: String,
    },
    /// What was learned cannot be written down.
    #[error("{image}: what its engine learned cannot be recorded")]
    Unrecorded {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A node cannot be used, or did not take the image.
    #[error("{image}: {source}")]
    Node {
        /// The image.
        image: String,
        /// The node, and why.
        source: node::Error,
    },
    /// Several nodes did not take the image.
    #[error("{image}: {} nodes did not take it", errors.len())]
    Nodes {
        /// The image.
        image: String,
        /// Each one's error.
        errors: Vec<node::Error>,
    },
    /// The load was interrupted.
    #[error("{image}: interrupted")]
    Interrupted {
        /// The image.
        image: String,
    },
}

impl Error {
    /// What it means that `errors`, at least one, happened to the nodes.
    pub(super) fn of_nodes(image: &str, mut errors: Vec<node::Error>) -> Option<Self> {
        let image = image.to_owned();
        let last = errors.pop()?;
        if errors.is_empty() {
            return Some(Self::Node { image, source: last });
        }
        errors.push(last);
        Some(Self::Nodes { image, errors })
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::NoName { .. } => Outcome::Usage,
            Self::Engine { source, .. } => source.outcome(),
            Self::Archive { source, .. } => source.outcome(),
            Self::Spill { .. } | Self::NothingPushed { .. } => Outcome::StepFailed,
            Self::NoRegistry { .. } | Self::Unrecorded { .. } => Outcome::Unreachable,
            Self::Node { source, .. } => source.outcome(),
            Self::Nodes { errors, .. } => Outcome::worst(errors.iter().map(Explained::outcome)),
            Self::Interrupted { .. } => Outcome::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoName { .. } => Some("`docker tag` gives it a name".into()),
            Self::Engine { source, .. } => source.hint(),
            Self::Archive { source, .. } => source.hint(),
            Self::Node { source, .. } => source.hint(),
            Self::Nodes { errors, .. } => errors.iter().find_map(Explained::hint),
            Self::Spill { .. } => Some("set TMPDIR to a directory that can be written and has room".into()),
            Self::NoRegistry { .. } | Self::NothingPushed { .. } | Self::Unrecorded { .. } => None,
            Self::Interrupted { .. } => None,
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        match self {
            Self::Node { source, .. } => source.details(),
            Self::Nodes { errors, .. } => errors.iter().map(|error| ("node".to_owned(), error.to_string())).collect(),
            _ => Vec::new(),
        }
    }
}
