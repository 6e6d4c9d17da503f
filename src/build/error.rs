//! Why an image was not built.

use crate::engine;
use crate::engine::buildkit::SolveError;
use crate::types::{Explained, Outcome};
use std::io;
use std::path::PathBuf;

/// Why an image was not built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Dockerfile or the context cannot be read.
    #[error("cannot read {what} at {}", path.display())]
    Unreadable {
        /// The Dockerfile, or the context.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A secret that the plan wants has no value.
    #[error("secret `{secret}` has no value: {why}")]
    NoSecret {
        /// The image.
        image: String,
        /// The secret's id.
        secret: String,
        /// Where its value was looked for.
        why: String,
    },
    /// The Dockerfile is not valid.
    #[error("{place}: {why}")]
    Syntax {
        /// File and line.
        place: String,
        /// The line itself, if one is named.
        text: Option<String>,
        /// What the frontend says of it.
        why: String,
    },
    /// The stage to build is not in the Dockerfile.
    #[error("{dockerfile} has no stage `{stage}`")]
    NoStage {
        /// The Dockerfile.
        dockerfile: String,
        /// The stage that was asked for.
        stage: String,
        /// The names of those that are there.
        known: Vec<String>,
    },
    /// A base image cannot be had.
    #[error("{place}: cannot get the base image `{base}`")]
    NoBase {
        /// File and line.
        place: String,
        /// The base.
        base: String,
        /// What the engine says.
        why: String,
        /// What gives us credentials for its registry, if that refuses us.
        login: Option<String>,
    },
    /// A file to copy is not in the context.
    #[error("{place}: `{path}` is not in the build context")]
    NoFile {
        /// File and line.
        place: String,
        /// The path inside the context.
        path: String,
        /// Why it is not there.
        why: String,
        /// What helps.
        hint: String,
    },
    /// A step ran and failed.
    #[error("failed at {place}: {step}")]
    Step {
        /// File and line.
        place: String,
        /// The instruction.
        step: String,
        /// What the engine says, such as the exit code.
        why: String,
        /// Its last lines of output.
        output: Vec<String>,
    },
    /// The engine's disk is full.
    #[error("the engine's disk is full")]
    DiskFull {
        /// The engine's words.
        why: String,
    },
    /// The build went wrong in another way.
    #[error("the build failed")]
    Solve {
        /// How.
        #[source]
        source: SolveError,
    },
    /// The builder says it is done, but the engine does not have the image.
    #[error("built, but the engine does not have it as `{name}`")]
    NotThere {
        /// The name it should have.
        name: String,
        /// What the engine answered.
        #[source]
        source: Box<engine::Error>,
    },
    /// The build was interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unreadable { .. } | Self::NoSecret { .. } => Outcome::Usage,
            Self::Syntax { .. } | Self::NoStage { .. } => Outcome::Usage,
            Self::NoBase { .. } | Self::NoFile { .. } | Self::Step { .. } | Self::DiskFull { .. } => {
                Outcome::StepFailed
            }
            Self::Solve { source, .. } => source.outcome(),
            Self::NotThere { .. } => Outcome::Unreachable,
            Self::Interrupted => Outcome::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { path, .. } => Some(format!("see that {} is there and readable", path.display())),
            Self::NoSecret { image, secret, .. } => {
                Some(format!("set it, or write `optional = true` for `{secret}` in [image.{image}.secrets]"))
            }
            Self::NoStage { known, .. } if !known.is_empty() => Some(format!("its stages are {}", known.join(", "))),
            Self::NoStage { .. } => Some("name a stage with `FROM image AS name`".into()),
            Self::NoBase { login: Some(command), .. } => Some(format!("`{command}`, if the image is there")),
            Self::NoBase { base, .. } => Some(format!("see that `docker pull {base}` works with this engine")),
            Self::NoFile { hint, .. } => Some(hint.clone()),
            Self::DiskFull { .. } => {
                Some("`docker system df` shows what fills it; `docker builder prune` frees cache".into())
            }
            Self::Solve { source, .. } => source.hint(),
            Self::Syntax { .. } | Self::Step { .. } | Self::NotThere { .. } | Self::Interrupted => None,
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let one = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        match self {
            Self::Syntax { text: Some(text), .. } => one("line", text),
            Self::NoBase { why, .. } | Self::DiskFull { why, .. } => one("engine", why),
            Self::NoFile { why, .. } => one("because", why),
            Self::Step { why, output, .. } => {
                let mut details = one("engine", why);
                details.extend(output.iter().map(|line| ("log".to_owned(), line.clone())));
                details
            }
            _ => Vec::new(),
        }
    }
}
