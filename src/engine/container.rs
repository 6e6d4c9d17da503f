//! Containers: made, started, signalled, removed. What they do meanwhile is in `watch`.

use super::{Engine, Error};
use crate::types::ByteSize;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder,
};
use std::collections::{BTreeMap, HashMap};

/// A container to make.
#[derive(Clone, Debug, Default)]
pub struct ContainerSpec {
    /// Its name; the engine has no other of that name.
    pub name: String,
    /// The image, by reference or by the engine's id.
    pub image: String,
    /// Its own host name; the engine's choice if none.
    pub hostname: Option<String>,
    /// The user; the image's own if none.
    pub user: Option<String>,
    /// What is run instead of the image's entry point; its arguments are then not taken either.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments, instead of the image's own.
    pub cmd: Option<Vec<String>>,
    /// Environment variables, beside the image's own.
    pub env: BTreeMap<String, String>,
    /// Labels, beside the image's own.
    pub labels: BTreeMap<String, String>,
    /// The network it is in; the engine's `bridge` if none.
    pub network: Option<String>,
    /// The names that others in that network know it by.
    pub aliases: Vec<String>,
    /// TCP ports to publish, and where.
    pub publish: Option<Publish>,
    /// What it may not do and use; everything it likes if none.
    pub confinement: Option<Confinement>,
    /// Leave out the image's own health check.
    pub without_healthcheck: bool,
}

/// A port that is published on a free port of the engine's host.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The container's TCP port.
    pub port: u16,
    /// The address of the engine's host to publish it on.
    pub address: &'static str,
}

/// The security context and the limits of a pod under the "restricted" standard.
#[derive(Clone, Debug)]
pub struct Confinement {
    /// The root file system cannot be written to.
    pub read_only: bool,
    /// Directories that can be written to.
    pub writable: Vec<String>,
    /// Whose they are, as user and group; root's if none.
    pub owner: Option<(u32, u32)>,
    /// Memory, swap included.
    pub memory: ByteSize,
    /// Cores.
    pub cpu: f64,
    /// Processes and threads.
    pub processes: i64,
}

/// A container or network that carries labels.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// Makes a container and tells its id. It does not run yet.
    pub async fn create_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let options = CreateContainerOptionsBuilder::default().name(&spec.name).build();
        let created = self.api.create_container(Some(options), body(spec)).await;
        created.map(|created| created.id).map_err(|error| Error::api(doing("creating", &spec.name), error))
    }

    /// Starts a container.
    pub async fn start_container(&self, id: &str) -> Result<(), Error> {
        self.api.start_container(id, None).await.map_err(|error| Error::api(doing("starting", id), error))
    }

    /// Sends a signal, such as `SIGTERM`, to the container's first process. That it no longer runs
    /// is no error.
    pub async fn signal_container(&self, id: &str, signal: &str) -> Result<(), Error> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        let sent = self.api.kill_container(id, Some(options)).await;
        let sent = sent.map_err(|error| Error::api(format!("sending {signal} to container `{}`", short(id)), error));
        ignoring(sent, &[409])
    }

    /// Ends a container, if it runs, and removes it with its anonymous volumes. That it is gone, or
    /// is being removed already, is no error.
    pub async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.api.remove_container(id, Some(options)).await;
        ignoring(removed.map_err(|error| Error::api(doing("removing", id), error)), &[404, 409])
    }

    /// All containers, running or not, that carry `label`: a key, or `key=value`.
    pub async fn containers_labelled(&self, label: &str) -> Result<Vec<Labelled>, Error> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.api.list_containers(Some(options)).await;
        let found = found.map_err(|error| Error::api(format!("listing containers labelled `{label}`"), error))?;
        let labelled = |one: bollard::models::ContainerSummary| {
            // The API shows names as paths.
            let name = one.names?.first()?.trim_start_matches('/').to_owned();
            Some(Labelled { id: one.id?, name, labels: one.labels.unwrap_or_default().into_iter().collect() })
        };
        Ok(found.into_iter().filter_map(labelled).collect())
    }
}

/// `container` is an id or a name; ids are shown short, as the docker CLI does.
pub(super) fn doing(verb: &str, container: &str) -> String {
    format!("{verb} container `{}`", short(container))
}

pub(super) fn short(id: &str) -> &str {
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &id[..12] } else { id }
}

/// Some refusals mean that what we want is so already.
pub(super) fn ignoring(result: Result<(), Error>, statuses: &[u16]) -> Result<(), Error> {
    match result {
        Err(Error::Refused { status, .. }) if statuses.contains(&status) => Ok(()),
        other => other,
    }
}

fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: spec.hostname.clone(),
        user: spec.user.clone(),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.cmd.clone(),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: spec.publish.as_ref().map(|publish| vec![tcp(publish.port)]),
        healthcheck: spec
            .without_healthcheck
            .then(|| HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        host_config: Some(host_config(spec)),
        networking_config: spec.network.as_ref().map(|network| joining(network, &spec.aliases)),
        ..ContainerCreateBody::default()
    }
}

fn joining(network: &str, aliases: &[String]) -> NetworkingConfig {
    let endpoint = EndpointSettings { aliases: Some(aliases.to_vec()), ..EndpointSettings::default() };
    NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])) }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let binding = |publish: &Publish| {
        let binding = PortBinding { host_ip: Some(publish.address.into()), host_port: Some(String::new()) };
        HashMap::from([(tcp(publish.port), Some(vec![binding]))])
    };
    let host = HostConfig {
        network_mode: spec.network.clone(),
        port_bindings: spec.publish.as_ref().map(binding),
        // The engine's own choice may be a driver that logs cannot be read back from.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([("max-size".into(), "10m".into())])),
        }),
        ..HostConfig::default()
    };
    match &spec.confinement {
        None => host,
        Some(confinement) => confined(host, confinement),
    }
}

fn confined(host: HostConfig, confinement: &Confinement) -> HostConfig {
    let memory = i64::try_from(confinement.memory.0).unwrap_or(i64::MAX);
    HostConfig {
        readonly_rootfs: Some(confinement.read_only),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        memory: Some(memory),
        // Equal to the memory: no swap.
        memory_swap: Some(memory),
        nano_cpus: Some((confinement.cpu * 1e9) as i64),
        pids_limit: Some(confinement.processes),
        tmpfs: Some(tmpfs(confinement)),
        ..host
    }
}

/// As the kubelet's `emptyDir`: programs in it may run, set-uid bits and devices have no effect.
/// It counts as memory, so it is bounded by half of what there is.
///
/// The mode should be enough, but before runc 1.2 a directory that is in the image keeps its own,
/// while its owner becomes root; so the owner is set, too.
fn tmpfs(confinement: &Confinement) -> HashMap<String, String> {
    let owner = confinement.owner.map(|(user, group)| format!(",uid={user},gid={group}")).unwrap_or_default();
    let options = format!("rw,exec,nosuid,nodev,mode=1777,size={}{owner}", confinement.memory.0 / 2);
    confinement.writable.iter().map(|path| (path.clone(), options.clone())).collect()
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ContainerSpec {
        let confinement = Confinement {
            read_only: true,
            writable: vec!["/tmp".into()],
            owner: Some((1000, 0)),
            memory: ByteSize(64 << 20),
            cpu: 0.5,
            processes: 512,
        };
        ContainerSpec { image: "i".into(), confinement: Some(confinement), ..ContainerSpec::default() }
    }

    #[test]
    fn confinement_is_complete() {
        let host = host_config(&spec());
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
        assert_eq!((host.memory, host.memory_swap), (Some(64 << 20), Some(64 << 20)));
        assert_eq!((host.nano_cpus, host.pids_limit), (Some(500_000_000), Some(512)));
        let tmpfs = &host.tmpfs.unwrap()["/tmp"];
        assert_eq!(tmpfs, "rw,exec,nosuid,nodev,mode=1777,size=33554432,uid=1000,gid=0");
        assert_eq!((host.port_bindings, host.init, host.privileged), (None, None, None));
    }

    #[test]
    fn a_published_port_is_bound_where_it_was_asked_for() {
        let publish = Some(Publish { port: 80, address: "127.0.0.1" });
        let host = host_config(&ContainerSpec { publish, ..spec() });
        let binding = &host.port_bindings.unwrap()["80/tcp"].clone().unwrap()[0];
        assert_eq!((binding.host_ip.as_deref(), binding.host_port.as_deref()), (Some("127.0.0.1"), Some("")));
    }

    #[test]
    fn ids_are_shown_short_and_names_whole() {
        assert_eq!(short(&"ab".repeat(32)), "abababababab");
        assert_eq!(short("loadline-app"), "loadline-app");
    }
}
