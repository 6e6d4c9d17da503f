//! Targets, as they are written, and the nodes behind them.

use super::error::minikube_start;
use super::machine::{Machine, Place};
use super::minikube::{Home, Profile, Remote};
use super::within::Within;
use super::{Error, Node, Via};
use crate::engine::{Address, Engine, Environment, Tls};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where `load` puts images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Minikube cluster: the named profile, or the active one.
    Minikube(Option<String>),
    /// A kind cluster.
    Kind(String),
    /// An engine, by its address or the docker CLI's context.
    Docker(String),
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why| Error::NotATarget { text: text.to_owned(), why };
        let (kind, name) = match text.split_once(':') {
            Some((_, "")) => return Err(wrong("nothing follows the colon")),
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text, None),
        };
        match (kind, name) {
            ("minikube", name) => Ok(Self::Minikube(name)),
            ("kind", name) => Ok(Self::Kind(name.unwrap_or_else(|| "kind".into()))),
            ("docker", Some(name)) => Ok(Self::Docker(name)),
            ("docker", None) => Err(wrong("it does not say which engine")),
            _ => Err(wrong("it is none of minikube, kind and docker")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minikube(None) => f.write_str("minikube"),
            Self::Minikube(Some(name)) => write!(f, "minikube:{name}"),
            Self::Kind(name) => write!(f, "kind:{name}"),
            Self::Docker(name) => write!(f, "docker:{name}"),
        }
    }
}

/// The part of the environment that says where targets are.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `MINIKUBE_HOME`
    pub minikube_home: Option<PathBuf>,
    /// `MINIKUBE_PROFILE`: what Minikube itself takes for `-p`.
    pub minikube_profile: Option<String>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// What says where engines are.
    pub docker: Environment,
}

impl Surroundings {
    /// Reads this process's environment; empty variables count as unset.
    pub fn of_process() -> Self {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            minikube_home: read("MINIKUBE_HOME").map(PathBuf::from),
            minikube_profile: read("MINIKUBE_PROFILE"),
            home: read("HOME").map(PathBuf::from),
            docker: Environment::of_process(),
        }
    }
}

impl Target {
    /// The nodes of this target; clusters in containers are looked for in `engine`.
    ///
    /// # Errors
    /// The target is not there or not supported. Whether its nodes are well shows when they are
    /// loaded: one that is not must not keep the others from it.
    pub async fn nodes(&self, engine: &Engine, surroundings: &Surroundings) -> Result<Vec<Node>, Error> {
        match self {
            Self::Minikube(name) => minikube(name.as_deref(), engine, surroundings),
            Self::Kind(name) => kind(name, engine).await,
            Self::Docker(name) => Ok(vec![docker(name, &surroundings.docker)?]),
        }
    }
}

impl Target {
    /// What the kubeconfig calls the target's cluster, and the nodes that this must have as far as
    /// they are known without asking; `None` if the target is an engine.
    ///
    /// # Errors
    /// The target is not there.
    pub fn context(&self, surroundings: &Surroundings) -> Result<Option<(String, Vec<String>)>, Error> {
        match self {
            Self::Minikube(name) => {
                let (_, name, profile) = profile(name.as_deref(), surroundings)?;
                Ok(Some((name, profile.machines)))
            }
            Self::Kind(name) => Ok(Some((format!("kind-{name}"), vec![format!("{name}-control-plane")]))),
            Self::Docker(_) => Ok(None),
        }
    }
}

/// Minikube's files, and the profile that is meant.
fn profile(name: Option<&str>, surroundings: &Surroundings) -> Result<(Home, String, Profile), Error> {
    let home = surroundings.home.as_deref();
    let home = Home::of(surroundings.minikube_home.as_deref(), home).ok_or(Error::NoHome)?;
    let name = match name.or(surroundings.minikube_profile.as_deref()) {
        Some(name) => name.to_owned(),
        None => home.active_profile()?,
    };
    let profile = home.profile(&name)?;
    Ok((home, name, profile))
}

fn minikube(name: Option<&str>, engine: &Engine, surroundings: &Surroundings) -> Result<Vec<Node>, Error> {
    let (home, name, profile) = profile(name, surroundings)?;
    let (driver, runtime) = (profile.driver.as_str(), profile.runtime.as_str());
    if !["containerd", "docker"].contains(&runtime) {
        return Err(Error::Runtime { profile: name, runtime: profile.runtime });
    }
    let start = minikube_start(&name);
    let node = |machine: &String| -> Result<Node, Error> {
        let via = match driver {
            "docker" | "podman" => within(engine, machine, &start, runtime, &home),
            _ => behind_ssh(machine, &start, runtime, &home)?,
        };
        Ok(Node { name: machine.clone(), in_cluster: true, via })
    };
    // Those of the driver `none` are this machine itself.
    match driver {
        "none" | "" => Err(Error::Driver { profile: name, driver: profile.driver }),
        _ => profile.machines.iter().map(node).collect(),
    }
}

/// A machine that is a container of `engine`.
fn within(engine: &Engine, machine: &str, start: &str, runtime: &str, home: &Home) -> Via {
    let place = Place::Container(engine.clone());
    let machine = Machine { name: machine.to_owned(), start: start.to_owned(), place };
    match runtime {
        "docker" => {
            let (engine, certificates) = (engine.clone(), home.certificates());
            Via::DockerWithin(Box::new(Within { engine, machine, certificates }))
        }
        _ => Via::Containerd(Box::new(machine)),
    }
}

/// A machine with an address of its own.
fn behind_ssh(machine: &str, start: &str, runtime: &str, home: &Home) -> Result<Via, Error> {
    let Remote { login, engine_port } = home.remote(machine, start)?;
    Ok(match runtime {
        "docker" => {
            let tls = Tls::in_directory(&home.certificates(), true);
            let address = Address::Tls { host: format!("{}:{engine_port}", login.host), tls };
            Via::Docker { address, check: start.to_owned() }
        }
        _ => {
            let place = Place::Ssh(login);
            Via::Containerd(Box::new(Machine { name: machine.to_owned(), start: start.to_owned(), place }))
        }
    })
}

async fn kind(name: &str, engine: &Engine) -> Result<Vec<Node>, Error> {
    const CLUSTER: &str = "io.x-k8s.kind.cluster";
    let failed = |source| Error::Engine { node: format!("kind cluster `{name}`"), source };
    let containers = engine.machines(CLUSTER, false).await.map_err(failed)?;
    let cluster = |labels: &std::collections::BTreeMap<String, String>| labels.get(CLUSTER).cloned();
    // As kind has it: the load balancer of a cluster with several control planes runs no images.
    let runs_images = |role: Option<&String>| role.is_some_and(|role| ["control-plane", "worker"].contains(&&**role));
    let nodes: Vec<Node> = containers
        .iter()
        .filter(|one| cluster(&one.labels).as_deref() == Some(name))
        .filter(|one| runs_images(one.labels.get("io.x-k8s.kind.role")))
        .map(|one| {
            let (name, start) = (one.name.clone(), format!("docker start {}", one.name));
            let machine = Machine { name: name.clone(), start, place: Place::Container(engine.clone()) };
            Node { name, in_cluster: true, via: Via::Containerd(Box::new(machine)) }
        })
        .collect();
    if nodes.is_empty() {
        let mut known: Vec<String> = containers.iter().filter_map(|one| cluster(&one.labels)).collect();
        known.sort();
        known.dedup();
        return Err(Error::NoKindCluster { name: name.to_owned(), known, engine: engine.address().to_string() });
    }
    Ok(nodes)
}

fn docker(name: &str, environment: &Environment) -> Result<Node, Error> {
    let node = format!("docker:{name}");
    let address = if name.contains("://") {
        // As `docker -H` does.
        Address::parse(name, "the target", environment.tls())
    } else {
        let context = Environment { docker_host: None, docker_context: Some(name.to_owned()), ..environment.clone() };
        Address::discover(&context)
    };
    let address = address.map_err(|error| Error::Engine { node: node.clone(), source: error.into() })?;
    let check = match &address {
        Address::Unix(path) if path == Path::new("/var/run/docker.sock") => "systemctl start docker".to_owned(),
        address => format!("docker -H {address} version"),
    };
    Ok(Node { name: node, in_cluster: false, via: Via::Docker { address, check } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_shown() {
        for good in ["minikube", "minikube:two", "kind:kind", "docker:desktop", "docker:unix:///a/b.sock"] {
            assert_eq!(good.parse::<Target>().unwrap().to_string(), good);
        }
        assert_eq!("kind".parse::<Target>().unwrap(), Target::Kind("kind".into()));
        for bad in ["", "docker", "docker:", "minikube:", "k3d", "Minikube", "minikube two"] {
            assert!(matches!(bad.parse::<Target>(), Err(Error::NotATarget { .. })), "{bad}");
        }
    }
}
