//! What can be wrong with an image archive.

use crate::types::{Digest, Explained, ImageId, Outcome};

/// An image archive is not what it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArchiveError {
    /// The bytes are no tar archive.
    #[error("the image archive is no tar archive: no header at byte {at}")]
    NotTar {
        /// Where a header should be.
        at: u64,
    },
    /// The archive ends before its end marker.
    #[error("the image archive is cut off after {at} bytes, {inside}")]
    Truncated {
        /// How much came.
        at: u64,
        /// What was being read.
        inside: String,
    },
    /// A blob's bytes are not those that its name promises.
    #[error("`{name}` in the image archive has the digest {found}")]
    WrongDigest {
        /// The member of the archive.
        name: String,
        /// What its bytes hash to.
        found: Digest,
    },
    /// The config of the image is not there.
    #[error("the image archive holds no config {id}")]
    NoConfig {
        /// The image.
        id: ImageId,
    },
    /// The config lists other layers than the engine does.
    #[error("the config {id} lists other layers than the engine: {found} where {expected} should be")]
    OtherLayers {
        /// The image.
        id: ImageId,
        /// What the config lists.
        found: String,
        /// What the engine lists.
        expected: String,
    },
    /// A layer is not there.
    #[error("the image archive lacks layer {number} of {count}, {diff_id}")]
    NoLayer {
        /// The layer, from 1.
        number: usize,
        /// How many layers there are.
        count: usize,
        /// Its diff id.
        diff_id: Digest,
    },
    /// A record is larger than anything that an engine writes.
    #[error("`{name}` in the image archive claims {size} bytes, more than it can have")]
    TooLarge {
        /// The member of the archive.
        name: String,
        /// Its size.
        size: u64,
    },
}

impl Explained for ArchiveError {
    fn outcome(&self) -> Outcome {
        Outcome::StepFailed
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Truncated { .. }).then(|| "see whether the engine still runs, then load again".into())
    }
}
