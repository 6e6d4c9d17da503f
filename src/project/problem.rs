//! What is wrong with a project's settings. All of it is collected before anything is said.

use crate::project::keys::UnknownKey;
use crate::project::misfit::Misfit;
use crate::project::source::Snippet;
use crate::types::{DurationError, Explained, Outcome, PlatformError, ReferenceError, SizeError};
use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Problem {
    wrong: Wrong,
    at: Option<Box<Snippet>>,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says what it is")]
pub enum Wrong {
    #[error("cannot read the settings file `{}`", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("cannot read the directory `{}`", directory.display())]
    NoDirectory { directory: PathBuf, source: std::io::Error },
    #[error("{message}")]
    Syntax { message: String },
    #[error("`{key}` is written a second time")]
    Twice { key: String },
    #[error("`version` is missing")]
    NoVersion,
    #[error("version {found} of the settings is not known (known: 1)")]
    Version { found: String },
    #[error("unknown key `{}`{}", .0.key, in_table(&.0.table))]
    UnknownKey(Box<UnknownKey>),
    #[error("`{}` must be {}, and is {}", .0.key, .0.wanted, .0.found)]
    Misfit(Box<Misfit>),
    #[error("unknown rule `{rule}`")]
    UnknownRule { rule: String, nearest: Option<String>, known: Vec<String> },
    #[error("unknown image `{name}`")]
    UnknownImage { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{key}` of this allowance is missing")]
    Allowance { key: &'static str },
    #[error("`{text}` is not a date (year, month and day, such as `2027-01-31`)")]
    Date { text: String },
    #[error("the settings name no image")]
    NoImage,
    #[error("`{name}` cannot name an image (lower-case letters and digits, joined by `.`, `_` or `-`)")]
    ImageName { name: String },
    #[error("`{target}` is no target (minikube[:profile], kind[:name] or docker:<host or context>)")]
    Target { target: String, nearest: Option<String> },
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("`{tag}` has a digest, and an image cannot be given one by name")]
    TagWithDigest { tag: String },
    #[error("`tag` is an empty list")]
    NoTag,
    #[error("the tag `{tag}` is given to two images: `{first}` and `{second}`")]
    SharedTag { tag: String, first: String, second: String },
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("the build context `{path}` {why}")]
    Context { path: String, why: &'static str },
    #[error("the Dockerfile `{path}` does not exist")]
    Dockerfile { path: String },
    #[error("no Dockerfile for the image `{image}`")]
    NoDockerfile { image: String, looked_for: Vec<String> },
    #[error("no loadline.toml and no Dockerfile here")]
    Nothing { looked_for: Vec<String>, below: Vec<String> },
    #[error("two Dockerfiles for the image `{image}`: `{first}` and `{second}`")]
    TwoDockerfiles { image: String, first: String, second: String },
    #[error("the secret `{id}` needs exactly one of `file` and `env`")]
    SecretSource { id: String },
    #[error("{what}")]
    Value { what: &'static str },
    #[error("`{name}` cannot name {what} (it is empty, or has a `=`)")]
    Variable { name: String, what: &'static str },
    #[error("the need `{need}` names no image, and no image of the plan is called so")]
    NeedImage { need: String, nearest: Option<String> },
    #[error("images need each other in a circle: {}", circle.join(" → "))]
    Circle { circle: Vec<String> },
    #[error("the build argument `{arg}` of `{image}` takes `${variable}`, which is not set")]
    ArgNotSet { image: String, arg: String, variable: String },
    #[error("`{name}` cannot name {what} (lower-case letters, digits and `-`, at most {most} characters)")]
    KubernetesName { name: String, what: &'static str, most: usize },
    #[error("the chart `{path}` {why}")]
    Chart { path: String, why: &'static str },
    #[error("no chart for the release `{release}`")]
    NoChart { release: String, looked_for: Vec<String> },
    #[error("the file of values `{path}` does not exist")]
    Values { path: String },
    #[error("`{path}` has no journeys: it is no file, and no directory with a file `*.toml`")]
    Journeys { path: String },
    #[error(transparent)]
    UnknownPart(Box<UnknownPart>),
    #[error("releases need each other in a circle: {}", circle.join(" → "))]
    ReleaseCircle { circle: Vec<String> },
    #[error("`{key}` of the secret `{secret}` needs exactly one of `env`, `file`, `generate` and `text`")]
    ValueSource { secret: String, key: String },
    #[error("`{key}` of the secret `{secret}` is plain text: a value would stand in this file")]
    PlainSecret { secret: String, key: String },
    #[error("`{key}` of the secret `{secret}` takes `${{{other}}}`, {why}")]
    SecretReference { secret: String, key: String, other: String, why: &'static str },
    #[error("`{key}` of the secret `{secret}` comes from `{path}`, which is in the project")]
    SecretInside { secret: String, key: String, path: String },
    #[error("`--tag` names one image, and {count} are chosen")]
    TagForMany { count: usize },
}

fn in_table(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!(" in {table}") }
}

fn did_you_mean(nearest: &Option<String>, known: &[String]) -> Option<String> {
    match nearest {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

impl Problem {
    /// `wrong`, where `at` shows.
    pub fn new(wrong: Wrong, at: Option<Snippet>) -> Self {
        Self { wrong, at: at.map(Box::new) }
    }

    /// What is wrong.
    pub fn wrong(&self) -> &Wrong {
        &self.wrong
    }

    /// Orders problems as the file has them.
    pub fn line(&self) -> usize {
        self.at.as_ref().map_or(0, |snippet| snippet.line)
    }
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        Self::new(wrong, None)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wrong.fmt(f)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.wrong.source()
    }
}

impl Explained for Problem {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        self.wrong.hint()
    }

    fn details(&self) -> Vec<(String, String)> {
        let mut details: Vec<_> = self.at.iter().map(|snippet| (String::new(), snippet.to_string())).collect();
        if let Wrong::NoDockerfile { looked_for, .. }
        | Wrong::NoChart { looked_for, .. }
        | Wrong::Nothing { looked_for, .. } = &self.wrong
        {
            details.push(("looked for".into(), looked_for.join("\n")));
        }
        details
    }
}

/// A release speaks of something that is not there.
#[derive(Debug, thiserror::Error)]
#[error("the release `{release}` {what} `{name}`, which is none of {of}")]
pub struct UnknownPart {
    pub(super) release: String,
    /// What it does with it.
    pub(super) what: &'static str,
    pub(super) name: String,
    /// What it would have to be one of.
    pub(super) of: &'static str,
    pub(super) nearest: Option<String>,
    pub(super) known: Vec<String>,
}

impl Wrong {
    /// It may be no more than what follows from a key or a value that could not be read.
    pub(super) fn may_follow(&self) -> bool {
        matches!(
            self,
            Self::NoImage
                | Self::NoDockerfile { .. }
                | Self::NeedImage { .. }
                | Self::SecretSource { .. }
                | Self::SharedTag { .. }
                | Self::Circle { .. }
                | Self::NoChart { .. }
                | Self::UnknownPart(_)
                | Self::ReleaseCircle { .. }
                | Self::ValueSource { .. }
        )
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoVersion => "write `version = 1` as the first line".into(),
            Self::Version { .. } => "use the release of loadline that this file was written for".into(),
            Self::UnknownKey(key) => return did_you_mean(&key.nearest, &key.known),
            Self::Misfit(misfit) => return misfit.hint.clone(),
            Self::UnknownRule { nearest, known, .. } | Self::UnknownImage { nearest, known, .. } => {
                return did_you_mean(nearest, known);
            }
            Self::UnknownPart(part) => return did_you_mean(&part.nearest, &part.known),
            Self::Target { nearest, .. } => return did_you_mean(nearest, &[]),
            Self::Allowance { key: "rule" } => "name the rule (docs/rules.md), such as `rule = \"file.setuid\"`".into(),
            Self::Allowance { key: "reason" } => "say why it is accepted, for who reads it in a year".into(),
            Self::Allowance { .. } => "say until when, such as `until = \"2027-01-31\"`".into(),
            Self::NoImage => "add a table such as `[image.api]`".into(),
            Self::SharedTag { .. } => "give each image its own `tag`".into(),
            Self::NoDockerfile { .. } => "set `dockerfile`".into(),
            Self::Nothing { below, .. } => return nothing_hint(below),
            Self::TwoDockerfiles { image, .. } => {
                format!("write a loadline.toml with `[image.{image}]` and its `dockerfile`")
            }
            Self::SecretSource { id } => format!("write `{id} = {{ env = \"VARIABLE\" }}` or `{{ file = \"PATH\" }}`"),
            Self::NeedImage { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::NeedImage { .. } => "set `image`, such as `image = \"postgres:16-alpine\"`".into(),
            Self::Circle { .. } => "take one of these needs away".into(),
            Self::ArgNotSet { variable, .. } => format!("set `{variable}`, or add `optional = true`"),
            Self::NoChart { .. } => "set `chart`".into(),
            Self::ReleaseCircle { .. } => "take one of these needs away".into(),
            Self::ValueSource { key, .. } => format!("write `{key} = {{ generate = 32 }}` or `{{ env = \"{key}\" }}`"),
            Self::PlainSecret { key, .. } => {
                format!("write `{key} = {{ env = \"{key}\" }}`, and set it when you deploy")
            }
            Self::SecretInside { .. } => "keep it where no commit can reach it, such as in your home directory".into(),
            Self::TagForMany { .. } => "name the image, as in `loadline build api --tag shop/api:1`".into(),
            _ => return None,
        };
        Some(text)
    }
}

fn nothing_hint(below: &[String]) -> Option<String> {
    let text = match below {
        [] => "run it where the Dockerfile is, or name the settings with `--file`".into(),
        [one, ..] => format!("`{one}` is there: name it in a loadline.toml (`loadline config --schema`)"),
    };
    Some(text)
}
