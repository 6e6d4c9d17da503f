//! TLS on the way to an engine: the certificates that the docker CLI would use, and what can be
//! wrong with them.

mod error;

pub use error::TlsError;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;

/// How an engine is spoken to over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates that the engine's must be signed by; those of the system if none.
    pub ca: Option<PathBuf>,
    /// Our own certificate, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the engine's certificate is checked at all.
    pub verify: bool,
}

impl Tls {
    /// With `ca.pem`, which must be there if the engine is verified, `cert.pem` and `key.pem` of
    /// `directory`.
    pub fn in_directory(directory: &Path, verify: bool) -> Self {
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        // With one of the two only, the other is what is missing.
        let identity = (cert.exists() || key.exists()).then_some((cert, key));
        Self { ca: Some(directory.join("ca.pem")), identity, verify }
    }

    /// As [`Tls::in_directory`]; without a `ca.pem` the system's certificates are trusted.
    pub(super) fn of_context(directory: &Path, verify: bool) -> Self {
        let own = Self::in_directory(directory, verify);
        Self { ca: own.ca.filter(|ca| ca.exists()), ..own }
    }

    fn config(&self, host: &str) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|source| TlsError::Failed { host: host.to_owned(), source })?;
        let builder = if self.verify {
            builder.with_root_certificates(self.roots(host)?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(algorithms)))
        };
        let Some((cert, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let certificates = certificates("the client certificate", cert, host)?;
        let read = PrivateKeyDer::from_pem_file(key);
        let read = read.map_err(|error| TlsError::file("the client key", key, host, error))?;
        builder.with_client_auth_cert(certificates, read).map_err(|source| TlsError::Unpaired {
            cert: cert.clone(),
            key: key.clone(),
            source,
        })
    }

    fn roots(&self, host: &str) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            None => {
                // Those of the system's that cannot be read sign nothing; that shows when one is needed.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(path) => {
                for certificate in certificates("the CA certificate", path, host)? {
                    let wrong = |source| TlsError::Failed { host: host.to_owned(), source };
                    roots.add(certificate).map_err(wrong)?;
                }
            }
        }
        Ok(roots)
    }
}

fn certificates(role: &'static str, path: &Path, host: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => {
            Err(TlsError::file(role, path, host, rustls::pki_types::pem::Error::NoItemsFound))
        }
        read => read.map_err(|error| TlsError::file(role, path, host, error)),
    }
}

/// Agrees with the engine at `host` (`name:port`) on TLS.
pub(super) async fn handshake(host: &str, tls: &Tls, stream: TcpStream) -> Result<TlsStream<TcpStream>, TlsError> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let server = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::NoName { host: host.to_owned() })?;
    let connector = TlsConnector::from(Arc::new(tls.config(host)?));
    connector.connect(server, stream).await.map_err(|error| TlsError::of(host, tls, error))
}

/// Whether what happened to a connection after its handshake is TLS's own doing, or may be: an
/// engine that does not accept us may end the connection before we have read why.
pub(super) fn broke(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
        || matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Takes every certificate, as `DOCKER_TLS` without `DOCKER_TLS_VERIFY` asks for. The engine must
/// still have the key of the one that it shows.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
