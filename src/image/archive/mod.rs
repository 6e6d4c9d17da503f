//! Image archives: what `docker save` writes (old and new), OCI layouts as a tar or as a
//! directory, plain or compressed as a whole. Members come in any order, so a stream is read
//! whole, in one pass: documents are kept, layers become facts, everything else is skipped.

mod directory;
mod error;
mod progress;
mod select;
mod stream;

pub use error::{ArchiveError, Problem};
pub use progress::Progress;

use crate::image::ImageFacts;
use crate::image::layers::LayerFacts;
use crate::image::store::Store;
use crate::types::Platform;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Which image of an archive is meant. The default is the only one there is.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Its name, or its id or the start of it.
    pub name: Option<String>,
    /// Its platform; this machine's if there are several and none is given.
    pub platform: Option<Platform>,
}

/// An archive that was read, or a directory that can be.
pub struct Archive {
    name: String,
    source: Box<dyn Source + Send>,
}

/// What an archive is made of. Paths are from its root, without a leading slash.
trait Source {
    /// There is a document or a layer at `path`.
    fn has(&self, path: &str) -> bool;
    /// The bytes of the document at `path`.
    fn document(&self, path: &str) -> Result<Vec<u8>, Problem>;
    /// What was read of the layer at `path`.
    fn layer(&self, path: &str) -> Result<Arc<LayerFacts>, Problem>;
}

impl Archive {
    /// Reads the archive that `reader` yields, to its end. `name` is what messages call it.
    /// With a `store`, uncompressed layers that it knows by the digest in their path are not
    /// read again: right for what an engine exports, which checked its layers when they came in.
    pub fn read(name: &str, reader: impl Read, store: Option<&Store>) -> Result<Self, ArchiveError> {
        let wrong = |problem| ArchiveError { archive: name.to_owned(), problem: Box::new(problem) };
        let contents = stream::read(reader, store).map_err(wrong)?;
        Ok(Self { name: name.to_owned(), source: Box::new(contents) })
    }

    /// The archive at `path`: a file, or a directory with an OCI layout.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let name = path.display().to_string();
        if path.is_dir() {
            let source = Box::new(directory::Directory::new(path));
            return Ok(Self { name, source });
        }
        match std::fs::File::open(path) {
            Ok(file) => Self::read(&name, file, None),
            Err(source) => Err(ArchiveError { archive: name, problem: Box::new(Problem::Open(source)) }),
        }
    }

    /// The image that `choice` means, proven: its config has the digest that its path says, and
    /// its layers have the diff ids that its config says.
    pub fn image(&self, choice: &Choice) -> Result<ImageFacts, ArchiveError> {
        select::image(self.source.as_ref(), choice)
            .map_err(|problem| ArchiveError { archive: self.name.clone(), problem: Box::new(problem) })
    }
}
