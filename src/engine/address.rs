//! Where the engine is, found as the docker CLI finds it: `DOCKER_HOST`, then `DOCKER_CONTEXT`,
//! then the current context of the CLI's configuration, then the default socket. Over TLS with
//! the certificates that the environment or the context names.

use super::origin::Origin;
use super::ssh;
use super::tls::Tls;
use crate::types::{Explained, Outcome};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Where the docker CLI looks when TLS is asked for and nothing else is said.
const DEFAULT_TLS_HOST: &str = "localhost:2376";

/// The address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain TCP, as `host:port`.
    Tcp(String),
    /// TCP with TLS.
    Tls {
        /// `host:port`
        host: String,
        /// The certificates.
        tls: Tls,
    },
    /// `docker system dial-stdio` at the far end of an SSH connection, as
    /// `[user@]host[:port][/socket]`.
    Ssh(String),
    /// An engine inside a container of another engine.
    Within {
        /// The other engine.
        engine: Box<Address>,
        /// The container.
        container: String,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) | Self::Tls { host, .. } => write!(f, "tcp://{host}"),
            Self::Ssh(host) => write!(f, "ssh://{host}"),
            Self::Within { engine, container } => write!(f, "{engine} in container `{container}`"),
        }
    }
}

/// No address could be made out.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The text is no address that we can use.
    #[error("`{text}` (from {origin}) is no engine address: {why}")]
    Malformed {
        /// What was written.
        text: String,
        /// Where it was written.
        origin: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A context is named that the docker CLI does not have.
    #[error("docker context `{name}` (from {origin}) is not known: {}", path.display())]
    UnknownContext {
        /// The context.
        name: String,
        /// Where it was named.
        origin: &'static str,
        /// The file that should describe it.
        path: PathBuf,
        /// Why that file could not be read.
        #[source]
        source: std::io::Error,
    },
    /// A file of the docker CLI cannot be understood.
    #[error("cannot read {}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Explained for AddressError {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { .. } => "write unix:///path/to/docker.sock, tcp://host:port or ssh://user@host".into(),
            Self::UnknownContext { .. } => "`docker context ls` shows the contexts that are there".into(),
            Self::Configuration { path, .. } => format!("repair {} or set DOCKER_HOST", path.display()),
        })
    }
}

/// The part of the environment that says where the engine is.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY`: TLS, and the engine's certificate is checked.
    pub docker_tls_verify: Option<String>,
    /// `DOCKER_TLS`: TLS, and it is not checked unless `DOCKER_TLS_VERIFY` is set too.
    pub docker_tls: Option<String>,
    /// `DOCKER_CERT_PATH`: the directory with the certificates; `docker_config` if not set.
    pub docker_cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `~/.docker`
    pub docker_config: Option<PathBuf>,
}

impl Environment {
    /// Reads this process's environment; empty variables count as unset.
    pub fn of_process() -> Self {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = || read("HOME").map(|home| Path::new(&home).join(".docker"));
        Self {
            docker_host: read("DOCKER_HOST"),
            docker_context: read("DOCKER_CONTEXT"),
            docker_tls_verify: read("DOCKER_TLS_VERIFY"),
            docker_tls: read("DOCKER_TLS"),
            docker_cert_path: read("DOCKER_CERT_PATH").map(PathBuf::from),
            docker_config: read("DOCKER_CONFIG").map(PathBuf::from).or_else(home),
        }
    }

    /// The certificates, if TLS is asked for.
    pub fn tls(&self) -> Option<Tls> {
        self.docker_tls_verify.as_ref().or(self.docker_tls.as_ref())?;
        let directory = self.docker_cert_path.as_deref().or(self.docker_config.as_deref()).unwrap_or(Path::new("."));
        Some(Tls::in_directory(directory, self.docker_tls_verify.is_some()))
    }

    /// Where the docker CLI looks when nothing is said.
    fn default_address(&self) -> Address {
        match self.tls() {
            None => Address::Unix(DEFAULT_SOCKET.into()),
            Some(tls) => Address::Tls { host: DEFAULT_TLS_HOST.into(), tls },
        }
    }
}

#[derive(Deserialize)]
struct CliConfig {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints", default)]
    endpoints: HashMap<String, Endpoint>,
}

#[derive(Default, Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_verify: bool,
}

impl Address {
    /// The address that the docker CLI would use in `environment`.
    pub fn discover(environment: &Environment) -> Result<Self, AddressError> {
        Self::locate(environment).map(|(address, _)| address)
    }

    /// As [`Address::discover`], with what named it.
    pub fn locate(environment: &Environment) -> Result<(Self, Origin), AddressError> {
        if let Some(host) = &environment.docker_host {
            let address = Self::parse(host, "DOCKER_HOST", environment.tls())?;
            return Ok((address, Origin::Variable));
        }
        if let Some(name) = &environment.docker_context {
            let address = Self::of_context(name, "DOCKER_CONTEXT", environment)?;
            return Ok((address, Origin::of_context(name)));
        }
        match environment.docker_config.as_deref().map(current_context).transpose()?.flatten() {
            Some(name) => {
                let by = "currentContext of the docker CLI's config.json";
                Ok((Self::of_context(&name, by, environment)?, Origin::of_context(&name)))
            }
            None => Ok((environment.default_address(), Origin::Default)),
        }
    }

    /// Reads an address as `DOCKER_HOST` has it; `origin` says where it was written. `tls` is for
    /// TCP only: a socket and SSH do without.
    pub fn parse(text: &str, origin: &str, tls: Option<Tls>) -> Result<Self, AddressError> {
        let wrong = |why| AddressError::Malformed { text: masked(text), origin: origin.to_owned(), why };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        if rest.is_empty() {
            return Err(wrong("nothing follows the scheme"));
        }
        match scheme {
            "unix" => Ok(Self::Unix(rest.into())),
            "ssh" => ssh::Target::parse(rest).map(|_| Self::Ssh(rest.to_owned())).map_err(wrong),
            "tcp" | "http" => {
                let host = rest.trim_end_matches('/');
                let with_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                let host = if with_port { host.to_owned() } else { format!("{host}:2375") };
                Ok(match tls {
                    None => Self::Tcp(host),
                    Some(tls) => Self::Tls { host, tls },
                })
            }
            "https" => Err(wrong("engines over TLS are written tcp://, with DOCKER_TLS_VERIFY or in a docker context")),
            _ => Err(wrong("the scheme is none of unix, tcp and ssh")),
        }
    }

    /// The engine inside the container `container` of the engine at this address.
    pub fn within(&self, container: &str) -> Self {
        Self::Within { engine: Box::new(self.clone()), container: container.to_owned() }
    }

    /// Whether the engine may reach what listens on a loopback address here. Behind a socket it may
    /// all the same be in a network of its own.
    pub fn may_share_loopback(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    fn of_context(name: &str, origin: &'static str, environment: &Environment) -> Result<Self, AddressError> {
        if name == "default" {
            return Ok(environment.default_address());
        }
        let folder = hex::encode(Sha256::digest(name.as_bytes()));
        let contexts = environment.docker_config.as_deref().unwrap_or(Path::new("")).join("contexts");
        let path = contexts.join("meta").join(&folder).join("meta.json");
        let text = std::fs::read_to_string(&path).map_err(|source| AddressError::UnknownContext {
            name: name.to_owned(),
            origin,
            path: path.clone(),
            source,
        })?;
        let mut meta: ContextMeta = parse_json(&path, &text)?;
        let Endpoint { host, skip_verify } = meta.endpoints.remove("docker").unwrap_or_default();
        let files = contexts.join("tls").join(&folder).join("docker");
        let tls = (skip_verify || files.is_dir()).then(|| Tls::of_context(&files, !skip_verify));
        Self::parse(&host, &format!("docker context `{name}`"), tls)
    }
}

/// A password in an address is shown to nobody.
fn masked(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (login, host))) if login.contains(':') => {
            format!("{scheme}://{}:***@{host}", login.split(':').next().unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

fn current_context(config: &Path) -> Result<Option<String>, AddressError> {
    let path = config.join("config.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(parse_json::<CliConfig>(&path, &text)?.current_context.filter(|name| !name.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AddressError::Configuration { path, source: source.into() }),
    }
}

fn parse_json<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, AddressError> {
    serde_json::from_str(text)
        .map_err(|source| AddressError::Configuration { path: path.to_owned(), source: source.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(config: &Path) -> Environment {
        Environment { docker_config: Some(config.to_owned()), ..Environment::default() }
    }

    fn write_context(config: &Path, name: &str, host: &str) {
        let folder = config.join("contexts/meta").join(hex::encode(Sha256::digest(name.as_bytes())));
        std::fs::create_dir_all(&folder).unwrap();
        let meta = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        std::fs::write(folder.join("meta.json"), meta).unwrap();
    }

    #[test]
    fn the_order_is_that_of_the_docker_cli() {
        let config = tempfile::tempdir().unwrap();
        write_context(config.path(), "far", "ssh://me@far");
        write_context(config.path(), "near", "unix:///run/near.sock");
        let mut here = environment(config.path());
        let found = |here: &Environment| Address::discover(here).unwrap().to_string();
        assert_eq!(found(&here), "unix:///var/run/docker.sock");
        std::fs::write(config.path().join("config.json"), r#"{"currentContext":"near"}"#).unwrap();
        assert_eq!(found(&here), "unix:///run/near.sock");
        assert_eq!(Address::locate(&here).unwrap().1, Origin::Context("near".into()));
        here.docker_context = Some("far".into());
        assert_eq!(found(&here), "ssh://me@far");
        here.docker_host = Some("tcp://10.0.0.1".into());
        assert_eq!(found(&here), "tcp://10.0.0.1:2375");
    }

    #[test]
    fn tls_is_for_tcp_and_changes_the_default() {
        let config = tempfile::tempdir().unwrap();
        let mut here = environment(config.path());
        here.docker_tls = Some("1".into());
        let found = |here: &Environment| Address::discover(here).unwrap();
        let unverified = |host: &str| Address::Tls { host: host.into(), tls: Tls::in_directory(config.path(), false) };
        assert_eq!(found(&here), unverified("localhost:2376"));
        here.docker_host = Some("tcp://far:1".into());
        assert_eq!(found(&here), unverified("far:1"));
        here.docker_tls_verify = Some("1".into());
        here.docker_cert_path = Some("/certs".into());
        let tls = Tls { ca: Some("/certs/ca.pem".into()), identity: None, verify: true };
        assert_eq!(found(&here), Address::Tls { host: "far:1".into(), tls });
        here.docker_host = Some("unix:///run/near.sock".into());
        assert_eq!(found(&here).to_string(), "unix:///run/near.sock");
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_origin() {
        let config = tempfile::tempdir().unwrap();
        let mut here = environment(config.path());
        here.docker_context = Some("gone".into());
        let unknown = Address::discover(&here).unwrap_err();
        assert!(unknown.to_string().starts_with("docker context `gone` (from DOCKER_CONTEXT) is not known"));
        std::fs::write(config.path().join("config.json"), "{").unwrap();
        assert!(matches!(Address::discover(&environment(config.path())), Err(AddressError::Configuration { .. })));
        for bad in ["docker.sock", "unix://", "ftp://x", "https://x:1", "ssh://x:y"] {
            let error = Address::parse(bad, "DOCKER_HOST", None).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{bad}` (from DOCKER_HOST)")), "{error}");
        }
        let error = Address::parse("ssh://me:secret@x", "DOCKER_HOST", None).unwrap_err().to_string();
        assert!(error.starts_with("`ssh://me:***@x` (from DOCKER_HOST) is no engine address: a password"), "{error}");
    }
}
