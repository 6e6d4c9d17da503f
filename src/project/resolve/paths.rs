//! Contexts and Dockerfiles: where they are, and that they are there.

use super::Resolver;
use crate::project::problem::Wrong;
use crate::types::short_path;
use std::path::{Path, PathBuf};

impl Resolver<'_> {
    /// The build context of `image`, links resolved.
    pub(super) fn context(&mut self, image: &str, written: Option<String>) -> Option<PathBuf> {
        let path = format!("{image}.context");
        self.written(&path);
        let text = written.unwrap_or_else(|| ".".into());
        let found = match self.absolute(&text).canonicalize() {
            Ok(found) if found.is_dir() => return Some(found),
            Ok(_) => "is not a directory",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist",
            Err(_) => "cannot be read",
        };
        self.wrong(&path, Wrong::Context { path: text, why: found });
        None
    }

    /// The Dockerfile of the image `name`: the one that is written, or the first that is found.
    pub(super) fn dockerfile(
        &mut self,
        image: &str,
        name: &str,
        written: Option<String>,
        context: &Path,
    ) -> Option<PathBuf> {
        let path = format!("{image}.dockerfile");
        if let Some(text) = written {
            self.written(&path);
            let found = existing_file(&self.absolute(&text));
            if found.is_none() {
                self.wrong(&path, Wrong::Dockerfile { path: text });
            }
            return found;
        }
        let candidates = candidates(self.root, name, context);
        let Some(found) = candidates.iter().find_map(|candidate| existing_file(candidate)) else {
            let looked_for = candidates.iter().map(|path| short_path(path, &[self.root])).collect();
            self.wrong_key(image, Wrong::NoDockerfile { image: name.to_owned(), looked_for });
            return None;
        };
        self.origins.guess(path, format!("the first that exists of {}", shown(&candidates, self.root)));
        Some(found)
    }
}

/// Where the Dockerfile of an image is looked for, in this order.
fn candidates(root: &Path, name: &str, context: &Path) -> [PathBuf; 3] {
    let file = format!("{name}.Dockerfile");
    [root.join(&file), root.join("dockerfiles").join(&file), context.join("Dockerfile")]
}

fn shown(paths: &[PathBuf], root: &Path) -> String {
    paths.iter().map(|path| short_path(path, &[root])).collect::<Vec<_>>().join(", ")
}

/// `path` with its directory's links resolved, if it is a file. The file's own name stays, even
/// if it is a link: `NAME.dockerignore` is looked for beside it.
fn existing_file(path: &Path) -> Option<PathBuf> {
    if !path.is_file() {
        return None;
    }
    let directory = path.parent()?.canonicalize().ok()?;
    Some(directory.join(path.file_name()?))
}
