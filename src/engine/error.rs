//! What can go wrong between us and an engine.

use super::address::{Address, AddressError};
use super::credentials::login_command;
use super::origin::Located;
use super::ssh::SshError;
use super::tls::TlsError;
use crate::types::{Explained, ImageRef, Outcome};
use std::io;

/// An engine could not be reached, refused, or answered with an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address itself is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// One of the others, about an engine whose address somebody chose.
    #[error(transparent)]
    Located(Box<Located>),
    /// TLS could not be agreed on.
    #[error(transparent)]
    Tls(#[from] Box<TlsError>),
    /// SSH does not lead to it.
    #[error(transparent)]
    Ssh(#[from] Box<SshError>),
    /// Nothing answers there.
    #[error("no container engine answers at {address}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// Why it could not be reached.
        #[source]
        source: io::Error,
    },
    /// Something answers, but not as an engine does.
    #[error("what answers at {address} is no Docker Engine: {found}")]
    NotAnEngine {
        /// Where it was looked for.
        address: String,
        /// What came instead of an engine's answer to `GET /_ping`.
        found: String,
    },
    /// The engine has no BuildKit.
    #[error("the engine at {address} (version {version}) has no BuildKit")]
    NoBuildKit {
        /// The engine.
        address: String,
        /// Its version.
        version: String,
        /// What it said to the two ways of asking.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine has no such image.
    #[error("the engine has no image `{image}`")]
    NoSuchImage {
        /// The image as it was asked for.
        image: String,
    },
    /// A registry does not give an image to who asked.
    #[error("the registry {} does not give `{image}`: {message}", image.domain())]
    Denied {
        /// The image.
        image: Box<ImageRef>,
        /// The engine's words.
        message: String,
    },
    /// The engine refused or failed a request.
    #[error("{doing} failed: the engine answered {status}: {message}")]
    Refused {
        /// What was being done, and to what.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The connection broke, or what came cannot be understood.
    #[error("{doing} failed")]
    Broken {
        /// What was being done, and to what.
        doing: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    pub(super) fn unreachable(address: &Address, source: io::Error) -> Self {
        Self::of_connection(source).unwrap_or_else(|source| Self::Unreachable { address: address.to_string(), source })
    }

    /// What a connection itself says of its end, if that is what `error` is.
    pub(super) fn of_connection(error: io::Error) -> Result<Self, io::Error> {
        let error = match error.downcast::<TlsError>() {
            Ok(error) => return Ok(error.into()),
            Err(error) => error,
        };
        error.downcast::<SshError>().map(|error| Self::Ssh(Box::new(error)))
    }

    pub(super) fn broken(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Broken { doing: doing.into(), source: source.into() }
    }

    /// What the client library's error means; `doing` says what was being done, and to what.
    pub(super) fn api(doing: impl Into<String>, error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as Api;
        let doing = doing.into();
        match error {
            Api::DockerResponseServerError { status_code, message } => {
                Self::Refused { doing, status: status_code, message: message.trim().to_owned() }
            }
            Api::DockerStreamError { error } => Self::Refused { doing, status: 200, message: error.trim().to_owned() },
            other => Self::broken(doing, other),
        }
    }

    /// The engine answered that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoSuchImage { .. } | Self::Refused { status: 404, .. })
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(Box::new(error))
    }
}

impl Explained for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Address(error) => error.outcome(),
            Self::Located(error) => error.outcome(),
            Self::Tls(error) => error.outcome(),
            Self::Ssh(error) => error.outcome(),
            Self::Refused { status: 200..300, .. } => Outcome::StepFailed,
            _ => Outcome::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Address(error) => error.hint(),
            Self::Located(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::Ssh(error) => error.hint(),
            Self::Unreachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Some(
                "add yourself to the `docker` group and log in again, or set DOCKER_HOST to an engine of yours".into(),
            ),
            Self::Unreachable { .. } | Self::NotAnEngine { .. } => {
                Some("start the engine (`systemctl start docker`), or set DOCKER_HOST to one that runs".into())
            }
            Self::NoBuildKit { .. } => Some("use Docker Engine 20.10 or newer; BuildKit does the building".into()),
            Self::NoSuchImage { image } => Some(format!("`docker pull {image}` or `loadline build` brings it")),
            Self::Denied { image, .. } => Some(format!("`{}`, if the image is there", login_command(image.domain()))),
            Self::Refused { .. } | Self::Broken { .. } => None,
        }
    }
}
