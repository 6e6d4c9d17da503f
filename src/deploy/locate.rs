//! Which line to change: of the values or the templates of a release.

use super::cause::{Blame, Cause};
use crate::cluster::Object;
use crate::project::Release;
use crate::types::path_from_here;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// Fields that the Pod Security Standards speak of.
const SECURITY: [&str; 10] = [
    "allowPrivilegeEscalation",
    "capabilities",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
    "privileged",
    "hostNetwork",
    "hostPID",
    "hostPort",
    "hostPath",
];

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

/// Where a release's image comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// Its Dockerfile.
    pub dockerfile: Option<&'a Path>,
}

/// The line of `release` that `cause` comes from, as far as its text tells: values before templates,
/// of several files of values the one that wins, and its Dockerfile last.
pub fn place(release: &Release, sources: &Sources<'_>, objects: &[Object], cause: &Cause) -> Option<Place> {
    let found = objects.iter().flat_map(super::containers);
    let container = found.into_iter().find(|one| cause.container.is_none() || text(one, "/name") == cause.container);
    let needles = needles(cause, container.unwrap_or(&Value::Null));
    let files = files(release);
    // What is said nearest to the user comes first, however well something further off fits.
    let of_chart = files.iter().find_map(|file| needles.iter().find_map(|needle| find(file, needle)));
    of_chart.or_else(|| in_dockerfile(sources.dockerfile?, &cause.blame))
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What to look for in each file, the best first.
fn needles(cause: &Cause, container: &Value) -> Vec<String> {
    let keys = |keys: &[&str]| keys.iter().map(|key| format!("{key}:")).collect::<Vec<_>>();
    let value = |key: &str, pointer: &str| match text(container, pointer) {
        Some(value) => vec![format!("{key}: {value}"), format!("{key}: \"{value}\"")],
        None => Vec::new(),
    };
    let mut all = Vec::new();
    match &cause.blame {
        Blame::ImageAbsent | Blame::ImagePull | Blame::Architecture => {
            let image = text(container, "/image").unwrap_or_default();
            let (repository, tag) = image.rsplit_once(':').unwrap_or((&image, ""));
            all.extend([format!("tag: {tag}"), format!("repository: {repository}"), format!("image: {image}")]);
            all.extend(keys(&["pullPolicy", "imagePullPolicy"]));
            // Under whatever tag, it is the wrong image.
            let rotated = usize::from(cause.blame == Blame::Architecture);
            all.rotate_left(rotated);
        }
        Blame::User => all.extend(keys(&["runAsUser", "user", "runAsNonRoot"])),
        Blame::Reference => all.extend(quoted(&cause.message)),
        Blame::Memory => {
            all.extend(value("memory", "/resources/limits/memory"));
            all.extend(keys(&["memory"]));
        }
        Blame::Probe(probe) => {
            all.extend(value("path", &format!("/{probe}Probe/httpGet/path")));
            all.extend(keys(&[probe, &format!("{probe}Probe")]));
        }
        Blame::Crash | Blame::Command if cause.is_init => all.extend(keys(&["init", "initContainers"])),
        Blame::Crash | Blame::Command => all.extend(keys(&["command", "args"])),
        Blame::Claim => {
            all.extend(quoted(&cause.message));
            all.extend(keys(&["className", "storageClass", "storageClassName"]));
        }
        Blame::Schedule => {
            for resource in ["cpu", "memory", "ephemeral-storage"] {
                if cause.message.contains(&format!("Insufficient {resource}")) {
                    all.extend(value(resource, &format!("/resources/requests/{resource}")));
                }
            }
            if cause.message.contains("affinity/selector") {
                all.extend(keys(&["nodeSelector", "affinity"]));
            }
            if cause.message.contains("taint") {
                all.extend(keys(&["tolerations"]));
            }
            all.extend(keys(&["requests"]));
        }
        Blame::Quota => {
            all.extend(keys(&["quota"]));
            let requested = cause.message.split("requested: ").nth(1).and_then(|rest| rest.split('=').next());
            all.extend(requested.map(|name| format!("{}:", name.trim_start_matches("requests."))));
        }
        Blame::Admission => {
            all.extend(
                SECURITY.iter().filter(|field| cause.message.contains(**field)).map(|field| format!("{field}:")),
            );
            if cause.message.contains("not found") {
                all.extend(quoted(&cause.message));
            }
        }
        Blame::Other => {}
    }
    all
}

/// The last instruction of a Dockerfile that decides what is to blame.
fn in_dockerfile(file: &Path, blame: &Blame) -> Option<Place> {
    let instructions: &[&str] = match blame {
        Blame::User => &["USER"],
        Blame::Command | Blame::Crash => &["ENTRYPOINT", "CMD"],
        Blame::Architecture => &["FROM"],
        _ => return None,
    };
    let text = std::fs::read_to_string(file).ok()?;
    let is = |line: &str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        instructions.iter().any(|one| first.eq_ignore_ascii_case(one))
    };
    let (at, line) = text.lines().enumerate().filter(|(_, line)| is(line)).last()?;
    Some(Place { file: file.to_owned(), line: at + 1, text: line.to_owned() })
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
    let (at, line) = text.lines().enumerate().find(|(_, line)| has(line, needle))?;
    Some(Place { file: file.to_owned(), line: at + 1, text: line.to_owned() })
}

/// Whether `line` is no comment, and has `needle` as a whole: not as the end of another word.
fn has(line: &str, needle: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let whole = |at: usize| {
        let after = line[at + needle.len()..].chars().next();
        !is_word(line[..at].chars().next_back()) && (needle.ends_with(':') || !is_word(after))
    };
    !line.trim_start().starts_with('#') && line.match_indices(needle).any(|(at, _)| whole(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_a_whole_word() {
        assert!(has("  user: 0", "user:") && has("{user: 0}", "user:") && has("tag: a", "tag: a"));
        assert!(!has("  superuser: 0", "user:") && !has("# user: 0", "user:") && !has("tag: ab", "tag: a"));
    }

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
