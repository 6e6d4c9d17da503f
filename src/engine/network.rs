//! Networks of containers, and the way from here into them.

use super::container::{Labelled, ignoring};
use super::ssh::Target;
use super::watch::ContainerState;
use super::{Address, Engine, Error};
use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, TcpListener};

/// The network that every engine has unless it was told not to.
const DEFAULT_NETWORK: &str = "bridge";

/// The way to a container's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the container's own address.
    Direct,
    /// To a port of the engine's host that the port was published on.
    Published {
        /// The address of the engine's host to publish on.
        bind: &'static str,
        /// How the engine's host is called from here.
        host: String,
    },
}

impl Engine {
    /// Makes a network of its own and tells its id.
    pub async fn create_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<String, Error> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".into()),
            labels: Some(labels.clone().into_iter().collect()),
            ..NetworkCreateRequest::default()
        };
        let created = self.api.create_network(request).await;
        created.map(|created| created.id).map_err(|error| Error::api(format!("creating network `{name}`"), error))
    }

    /// Removes a network. That it is gone is no error.
    pub async fn remove_network(&self, id: &str) -> Result<(), Error> {
        let removed = self.api.remove_network(id).await;
        ignoring(removed.map_err(|error| Error::api(format!("removing network `{id}`"), error)), &[404])
    }

    /// All networks that carry `label`: a key, or `key=value`.
    pub async fn networks_labelled(&self, label: &str) -> Result<Vec<Labelled>, Error> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let found = self.api.list_networks(Some(options)).await;
        let found = found.map_err(|error| Error::api(format!("listing networks labelled `{label}`"), error))?;
        let labelled = |one: bollard::models::Network| {
            let labels = one.labels.unwrap_or_default().into_iter().collect();
            Some(Labelled { id: one.id?, name: one.name.unwrap_or_default(), labels })
        };
        Ok(found.into_iter().filter_map(labelled).collect())
    }

    /// How ports of containers in `network` (the engine's `bridge` if none) are reached from here.
    pub async fn route(&self, network: Option<&str>) -> Result<Route, Error> {
        match &self.address {
            Address::Unix(_) if self.shares_our_network(network).await? => Ok(Route::Direct),
            // A virtual machine's: it forwards ports that are published on its loopback.
            Address::Unix(_) => Ok(published_at("127.0.0.1")),
            Address::Tcp(host) | Address::Tls { host, .. } => {
                Ok(published_at(host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host).trim_matches(['[', ']'])))
            }
            Address::Ssh(text) => {
                let target = Target::parse(text);
                let target =
                    target.map_err(|why| Error::broken(format!("reading the address {}", self.address), why))?;
                Ok(published_at(target.host()))
            }
            Address::Within { .. } => {
                let doing = format!("looking for a way to the containers of the engine at {}", self.address);
                Err(Error::broken(doing, "it is inside a container itself"))
            }
        }
    }

    /// Whether the engine's bridges are in our own network: it runs on our kernel, and the gateway
    /// of `network` is an address of ours. Neither alone says so: a virtual machine's engine may
    /// use the same addresses as one that runs here, and our kernel may hold several networks.
    pub async fn shares_our_network(&self, network: Option<&str>) -> Result<bool, Error> {
        Ok(matches!(self.address, Address::Unix(_))
            && self.shares_our_kernel().await?
            && self.gateway(network.unwrap_or(DEFAULT_NETWORK)).await?.is_some_and(is_ours))
    }

    async fn shares_our_kernel(&self) -> Result<bool, Error> {
        let Ok(ours) = std::fs::read_to_string("/proc/sys/kernel/osrelease") else { return Ok(false) };
        let version = self.api.version().await.map_err(|error| Error::api("asking the engine's version", error))?;
        Ok(version.kernel_version.as_deref() == Some(ours.trim()))
    }

    async fn gateway(&self, network: &str) -> Result<Option<IpAddr>, Error> {
        let found = self.api.inspect_network(network, None).await;
        let found = found.map_err(|error| Error::api(format!("inspecting network `{network}`"), error))?;
        let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        Ok(configs.into_iter().find_map(|config| config.gateway?.parse().ok()))
    }
}

/// On the loopback of the engine's host, if that is where `host` is.
fn published_at(host: &str) -> Route {
    let local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let (bind, host) = if local { ("127.0.0.1", "127.0.0.1") } else { ("0.0.0.0", host) };
    Route::Published { bind, host: host.to_owned() }
}

/// Only an address of this host can be bound to.
fn is_ours(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

impl Route {
    /// Where to connect to, as host and port, to reach `port` of the container.
    pub fn target(&self, state: &ContainerState, port: u16) -> Option<(String, u16)> {
        match self {
            Self::Direct => state.address.map(|address| (address.to_string(), port)),
            Self::Published { host, .. } => {
                let published = state.published.iter().find(|(inner, _)| *inner == port)?;
                Some((host.clone(), published.1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lead_to_the_container_or_to_the_engines_host() {
        let state = ContainerState {
            address: Some([10, 0, 0, 2].into()),
            published: vec![(53, 1), (80, 32768)],
            ..ContainerState::default()
        };
        assert_eq!(Route::Direct.target(&state, 80), Some(("10.0.0.2".into(), 80)));
        let published = Route::Published { bind: "0.0.0.0", host: "far".into() };
        assert_eq!(published.target(&state, 80), Some(("far".into(), 32768)));
        assert_eq!(published.target(&state, 81), None);
    }

    #[test]
    fn only_our_own_addresses_are_ours() {
        assert!(is_ours([127, 0, 0, 1].into()));
        assert!(!is_ours([192, 0, 2, 1].into()));
    }
}
