//! Minikube's own files: reading them takes no time, asking `minikube` takes a second.

use super::within::ENGINE_PORT;
use super::{Error, Login};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Minikube's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// A cluster as Minikube keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// `docker`, `podman`, `kvm2`, `qemu2`, `none`, `ssh`, …
    pub driver: String,
    /// `docker`, `containerd` or `crio`.
    pub runtime: String,
    /// The version of Kubernetes, such as `v1.34.4`.
    pub kubernetes: String,
    /// The names of its machines, the control plane's first.
    pub machines: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    driver: String,
    #[serde(default)]
    kubernetes_config: KubernetesConfig,
    #[serde(default)]
    nodes: Vec<ConfigNode>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KubernetesConfig {
    #[serde(default)]
    kubernetes_version: String,
    #[serde(default)]
    container_runtime: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigNode {
    #[serde(default)]
    name: String,
}

/// A machine as `libmachine` keeps it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MachineFile {
    driver: Driver,
}

#[derive(Deserialize)]
struct Driver {
    #[serde(rename = "IPAddress", default)]
    address: String,
    #[serde(rename = "SSHUser", default)]
    user: String,
    #[serde(rename = "SSHPort", default)]
    port: u16,
    #[serde(rename = "SSHKeyPath", default)]
    key: PathBuf,
    #[serde(rename = "EnginePort", default)]
    engine_port: u16,
}

/// A machine with an address of its own.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) login: Login,
    /// Where its Docker Engine listens with TLS, if it has one.
    pub(super) engine_port: u16,
}

#[derive(Deserialize)]
struct Settings {
    profile: Option<String>,
}

impl Home {
    /// Where Minikube keeps its files when `MINIKUBE_HOME` and `HOME` are these.
    pub fn of(minikube_home: Option<&Path>, home: Option<&Path>) -> Option<Self> {
        match minikube_home {
            Some(path) if path.file_name().is_some_and(|name| name == ".minikube") => Some(Self(path.to_owned())),
            Some(path) => Some(Self(path.join(".minikube"))),
            None => home.map(|home| Self(home.join(".minikube"))),
        }
    }

    /// The files themselves.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The profile that `minikube` uses when none is named.
    ///
    /// # Errors
    /// Its settings are there but cannot be read.
    pub fn active_profile(&self) -> Result<String, Error> {
        let path = self.0.join("config/config.json");
        let settings: Option<Settings> = read(&path)?;
        let named = settings.and_then(|settings| settings.profile).filter(|name| !name.is_empty());
        Ok(named.unwrap_or_else(|| "minikube".into()))
    }

    /// The names of all profiles.
    pub fn profiles(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("profiles")).into_iter().flatten().flatten();
        let kept = entries.filter(|entry| entry.path().join("config.json").is_file());
        let mut names: Vec<String> = kept.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The profile `name`.
    ///
    /// # Errors
    /// There is none of that name, or its file cannot be read.
    pub fn profile(&self, name: &str) -> Result<Profile, Error> {
        let unknown = || Error::UnknownProfile { name: name.to_owned(), known: self.profiles(), home: self.0.clone() };
        // A profile is one folder; a name with a path in it is none.
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return Err(unknown());
        }
        let path = self.0.join("profiles").join(name).join("config.json");
        let config: Config = read(&path)?.ok_or_else(unknown)?;
        let runtime = match config.kubernetes_config.container_runtime.as_str() {
            // Profiles of before 1.1 have no runtime, and Docker was the only one.
            "" => "docker",
            "cri-o" => "crio",
            other => other,
        };
        let machine = |node: &ConfigNode| match node.name.as_str() {
            "" => name.to_owned(),
            node => format!("{name}-{node}"),
        };
        let machines: Vec<String> = config.nodes.iter().map(machine).collect();
        Ok(Profile {
            name: name.to_owned(),
            driver: config.driver,
            runtime: runtime.to_owned(),
            kubernetes: config.kubernetes_config.kubernetes_version,
            machines: if machines.is_empty() { vec![name.to_owned()] } else { machines },
        })
    }

    /// Where `machine` is, and who may log in to it; `start` is the command that starts it.
    ///
    /// # Errors
    /// Its file cannot be read, or it has no address.
    pub(super) fn remote(&self, machine: &str, start: &str) -> Result<Remote, Error> {
        let directory = self.0.join("machines").join(machine);
        let file: Option<MachineFile> = read(&directory.join("config.json"))?;
        let driver = file.map(|file| file.driver).filter(|driver| !driver.address.is_empty());
        let Some(driver) = driver else {
            return Err(Error::NoAddress { node: machine.to_owned(), start: start.to_owned() });
        };
        // What is not written is as in Minikube's own machines.
        let or = |port: u16, usual: u16| if port == 0 { usual } else { port };
        let login = Login {
            user: if driver.user.is_empty() { "docker".into() } else { driver.user },
            host: driver.address,
            port: or(driver.port, 22),
            key: if driver.key.as_os_str().is_empty() { directory.join("id_rsa") } else { driver.key },
        };
        Ok(Remote { login, engine_port: or(driver.engine_port, ENGINE_PORT) })
    }

    /// Where the client's certificates for the engines of its machines are.
    pub(super) fn certificates(&self) -> PathBuf {
        self.0.join("certs")
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let wrong =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::MinikubeFile { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles that a real Minikube wrote (`fixtures/minikube`).
    fn recorded(which: &str) -> Home {
        Home(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/minikube").join(which))
    }

    #[test]
    fn recorded_profiles_are_read() {
        let one = recorded("containerd").profile("minikube").unwrap();
        assert_eq!((one.driver.as_str(), one.runtime.as_str()), ("docker", "containerd"));
        assert_eq!((one.kubernetes.as_str(), one.machines), ("v1.34.4", vec!["minikube".to_owned()]));
        let dock = recorded("docker-runtime").profile("dock").unwrap();
        assert_eq!((dock.runtime.as_str(), dock.kubernetes.as_str()), ("docker", "v0.0.0"));
        let two = recorded("two-nodes").profile("two").unwrap();
        assert_eq!(two.machines, ["two", "two-m02"]);
    }

    #[test]
    fn an_unknown_profile_names_the_known_ones() {
        let home = recorded("two-nodes");
        for name in ["minikube", "", "..", "../two", "two/"] {
            let Err(Error::UnknownProfile { known, .. }) = home.profile(name) else { panic!("{name}") };
            assert_eq!(known, ["two"]);
        }
    }

    #[test]
    fn a_machine_behind_ssh_is_read_with_what_minikube_takes_for_granted() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().to_owned());
        let machine = dir.path().join("machines/vm");
        let gone = home.remote("vm", "minikube start -p vm").unwrap_err();
        assert!(matches!(gone, Error::NoAddress { .. }), "{gone:?}");
        std::fs::create_dir_all(&machine).unwrap();
        let write = |text: &str| std::fs::write(machine.join("config.json"), text).unwrap();
        write(r#"{"Driver": {"IPAddress": "192.168.39.2", "MachineName": "vm"}, "DriverName": "kvm2"}"#);
        let Remote { login, engine_port } = home.remote("vm", "minikube start -p vm").unwrap();
        assert_eq!(login.to_string(), "ssh://docker@192.168.39.2:22");
        assert_eq!((login.key, engine_port), (machine.join("id_rsa"), 2376));
        write(
            r#"{"Driver": {"IPAddress": "10.0.0.9", "SSHUser": "root", "SSHPort": 2222, "SSHKeyPath": "/keys/id", "EnginePort": 2377}}"#,
        );
        let Remote { login, engine_port } = home.remote("vm", "minikube start -p vm").unwrap();
        assert_eq!((login.to_string().as_str(), engine_port), ("ssh://root@10.0.0.9:2222", 2377));
        assert_eq!(login.key, Path::new("/keys/id"));
        write("{");
        assert!(matches!(home.remote("vm", ""), Err(Error::MinikubeFile { .. })));
    }

    #[test]
    fn the_home_and_the_active_profile_are_found_as_minikube_finds_them() {
        let of = |minikube: Option<&str>, home: Option<&str>| {
            Home::of(minikube.map(Path::new), home.map(Path::new)).map(|home| home.0)
        };
        assert_eq!(of(Some("/a"), Some("/h")), Some("/a/.minikube".into()));
        assert_eq!(of(Some("/a/.minikube"), None), Some("/a/.minikube".into()));
        assert_eq!(of(None, Some("/h")), Some("/h/.minikube".into()));
        assert_eq!(of(None, None), None);
        let dir = tempfile::tempdir().unwrap();
        let home = Home(dir.path().to_owned());
        assert_eq!(home.active_profile().unwrap(), "minikube");
        std::fs::create_dir(dir.path().join("config")).unwrap();
        std::fs::write(dir.path().join("config/config.json"), r#"{"profile": "two", "cpus": 2}"#).unwrap();
        assert_eq!(home.active_profile().unwrap(), "two");
        std::fs::write(dir.path().join("config/config.json"), "{").unwrap();
        assert!(matches!(home.active_profile(), Err(Error::MinikubeFile { .. })));
    }
}
