//! A plan for a directory without settings. Only what is in the directory itself and in its
//! `dockerfiles/` counts: a Dockerfile further down may be a fixture, a vendored copy or another
//! project, and building the wrong one is worse than asking.

use crate::project::find::FILE_NAME;
use crate::project::problem::{Problem, Wrong};
use crate::project::resolve::{Resolved, resolve};
use crate::project::source::Source;
use crate::project::spans::{Spans, join};
use crate::project::{Project, Variables, written};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "dockerfiles";
const SUFFIX: &str = ".Dockerfile";

/// Guesses the project in `directory`.
pub fn guess(directory: &Path, variables: Variables<'_>) -> Result<Project, Vec<Problem>> {
    let root = directory.canonicalize();
    let missing = |source| vec![Wrong::NoDirectory { directory: directory.to_owned(), source }.into()];
    let root = root.map_err(missing)?;
    let found = dockerfiles(&root).map_err(|problem| vec![problem])?;
    if found.is_empty() {
        return Err(vec![nothing(&root).into()]);
    }
    let source = Source { name: String::new(), text: String::new() };
    let resolved = resolve(file(&found), &source, &Spans::default(), &root, &[], variables);
    let Resolved { plan, mut origins, not_set, problems } = resolved;
    for (name, path) in &found {
        let image = join("image", name);
        origins.guess(join(&image, "dockerfile"), format!("no {FILE_NAME}, and `{path}` is here"));
        origins.guess(join(&image, "context"), "the working directory");
    }
    if problems.is_empty() { Ok(Project { plan, origins, settings: None, not_set }) } else { Err(problems) }
}

fn file(found: &BTreeMap<String, String>) -> written::File {
    let image = |path: &String| written::Image { dockerfile: Some(path.clone()), ..Default::default() };
    written::File {
        image: found.iter().map(|(name, path)| (name.clone(), image(path))).collect(),
        ..Default::default()
    }
}

/// The Dockerfiles that count, by the name of their image.
fn dockerfiles(root: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let own = root.join("Dockerfile").is_file().then(|| (image_name(root), "Dockerfile".to_owned()));
    let named = named(root, "").into_iter().chain(named(&root.join(DIRECTORY), "dockerfiles/"));
    for (name, path) in own.into_iter().chain(named) {
        if let Some(first) = found.insert(name.clone(), path.clone()) {
            return Err(Wrong::TwoDockerfiles { image: name, first, second: path }.into());
        }
    }
    Ok(found)
}

/// Every `NAME.Dockerfile` in `directory`, with its path shown after `prefix`.
fn named(directory: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut found: Vec<_> = files(directory)
        .into_iter()
        .filter_map(|path| {
            let file = path.file_name()?.to_str()?;
            let name = sanitised(file.strip_suffix(SUFFIX)?)?;
            Some((name, format!("{prefix}{file}")))
        })
        .collect();
    found.sort();
    found
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_file()).collect()
}

/// A directory's name as that of an image.
fn image_name(directory: &Path) -> String {
    let name = directory.file_name().and_then(|name| sanitised(&name.to_string_lossy()));
    name.unwrap_or_else(|| "app".into())
}

/// `text` in lower case, with `-` for whatever an image's name cannot have.
fn sanitised(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '.' && c != '_');
    let joined = parts.map(|part| part.trim_matches(['.', '_'])).filter(|part| !part.is_empty());
    let name = joined.collect::<Vec<_>>().join("-").replace("..", ".");
    crate::project::resolve::is_image_name(&name).then_some(name)
}

fn nothing(root: &Path) -> Wrong {
    let looked_for = vec![
        format!("{FILE_NAME} here and in every directory above"),
        "Dockerfile".into(),
        format!("*{SUFFIX}"),
        format!("{DIRECTORY}/*{SUFFIX}"),
    ];
    Wrong::Nothing { looked_for, below: below(root) }
}

/// Dockerfiles one directory down: not guessed, but worth naming.
fn below(root: &Path) -> Vec<String> {
    let directories = std::fs::read_dir(root).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let dockerfiles = directories.map(|directory| directory.join("Dockerfile")).filter(|path| path.is_file());
    let mut shown: Vec<String> =
        dockerfiles.filter_map(|path| Some(path.strip_prefix(root).ok()?.display().to_string())).collect();
    shown.sort();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_directory_has_a_valid_image_name() {
        let name = |text: &str| image_name(Path::new(text));
        assert_eq!(name("/x/My App"), "my-app");
        assert_eq!(name("/x/todo_api.v2"), "todo_api.v2");
        assert_eq!(name("/x/..strange--é--"), "strange");
        assert_eq!(name("/x/日本"), "app");
        assert_eq!(name("/"), "app");
    }
}
