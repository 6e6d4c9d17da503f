//! Why an image could not be smoked. That it failed its smoke test is no error, but a report.

use crate::engine;
use crate::types::{Explained, Outcome};
use std::fmt;

/// Why an image could not be smoked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Which port to probe is not said.
    #[error("{image}: which port to probe is not said: the image exposes {}", ports(exposed))]
    NoPort {
        /// The image.
        image: String,
        /// The TCP ports that the image exposes.
        exposed: Vec<u16>,
    },
    /// The engine cannot make a container as the plan wants it.
    #[error("{image}: the engine makes no container like this: {why}")]
    Settings {
        /// The image.
        image: String,
        /// The engine's words.
        why: String,
    },
    /// The image of something that it needs is not here and cannot be had.
    #[error("{image}: no image `{reference}` for `{need}`, which it needs")]
    NoNeedImage {
        /// The image.
        image: String,
        /// The need.
        need: String,
        /// The need's image.
        reference: String,
        /// It is an image of the plan.
        built_here: bool,
        /// Why it could not be pulled.
        #[source]
        source: Box<engine::Error>,
    },
    /// The engine was lost, or failed.
    #[error("{image}: could not be smoked")]
    Engine {
        /// The image.
        image: String,
        /// How.
        #[source]
        source: Box<engine::Error>,
    },
    /// What was made could not be removed.
    #[error("{image}: smoked, but what was started for it could not be removed")]
    LeftBehind {
        /// The image.
        image: String,
        /// The label of all that was made.
        label: String,
        /// Why it could not be removed.
        #[source]
        source: Box<engine::Error>,
    },
    /// Something went wrong, and what was made could not be removed either.
    #[error(transparent)]
    Both(Both),
    /// The run was interrupted.
    #[error("{image}: interrupted")]
    Interrupted {
        /// The image.
        image: String,
    },
}

impl Error {
    pub(super) fn engine(image: &str, source: engine::Error) -> Self {
        Self::Engine { image: image.to_owned(), source: Box::new(source) }
    }
}

fn ports(exposed: &[u16]) -> String {
    let all: Vec<String> = exposed.iter().map(ToString::to_string).collect();
    if all.is_empty() { "none".into() } else { all.join(" and ") }
}

/// What went wrong, and why what was made could not be removed after it. What went wrong first is
/// what it is as an error.
#[derive(Debug)]
pub struct Both {
    /// What went wrong.
    pub run: Box<Error>,
    /// The label of all that was made.
    pub label: String,
    /// Why it could not be removed.
    pub removal: Box<engine::Error>,
}

impl fmt::Display for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.run.fmt(f)
    }
}

impl std::error::Error for Both {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.run.source()
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::NoPort { .. } | Self::Settings { .. } | Self::NoNeedImage { .. } => Outcome::Usage,
            Self::Engine { source, .. } => source.outcome(),
            Self::LeftBehind { .. } => Outcome::Unreachable,
            Self::Both(both) => both.run.outcome(),
            Self::Interrupted { .. } => Outcome::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPort { image, .. } => Some(format!("set `port` in [image.{image}.probe]")),
            Self::Settings { image, .. } => Some(format!("see [image.{image}.run]")),
            Self::NoNeedImage { need, built_here: true, .. } => Some(format!("`loadline build {need}`")),
            Self::NoNeedImage { source, .. } if matches!(**source, engine::Error::Denied { .. }) => source.hint(),
            Self::NoNeedImage { reference, .. } => Some(format!("see that `docker pull {reference}` works")),
            Self::Engine { source, .. } => source.hint(),
            Self::LeftBehind { label, .. } => Some(format!("`docker ps -a --filter label={label}` shows what is left")),
            Self::Both(both) => both.run.hint(),
            Self::Interrupted { .. } => None,
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let Self::Both(Both { run, label, removal }) = self else { return Vec::new() };
        let mut details = run.details();
        details.push((
            "left behind".into(),
            format!("what has the label {label}, for a later smoke to remove: {removal}"),
        ));
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Box<engine::Error> {
        Box::new(engine::Error::Refused { doing: "removing container `x`".into(), status: 500, message: "no".into() })
    }

    #[test]
    fn both_errors_are_kept_and_the_first_decides() {
        let run = Error::Interrupted { image: "app".into() };
        let error = Error::Both(Both { run: Box::new(run), label: "io.loadline.run=1".into(), removal: lost() });
        assert_eq!(error.to_string(), "app: interrupted");
        assert_eq!(error.outcome(), Outcome::Interrupted);
        assert!(error.details()[0].1.starts_with("what has the label io.loadline.run=1"));
    }

    #[test]
    fn a_clean_run_that_leaves_something_behind_says_so() {
        let error = Error::LeftBehind { image: "app".into(), label: "l".into(), source: lost() };
        assert_eq!(error.to_string(), "app: smoked, but what was started for it could not be removed");
        assert_eq!(error.outcome(), Outcome::Unreachable);
    }

    #[test]
    fn the_ports_to_choose_from_are_named() {
        let error = |exposed| Error::NoPort { image: "app".into(), exposed };
        assert!(error(vec![80, 8080]).to_string().ends_with("the image exposes 80 and 8080"));
        assert!(error(Vec::new()).to_string().ends_with("the image exposes none"));
        assert_eq!(error(Vec::new()).hint().as_deref(), Some("set `port` in [image.app.probe]"));
    }
}
