//! What named an engine's address: an error about the engine says so, and advises accordingly.

use super::Error;
use crate::types::{Explained, Outcome};
use std::fmt;

/// What named the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `DOCKER_HOST`
    Variable,
    /// A context of the docker CLI.
    Context(String),
    /// Nothing.
    Default,
}

impl Origin {
    pub(super) fn of_context(name: &str) -> Self {
        if name == "default" { Self::Default } else { Self::Context(name.to_owned()) }
    }

    /// `error`, with what led to the engine that it is about.
    pub fn explain(self, error: Error) -> Error {
        match (self, error) {
            // Says itself where it comes from.
            (_, error @ Error::Address(_)) | (Self::Default, error) => error,
            (origin, error) => Error::Located(Box::new(Located { origin, error })),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => f.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(f, "docker context `{name}`"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// An error about an engine whose address somebody chose.
#[derive(Debug)]
pub struct Located {
    /// What named the address.
    pub origin: Origin,
    /// What is wrong.
    pub error: Error,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.error, self.origin)
    }
}

impl std::error::Error for Located {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Explained for Located {
    fn outcome(&self) -> Outcome {
        self.error.outcome()
    }

    fn hint(&self) -> Option<String> {
        match (&self.origin, &self.error) {
            (Origin::Context(_), Error::Unreachable { source, .. })
                if source.kind() != std::io::ErrorKind::PermissionDenied =>
            {
                Some("start that engine, or choose another: `docker context ls` shows them".into())
            }
            (Origin::Context(name), Error::NotAnEngine { .. } | Error::Tls(_)) => Some(format!(
                "`docker context inspect {name}` shows its address and certificates, `docker context update {name} --docker …` changes them"
            )),
            _ => self.error.hint(),
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        self.error.details()
    }
}
