//! From BuildKit's words to the cause: which line of which file, and what to change there.

use super::error::Error;
use super::lines::split_name;
use super::steps::{Known, Steps};
use crate::context::IgnoreFile;
use crate::engine::buildkit::SolveError;
use crate::engine::{is_denied, login_command};
use crate::image::dockerfile::Dockerfile;
use crate::project::ImagePlan;
use crate::types::ImageRef;
use std::path::{Path, PathBuf};

/// What `error` means for `image`, whose Dockerfile is `text`.
pub(super) fn diagnose(image: &ImagePlan, text: &str, steps: &Steps, error: SolveError) -> Error {
    let SolveError::Failed { message } = &error else {
        return Error::Solve { source: error };
    };
    let case = Case { image, text, failed: steps.failed(), message };
    case.disk_full()
        .or_else(|| case.no_stage())
        .or_else(|| case.no_file())
        .or_else(|| case.no_base())
        .or_else(|| case.step())
        .or_else(|| case.syntax())
        .unwrap_or(Error::Solve { source: error })
}

struct Case<'a> {
    image: &'a ImagePlan,
    text: &'a str,
    failed: Option<&'a Known>,
    message: &'a str,
}

impl Case<'_> {
    fn dockerfile(&self) -> String {
        shown(&self.image.dockerfile)
    }

    fn place(&self, line: Option<u32>) -> String {
        let file = self.dockerfile();
        line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
    }

    /// What is said of the failure: the failing step's words, or the whole build's.
    fn words(&self) -> &str {
        self.failed.map_or(self.message, |known| known.error.as_str())
    }

    fn disk_full(&self) -> Option<Error> {
        let full = self.message.contains("no space left on device");
        full.then(|| Error::DiskFull { why: self.message.to_owned() })
    }

    fn no_stage(&self) -> Option<Error> {
        let stage = self.image.stage.as_deref()?;
        // 20.10: `failed to reach build target X in Dockerfile`; newer: `target stage "X" could not be found`.
        if !(self.message.contains("build target") || self.message.contains("target stage")) {
            return None;
        }
        let known = Dockerfile::parse(self.text).stages.into_iter().filter_map(|stage| stage.name).collect();
        Some(Error::NoStage { dockerfile: self.dockerfile(), stage: stage.to_owned(), known })
    }

    /// `… "/x": not found` or `"/x" not found: not found`, as the release has it, of a step that
    /// copies from the context.
    fn no_file(&self) -> Option<Error> {
        let words = self.words();
        let step = self.failed.map_or("", |known| known.step.name.as_str());
        let copies = (step.starts_with("COPY ") || step.starts_with("ADD ")) && !step.contains("--from=");
        if !(copies || self.failed.is_none()) || !words.ends_with("not found") {
            return None;
        }
        let quoted = quoted(words)?.trim_start_matches('/').to_owned();
        let line = self.failed.and_then(|known| known.step.line).or_else(|| self.line_that_copies(&quoted));
        let (path, why, hint) = self.link_that_leaves(step).unwrap_or_else(|| self.why_absent(quoted));
        Some(Error::NoFile { place: self.place(line), path, why, hint })
    }

    /// BuildKit follows links before it looks, so it names where the link points and not the link.
    fn link_that_leaves(&self, step: &str) -> Option<(String, String, String)> {
        let sources = step.split_whitespace().skip(1).filter(|word| !word.starts_with("--"));
        sources.into_iter().find_map(|source| {
            let (link, target) = link_out_of(&self.image.context, Path::new(source))?;
            let why = format!("`{link}` is a link to `{target}`, and links are followed inside the context only");
            let hint = "copy the file into the context, or make the context a directory that holds both".to_owned();
            Some((source.to_owned(), why, hint))
        })
    }

    /// The line of a `COPY` or `ADD` that names `path`, if exactly one does.
    fn line_that_copies(&self, path: &str) -> Option<u32> {
        let copies = |keyword: &str| ["COPY", "ADD"].iter().any(|one| keyword.eq_ignore_ascii_case(one));
        let names = |arguments: &str| {
            arguments.split_whitespace().any(|word| {
                word.trim_matches(['"', '[', ']', ',']).trim_matches(['/', '.']) == path.trim_matches(['/', '.'])
            })
        };
        let stages = Dockerfile::parse(self.text).stages;
        let mut lines = stages.iter().flat_map(|stage| &stage.instructions);
        let mut matching = lines.by_ref().filter(|one| copies(&one.keyword) && names(&one.text)).map(|one| one.line);
        let first = matching.next();
        if matching.next().is_some() { None } else { first }
    }

    fn why_absent(&self, path: String) -> (String, String, String) {
        if let Some((file, line, pattern)) = ignored(self.image, &path) {
            let hint = format!("remove that line, or add `!{path}` below it");
            return (path, format!("it is excluded by {file} line {line} (`{pattern}`)"), hint);
        }
        let there = self.image.context.join(&path).symlink_metadata().is_ok();
        let why = if there { "the builder did not find it" } else { "there is no such file" };
        let why = format!("{why} in {}", shown(&self.image.context));
        (path, why, "paths in COPY and ADD are relative to the build context".to_owned())
    }

    /// Loading a base's metadata, or resolving it, failed.
    fn no_base(&self) -> Option<Error> {
        let step = self.failed.map(|known| known.step.name.as_str());
        let loading = step.and_then(|name| name.strip_prefix("[internal] load metadata for "));
        let from = step.and_then(|name| name.strip_prefix("FROM "));
        let base = loading.or(from)?.trim();
        let (line, written) = self.line_of_base(base);
        let login =
            is_denied(self.words()).then(|| written.parse().ok().map(|base: ImageRef| login_command(base.domain())));
        Some(Error::NoBase {
            place: self.place(line),
            base: written,
            why: self.words().to_owned(),
            login: login.flatten(),
        })
    }

    fn line_of_base(&self, canonical: &str) -> (Option<u32>, String) {
        let canonical_of = |text: &str| text.parse().map(|base: ImageRef| base.canonical());
        let stages = Dockerfile::parse(self.text).stages;
        let found = stages.iter().find(|stage| canonical_of(&stage.base).is_ok_and(|base| base == canonical));
        found.map_or((None, canonical.to_owned()), |stage| (Some(stage.from.line), stage.base.clone()))
    }

    fn step(&self) -> Option<Error> {
        let known = self.failed?;
        if known.step.line.is_none()
            && split_name(&known.step.name).is_none()
            && known.step.name.starts_with("[internal]")
        {
            return None;
        }
        Some(Error::Step {
            place: self.place(known.step.line),
            step: known.step.name.clone(),
            why: known.error.clone(),
            output: known.last_lines.iter().cloned().collect(),
        })
    }

    /// `dockerfile parse error line 3: unknown instruction: FOO`, with or without `on`.
    fn syntax(&self) -> Option<Error> {
        let lower = self.message.to_lowercase();
        let start = lower.find("dockerfile parse error").or_else(|| lower.find("failed to parse"))?;
        let rest = self.message.get(start..)?;
        let digits = |text: &str| text.trim_start().chars().take_while(char::is_ascii_digit).collect::<String>();
        let line = rest.split_once("line ").and_then(|(_, after)| digits(after).parse::<u32>().ok());
        let why = line.and_then(|_| rest.split_once(": ")).map_or(rest, |(_, why)| why);
        let source = line.and_then(|line| self.text.lines().nth((line as usize).checked_sub(1)?)).map(str::to_owned);
        Some(Error::Syntax { place: self.place(line), text: source, why: why.trim().to_owned() })
    }
}

/// The last text in double quotes.
fn quoted(text: &str) -> Option<&str> {
    let end = text.rfind('"')?;
    let start = text[..end].rfind('"')?;
    Some(&text[start + 1..end])
}

/// The first link on the way to `path` that leads out of `context`, and where it points.
fn link_out_of(context: &Path, path: &Path) -> Option<(String, String)> {
    let root = context.canonicalize().ok()?;
    let mut here = PathBuf::new();
    for part in path.components() {
        here.push(part);
        let target = std::fs::read_link(context.join(&here)).ok();
        let outside = context.join(&here).canonicalize().is_ok_and(|real| !real.starts_with(&root));
        if let (Some(target), true) = (target, outside) {
            return Some((here.display().to_string(), target.display().to_string()));
        }
    }
    None
}

/// The ignore file, line and pattern that keep `path` out.
fn ignored(image: &ImagePlan, path: &str) -> Option<(String, usize, String)> {
    let mut beside = image.dockerfile.clone().into_os_string();
    beside.push(".dockerignore");
    let candidates = [PathBuf::from(beside), image.context.join(".dockerignore")];
    let file = candidates.iter().find(|path| path.is_file())?;
    let bytes = std::fs::read(file).ok()?;
    let line = IgnoreFile::parse(&shown(file), &bytes).ok()?.decided_by(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let pattern = text.lines().nth(line.checked_sub(1)?)?.trim().to_owned();
    Some((shown(file), line, pattern))
}

/// A path as a person would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    relative.filter(|path| !path.as_os_str().is_empty()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_quoted_text_is_the_path() {
        let words = r#"failed to compute cache key: failed to walk /x: "/app/y z": not found"#;
        assert_eq!(quoted(words), Some("/app/y z"));
        assert_eq!(quoted("\""), None);
    }

    #[test]
    fn a_link_out_of_the_context_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let context = dir.path().join("context");
        std::fs::create_dir_all(context.join("in")).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink("../secret", context.join("out")).unwrap();
        std::os::unix::fs::symlink("in", context.join("fine")).unwrap();
        assert_eq!(link_out_of(&context, Path::new("out")), Some(("out".into(), "../secret".into())));
        assert_eq!(link_out_of(&context, Path::new("fine")), None);
    }
}
