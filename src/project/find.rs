//! Which settings a run uses: the file that is named, or the nearest `loadline.toml` upwards.

use crate::project::problem::{Problem, Wrong};
use std::path::{Path, PathBuf};

/// The name of the settings file.
pub const FILE_NAME: &str = "loadline.toml";

/// Where to look for a project.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The working directory, absolute.
    pub directory: &'a Path,
    /// The settings file, if the command line names one.
    pub file: Option<&'a Path>,
}

/// A settings file that was found.
#[derive(Debug)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// Its directory, links resolved.
    pub root: PathBuf,
    /// As a person at the working directory would name it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The settings file that `search` means, if there is one.
pub fn settings(search: &Search<'_>) -> Result<Option<Settings>, Problem> {
    let path = match search.file {
        Some(file) => search.directory.join(file),
        None => match search.directory.ancestors().map(|above| above.join(FILE_NAME)).find(|path| path.is_file()) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let name = search.file.map_or_else(|| relative(&path, search.directory), |file| file.display().to_string());
    let unreadable = |source| Wrong::Unreadable { file: PathBuf::from(&name), source };
    let text = std::fs::read_to_string(&path).map_err(unreadable)?;
    let parent = path.parent().unwrap_or(search.directory);
    let root = parent.canonicalize().map_err(unreadable)?;
    Ok(Some(Settings { path, root, name, text }))
}

fn relative(path: &Path, directory: &Path) -> String {
    path.strip_prefix(directory).unwrap_or(path).display().to_string()
}
