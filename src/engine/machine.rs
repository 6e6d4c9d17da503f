//! Containers that are machines: the nodes of a cluster.

use super::{Engine, Error};
use bollard::models::{ContainerStateStatusEnum, PortBinding};
use bollard::query_parameters::ListContainersOptionsBuilder;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineState {
    /// Its program runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It was created but never started, or has ended, or is about to.
    Stopped,
}

/// A machine, running or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name, without the slash that the API writes.
    pub name: String,
    /// The image it runs, by the engine's id.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// What the container `name` does; `None` if there is none of that name.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn machine_state(&self, name: &str) -> Result<Option<MachineState>, Error> {
        use ContainerStateStatusEnum as Status;
        let found = match self.api.inspect_container(name, None).await {
            Ok(found) => found,
            Err(error) => {
                let error = Error::api(format!("inspecting container `{name}`"), error);
                return if error.is_not_found() { Ok(None) } else { Err(error) };
            }
        };
        Ok(Some(match found.state.and_then(|state| state.status) {
            Some(Status::RUNNING) => MachineState::Running,
            Some(Status::PAUSED) => MachineState::Paused,
            _ => MachineState::Stopped,
        }))
    }

    /// Where the TCP port `port` of the container `name` is published on the engine's host.
    ///
    /// # Errors
    /// The engine refused or was lost, or there is no such container.
    pub async fn published(&self, name: &str, port: u16) -> Result<Option<SocketAddr>, Error> {
        let doing = format!("inspecting container `{name}`");
        let found = self.api.inspect_container(name, None).await.map_err(|error| Error::api(doing, error))?;
        let mut ports = found.network_settings.and_then(|network| network.ports).unwrap_or_default();
        let bindings = ports.remove(&format!("{port}/tcp")).flatten().unwrap_or_default();
        let address = |binding: PortBinding| {
            let ip: IpAddr = binding.host_ip?.parse().ok()?;
            // What is open on every address is open on the loopback's.
            let ip = if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip };
            Some(SocketAddr::new(ip, binding.host_port?.parse().ok()?))
        };
        Ok(bindings.into_iter().find_map(address))
    }

    /// All containers with the label `label` (`NAME` or `NAME=VALUE`), in the order of their names.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn machines(&self, label: &str, running_only: bool) -> Result<Vec<Machine>, Error> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(!running_only).filters(&filters).build();
        let doing = format!("listing containers labelled `{label}`");
        let found = self.api.list_containers(Some(options)).await.map_err(|error| Error::api(doing, error))?;
        let mut containers: Vec<Machine> = found
            .into_iter()
            .map(|one| Machine {
                name: one.names.iter().flatten().next().map_or("", |name| name.trim_start_matches('/')).to_owned(),
                image: one.image_id.unwrap_or_default(),
                labels: one.labels.unwrap_or_default().into_iter().collect(),
            })
            .collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    /// The name of the machine that this engine runs on.
    ///
    /// # Errors
    /// The engine refused or was lost.
    pub async fn host_name(&self) -> Result<String, Error> {
        let doing = format!("asking the engine at {} for its host", self.address());
        self.api.info().await.map(|info| info.name.unwrap_or_default()).map_err(|error| Error::api(doing, error))
    }

    /// What tells this engine from every other, whatever the address it is reached by.
    ///
    /// # Errors
    /// The engine refused or was lost, or has no identity.
    pub async fn identity(&self) -> Result<String, Error> {
        let doing = format!("asking the engine at {} for its identity", self.address());
        let info = self.api.info().await.map_err(|error| Error::api(&doing, error))?;
        info.id.filter(|id| !id.is_empty()).ok_or_else(|| Error::broken(doing, "it has none"))
    }
}
