//! From BuildKit's words to the cause: which line of which file, and what to change there.

use super::error::Error;
use super::lines::split_name;
use super::steps::{Known, Steps};
use crate::context::IgnoreFile;
use crate::engine::buildkit::SolveError;
use crate::engine::{is_denied, login_command};
use crate::image::dockerfile::Dockerfile;
use crate::project::ImagePlan;
use crate::types::{ImageRef, path_from_here};
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
        .or_else(|| case.no_frontend())
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
        path_from_here(&self.image.dockerfile)
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
        let why = format!("{why} in {}", path_from_here(&self.image.context));
        (path, why, "paths in COPY and ADD are relative to the build context".to_owned())
    }

    /// `resolve image config for docker/dockerfile:1`, with `docker-image://` in newer releases.
    fn no_frontend(&self) -> Option<Error> {
        let step = self.failed.map(|known| known.step.name.as_str())?;
        let image = step.strip_prefix("resolve image config for ")?;
        let frontend = image.strip_prefix("docker-image://").unwrap_or(image).to_owned();
        let place = self.place(syntax_line(self.text));
        Some(Error::NoFrontend { place, frontend, why: self.words().to_owned() })
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

/// That `text`, the Dockerfile of `image`, has a stage. One without is not even sent: given nothing but
/// an `ARG`, the frontend in Docker 20.10 takes the last of no stages, and the engine ends with all that
/// runs in it.
pub(super) fn has_stage(image: &ImagePlan, text: &str) -> Result<(), Error> {
    // Another frontend may read another language.
    if syntax_line(text).is_some() || !Dockerfile::parse(text).stages.is_empty() {
        return Ok(());
    }
    Err(Error::NoFrom { dockerfile: path_from_here(&image.dockerfile) })
}

/// The line of `# syntax=`, which stands among the comments at the top.
fn syntax_line(text: &str) -> Option<u32> {
    let comments = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let name =
        |comment: &str| comment.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("syntax"));
    (1u32..).zip(comments).find(|(_, comment)| name(comment)).map(|(number, _)| number)
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
    let line = IgnoreFile::parse(&path_from_here(file), &bytes).ok()?.decided_by(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let pattern = text.lines().nth(line.checked_sub(1)?)?.trim().to_owned();
    Some((path_from_here(file), line, pattern))
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
    fn a_dockerfile_without_a_stage_is_never_sent() {
        let sent = |text: &str| has_stage(&ImagePlan::undescribed("app"), text).is_ok();
        for text in ["", "# FROM a\n", "ARG X=1\n", "ARG X=1\nRUN <<EOF\nFROM a\nEOF\n"] {
            assert!(!sent(text), "{text:?}");
        }
        for text in ["\u{feff}from a", "ARG X\n\nFROM \\\n a\n", "# syntax=other/language\nbuild this\n"] {
            assert!(sent(text), "{text:?}");
        }
        assert_eq!(syntax_line("# a\n# Syntax = x\nFROM y\n"), Some(2));
        assert_eq!(syntax_line("FROM y\n# syntax=x\n"), None);
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
