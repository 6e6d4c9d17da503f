//! Where the engine is, found as the docker CLI finds it: `DOCKER_HOST`, then `DOCKER_CONTEXT`,
//! then the current context of the CLI's configuration, then the default socket.

use crate::types::{Explained, Outcome};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain TCP, as `host:port`.
    Tcp(String),
    /// `docker system dial-stdio` at the far end of an SSH connection, as `[user@]host[:port]`.
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
            Self::Tcp(host) => write!(f, "tcp://{host}"),
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
    /// `DOCKER_TLS_VERIFY`
    pub docker_tls_verify: Option<String>,
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
            docker_config: read("DOCKER_CONFIG").map(PathBuf::from).or_else(home),
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

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

impl Address {
    /// The address that the docker CLI would use in `environment`.
    pub fn discover(environment: &Environment) -> Result<Self, AddressError> {
        if let Some(host) = &environment.docker_host {
            let tls = environment.docker_tls_verify.is_some();
            return Self::parse(host, "DOCKER_HOST", tls);
        }
        let config = environment.docker_config.as_deref();
        if let Some(name) = &environment.docker_context {
            return Self::of_context(name, "DOCKER_CONTEXT", config);
        }
        match config.map(current_context).transpose()?.flatten() {
            Some(name) => Self::of_context(&name, "currentContext of the docker CLI's config.json", config),
            None => Ok(Self::Unix(DEFAULT_SOCKET.into())),
        }
    }

    /// Reads an address as `DOCKER_HOST` has it; `origin` says where it was written.
    pub fn parse(text: &str, origin: &str, tls: bool) -> Result<Self, AddressError> {
        let wrong = |why| AddressError::Malformed { text: text.to_owned(), origin: origin.to_owned(), why };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        if rest.is_empty() {
            return Err(wrong("nothing follows the scheme"));
        }
        match scheme {
            "unix" => Ok(Self::Unix(rest.into())),
            "ssh" => Ok(Self::Ssh(rest.trim_end_matches('/').to_owned())),
            "tcp" | "http" if tls => Err(wrong("engines over TLS are not supported in this version")),
            "tcp" | "http" => {
                let host = rest.trim_end_matches('/');
                let with_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Ok(Self::Tcp(if with_port { host.to_owned() } else { format!("{host}:2375") }))
            }
            "https" => Err(wrong("engines over TLS are not supported in this version")),
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

    fn of_context(name: &str, origin: &'static str, config: Option<&Path>) -> Result<Self, AddressError> {
        if name == "default" {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        }
        let folder = hex::encode(Sha256::digest(name.as_bytes()));
        let contexts = config.unwrap_or(Path::new("")).join("contexts");
        let path = contexts.join("meta").join(&folder).join("meta.json");
        let text = std::fs::read_to_string(&path).map_err(|source| AddressError::UnknownContext {
            name: name.to_owned(),
            origin,
            path: path.clone(),
            source,
        })?;
        let meta: ContextMeta = parse_json(&path, &text)?;
        let host = meta.endpoints.get("docker").map(|endpoint| endpoint.host.as_str()).unwrap_or_default();
        let tls = contexts.join("tls").join(&folder).join("docker").is_dir();
        Self::parse(host, &format!("docker context `{name}`"), tls)
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
        here.docker_context = Some("far".into());
        assert_eq!(found(&here), "ssh://me@far");
        here.docker_host = Some("tcp://10.0.0.1".into());
        assert_eq!(found(&here), "tcp://10.0.0.1:2375");
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
        for bad in ["docker.sock", "unix://", "ftp://x", "https://x:1"] {
            let error = Address::parse(bad, "DOCKER_HOST", false).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{bad}` (from DOCKER_HOST)")), "{error}");
        }
    }
}
