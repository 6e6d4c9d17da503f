//! An archive as a directory: an OCI layout, or what `docker save` writes, unpacked.

use super::stream::{LARGEST_DOCUMENT, looks_like_layer};
use super::{Problem, Source};
use crate::image::compression::peek;
use crate::image::files::clean_path;
use crate::image::layers::{LayerError, LayerFacts, read_layer};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory; nothing of it is read before it is asked for.
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn open(&self, path: &str) -> Result<File, Problem> {
        let missing = || Problem::Missing { path: path.to_owned(), what: String::new() };
        let inside = clean_path(path.as_bytes()).ok_or_else(missing)?;
        match File::open(self.root.join(inside)) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
            Err(error) => Err(Problem::Open(error)),
        }
    }
}

impl Source for Directory {
    fn has(&self, path: &str) -> bool {
        clean_path(path.as_bytes()).is_some_and(|inside| self.root.join(inside).is_file())
    }

    fn document(&self, path: &str) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        self.open(path)?.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes).map_err(Problem::Stream)?;
        if bytes.len() as u64 > LARGEST_DOCUMENT {
            return Err(Problem::TooLarge { path: path.to_owned(), limit: LARGEST_DOCUMENT });
        }
        Ok(bytes)
    }

    fn layer(&self, path: &str) -> Result<Arc<LayerFacts>, Problem> {
        let broken = |source| Problem::Layer { path: path.to_owned(), what: String::new(), source };
        let (start, file) = peek(self.open(path)?, 512).map_err(Problem::Stream)?;
        if !looks_like_layer(&start) {
            return Err(broken(LayerError::Unknown));
        }
        read_layer(&start, file).map(Arc::new).map_err(broken)
    }
}
