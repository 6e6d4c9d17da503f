//! What can be wrong with TLS between us and an engine.

use super::{Tls, rustls};
use crate::types::{Explained, Outcome};
use rustls::pki_types::pem;
use rustls::{AlertDescription, CertificateError};
use std::io;
use std::path::{Path, PathBuf};

/// An engine could not be spoken to over TLS. `host` is its `name:port`.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate or key cannot be used.
    #[error("cannot read {role} `{}` for the engine at tcp://{host}", path.display())]
    File {
        /// What the file holds.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// The engine.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Our certificate and our key do not belong together, or are of an unknown kind.
    #[error("the client certificate `{}` cannot be used with the key `{}`", cert.display(), key.display())]
    Unpaired {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The host of the address is neither a name nor an IP address.
    #[error("no certificate can be checked for `{host}`: it is neither a name nor an IP address")]
    NoName {
        /// The engine.
        host: String,
    },
    /// The engine's certificate is somebody else's.
    #[error("the certificate of {host} is not signed by the CA in {signers}")]
    NotSigned {
        /// The engine.
        host: String,
        /// The file, or the system's.
        signers: String,
    },
    /// The engine's certificate is for other names.
    #[error("the certificate of {host} is not for that name but for {names}")]
    WrongName {
        /// The engine.
        host: String,
        /// What it is for.
        names: String,
    },
    /// The engine's certificate cannot be accepted for another reason.
    #[error("the certificate of {host} is not valid: {why}")]
    Invalid {
        /// The engine.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The engine wants to know who we are.
    #[error("the engine at tcp://{host} demands a client certificate, and there is none")]
    NoIdentity {
        /// The engine.
        host: String,
    },
    /// The engine does not know who we are.
    #[error("the engine at tcp://{host} refuses the client certificate `{}`", cert.display())]
    Stranger {
        /// The engine.
        host: String,
        /// Our certificate.
        cert: PathBuf,
    },
    /// TLS to a port that speaks plain HTTP.
    #[error("what answers at tcp://{host} does not speak TLS, which is expected there")]
    NotTls {
        /// The engine.
        host: String,
    },
    /// Plain HTTP to a port that speaks TLS.
    #[error("what answers at tcp://{host} speaks TLS, and plain HTTP is expected there")]
    OnlyTls {
        /// The engine.
        host: String,
    },
    /// Anything else between two implementations of TLS.
    #[error("TLS with the engine at tcp://{host} failed")]
    Failed {
        /// The engine.
        host: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The connection broke before TLS was agreed on.
    #[error("the engine at tcp://{host} ended the connection while TLS was agreed on")]
    Lost {
        /// The engine.
        host: String,
        /// How.
        #[source]
        source: io::Error,
    },
}

impl TlsError {
    pub(super) fn file(role: &'static str, path: &Path, host: &str, error: pem::Error) -> Self {
        let source = match error {
            pem::Error::Io(error) => error.into(),
            pem::Error::NoItemsFound => "there is none in PEM form in it".into(),
            other => other.into(),
        };
        Self::File { role, path: path.to_owned(), host: host.to_owned(), source }
    }

    /// What an error of a connection to `host` means, in or after the handshake.
    pub(in super::super) fn of(host: &str, tls: &Tls, error: io::Error) -> Self {
        let host = host.to_owned();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(inner) => Self::of_protocol(host, tls, inner.clone()),
            None => Self::Lost { host, source: error },
        }
    }

    fn of_protocol(host: String, tls: &Tls, error: rustls::Error) -> Self {
        use AlertDescription as Alert;
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(host, tls, error),
            rustls::Error::InvalidMessage(_) => Self::NotTls { host },
            // Which of them is sent depends on the version of TLS and of the engine's library.
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => match &tls.identity {
                None => Self::NoIdentity { host },
                Some((cert, _)) => Self::Stranger { host, cert: cert.clone() },
            },
            source => Self::Failed { host, source },
        }
    }

    fn of_certificate(host: String, tls: &Tls, error: CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                let signers = tls.ca.as_ref().map(|path| format!("`{}`", path.display()));
                Self::NotSigned { host, signers: signers.unwrap_or_else(|| "the system's certificates".into()) }
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
                let names = if names.is_empty() { "no name at all".into() } else { names.join(", ") };
                Self::WrongName { host, names }
            }
            other => Self::Invalid { host, why: other.to_string() },
        }
    }
}

/// The TLS library shows names with their kind: `DnsName("a.example")`, `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"')
}

impl Explained for TlsError {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File { path, .. } => {
                let directory = path.parent().unwrap_or(Path::new("."));
                format!(
                    "ca.pem, cert.pem and key.pem are looked for in {}; DOCKER_CERT_PATH names another directory",
                    directory.display()
                )
            }
            Self::Unpaired { cert, .. } => {
                format!("`openssl x509 -noout -pubkey -in {}` shows the key that it is for", cert.display())
            }
            Self::NoName { .. } => "write tcp://NAME:PORT or tcp://ADDRESS:PORT".into(),
            Self::NotSigned { .. } => {
                "ca.pem must be the one that signed the engine's certificate (`dockerd --tlscert`)".into()
            }
            Self::WrongName { names, .. } => format!("write the address with one of these names: {names}"),
            Self::Invalid { host, .. } => {
                format!("`openssl s_client -connect {host} </dev/null | openssl x509 -noout -text` shows it")
            }
            Self::NoIdentity { .. } => "set DOCKER_CERT_PATH to a directory with cert.pem and key.pem".into(),
            Self::Stranger { .. } => {
                "the certificate must be signed by the CA that the engine was given (`dockerd --tlscacert`)".into()
            }
            Self::NotTls { .. } => {
                "unset DOCKER_TLS_VERIFY and DOCKER_TLS, or write the engine's TLS port, often 2376".into()
            }
            Self::OnlyTls { .. } => {
                "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem".into()
            }
            Self::Failed { host, .. } | Self::Lost { host, .. } => {
                format!("`openssl s_client -connect {host}` shows what the engine offers")
            }
        })
    }
}
