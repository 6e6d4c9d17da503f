//! What is wrong with files of journeys. All of it is collected before anything is asked.

use crate::project::{self, Snippet};
use crate::types::{DurationError, Explained, Outcome};
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
    #[error("cannot read the journeys in `{}`", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Written(project::Problem),
    #[error("`{file}` has no journey")]
    NoJourney { file: String },
    #[error("a journey has no `name`")]
    NoName,
    #[error("two journeys are called `{name}`, in {first} and in {second}")]
    SharedName { name: String, first: String, second: String },
    #[error("the journey `{name}` has no step")]
    NoStep { name: String },
    #[error("a step of the journey `{journey}` has no `request`")]
    NoRequest { journey: String },
    #[error("`{text}` is no request (a method and a path, such as `GET /api/tasks`)")]
    Request { text: String },
    #[error("a request has one body, and this one has {}", .0.join(" and "))]
    Bodies(Vec<&'static str>),
    #[error("`{name}` cannot be a header's name")]
    HeaderName { name: String },
    #[error("JSON knows no {what}")]
    NotJson { what: &'static str },
    #[error("`{name}` cannot name what is captured (letters, digits, `_` and `-`, and not `random`)")]
    CaptureName { name: String },
    #[error("`{text}` says nothing that can be captured (`json:/pointer`, `header:NAME` or `cookie:NAME`)")]
    Capture { text: String },
    #[error("no earlier step of this journey captures `{name}`")]
    NotCaptured { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{{{{{name}}}}}` has two pairs of braces")]
    Braces { name: String },
    #[error("the environment variable `{name}` is not set, or is empty")]
    NotSet { name: String },
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("in no time nothing can be answered")]
    NoTime,
    #[error("no address of the service `{name}` is known")]
    NoAddress { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("the step does not say which service it asks")]
    WhichService { known: Vec<String> },
    #[error(transparent)]
    Address(#[from] super::AddressError),
    #[error("the service `{name}` is given two addresses")]
    TwoAddresses { name: String },
    #[error("no journey is called `{name}`")]
    UnknownJourney { name: String, nearest: Option<String>, known: Vec<String> },
}

impl Problem {
    /// `wrong`, where `at` shows.
    pub(super) fn new(wrong: Wrong, at: Option<Snippet>) -> Self {
        Self { wrong, at: at.map(Box::new) }
    }

    /// Orders problems as the file has them.
    pub(super) fn line(&self) -> usize {
        match &self.wrong {
            Wrong::Written(problem) => problem.line(),
            _ => self.at.as_ref().map_or(0, |snippet| snippet.line),
        }
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
        match &self.wrong {
            Wrong::Written(problem) => problem.details(),
            _ => self.at.iter().map(|snippet| (String::new(), snippet.to_string())).collect(),
        }
    }
}

impl Wrong {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Written(problem) => return problem.hint(),
            Self::NoJourney { .. } => "begin one with `[[journey]]`".into(),
            Self::NoName => "say what it shows, such as `name = \"a task is created\"`".into(),
            Self::SharedName { .. } => "give each a name of its own".into(),
            Self::NoStep { .. } => "begin one with `[[journey.step]]`".into(),
            Self::NoRequest { .. } => "write what is asked, such as `request = \"GET /health\"`".into(),
            Self::NotJson { .. } => "write it in quotes".into(),
            Self::NotCaptured { nearest: Some(near), .. } => format!("did you mean `{{{near}}}`?"),
            Self::NotCaptured { name, known, .. } => {
                let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
                format!("known here: {}; an environment variable is `{{env:{name}}}`", known.join(", "))
            }
            Self::Braces { name } => format!("write `{{{name}}}`"),
            Self::NoAddress { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::NoAddress { name, known, .. } if known.is_empty() => format!("add `--url {name}=http://HOST:PORT`"),
            Self::NoAddress { name, known, .. } => {
                format!("known are {}; add `--url {name}=http://HOST:PORT`", known.join(", "))
            }
            Self::WhichService { known } if known.is_empty() => "add `--url NAME=http://HOST:PORT`".into(),
            Self::WhichService { known } => {
                format!("write `service = \"NAME\"` at the top of the file; known are {}", known.join(", "))
            }
            Self::UnknownJourney { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::UnknownJourney { known, .. } => format!("known are: {}", known.join("; ")),
            _ => return None,
        };
        Some(text)
    }
}
