//! Which line to change: of the values or the templates of a release.

use super::cause::{Blame, Cause};
use crate::cluster::Object;
use crate::project::Release;
use crate::types::path_from_here;
use std::fmt;
use std::path::{Path, PathBuf};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}  {}", path_from_here(&self.file), self.line, self.text.trim())
    }
}

/// The line of `release` that `cause` comes from, as far as its text tells: values before templates,
/// and of several files of values the one that wins.
pub fn place(release: &Release, objects: &[Object], cause: &Cause) -> Option<Place> {
    let limit = |name: &str| {
        let container = objects.iter().flat_map(super::containers).find(|one| {
            cause.container.is_none()
                || one.get("name").and_then(serde_json::Value::as_str) == cause.container.as_deref()
        })?;
        let value = container.pointer(&format!("/resources/limits/{name}"))?;
        Some(format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    };
    let needles: Vec<String> = match &cause.blame {
        Blame::ImageAbsent | Blame::ImagePull => vec!["pullPolicy:".into(), "imagePullPolicy:".into()],
        Blame::User => vec!["runAsUser:".into(), "runAsNonRoot:".into()],
        Blame::Reference => quoted(&cause.message),
        Blame::Memory => limit("memory").into_iter().chain(["memory:".to_owned()]).collect(),
        Blame::Probe(probe) => vec![format!("{probe}:"), format!("{probe}Probe:")],
        Blame::Command => vec!["command:".into(), "args:".into()],
        Blame::Claim => vec!["className:".into(), "storageClassName:".into()],
        Blame::Schedule => vec!["requests:".into()],
        _ => return None,
    };
    let files = files(release);
    needles.iter().find_map(|needle| files.iter().find_map(|file| find(file, needle)))
}

/// The names in quotes that a message has, the last first: the key of a secret comes after it.
fn quoted(message: &str) -> Vec<String> {
    let mut names: Vec<String> = message.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    names.extend(message.split("key: ").nth(1).and_then(|rest| rest.split_whitespace().next()).map(str::to_owned));
    let key = message.split("find key ").nth(1).and_then(|rest| rest.split_whitespace().next());
    names.extend(key.map(str::to_owned));
    names.reverse();
    names
}

fn files(release: &Release) -> Vec<PathBuf> {
    let own = release.values.iter().rev().cloned();
    let mut templates: Vec<PathBuf> = std::fs::read_dir(release.chart.join("templates"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    templates.sort();
    own.chain([release.chart.join("values.yaml")]).chain(templates).collect()
}

fn find(file: &Path, needle: &str) -> Option<Place> {
    let text = std::fs::read_to_string(file).ok()?;
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    let (at, line) = text.lines().enumerate().find(|(_, line)| line.contains(needle) && !is_comment(line))?;
    Some(Place { file: file.to_owned(), line: at + 1, text: line.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_missing_is_looked_for_before_its_secret() {
        let found = quoted("couldn't find key COHERE_API_KEY in Secret todo/app-secrets");
        assert_eq!(found, ["COHERE_API_KEY"]);
        let found = quoted("MountVolume.SetUp failed for volume \"secrets\" : secret \"app-secrets\" not found");
        assert_eq!(found, ["app-secrets", "secrets"]);
        let found = quoted("MountVolume.SetUp failed for volume \"s\" : references non-existent secret key: A_KEY");
        assert_eq!(found, ["A_KEY", "s"]);
    }
}
