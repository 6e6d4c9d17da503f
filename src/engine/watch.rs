//! What a container does: its state, its end, its log, its memory, what it wrote.

use super::container::doing;
use super::{Engine, Error};
use crate::types::ByteSize;
use bollard::container::LogOutput;
use bollard::models::{ContainerInspectResponse, ContainerStatsResponse, FilesystemChange, HealthStatusEnum, PortMap};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, LogsOptionsBuilder, StatsOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use std::net::IpAddr;

/// What an engine says of a container.
#[derive(Clone, Debug, Default)]
pub struct ContainerState {
    /// Its first process runs.
    pub running: bool,
    /// What that process ended with; 0 while it runs.
    pub exit_code: i64,
    /// A process in it was killed because it was out of memory.
    pub oom_killed: bool,
    /// The first process, as the engine's host numbers it.
    pub pid: Option<u32>,
    /// The address in its network.
    pub address: Option<IpAddr>,
    /// The ports that are published: the container's, and the one of the engine's host.
    pub published: Vec<(u16, u16)>,
    /// What the image's health check says, if it has one.
    pub health: Option<Health>,
    /// The user that the container was made with; empty means root.
    pub user: String,
}

/// What a health check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing yet.
    Starting,
    /// It passed.
    Healthy,
    /// It failed too often.
    Unhealthy,
}

/// A path that a container has changed in its own layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The path.
    pub path: String,
    /// It was not there before.
    pub added: bool,
}

/// Names in a directory, as far as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It is a file.
    File,
    /// It is a directory with these names in it, or some of them, if it has many.
    Directory(Vec<String>),
}

impl Engine {
    /// What the engine says of a container now.
    pub async fn container_state(&self, id: &str) -> Result<ContainerState, Error> {
        let found = self.api.inspect_container(id, None).await;
        found.map(state).map_err(|error| Error::api(doing("inspecting", id), error))
    }

    /// Waits until the container no longer runs, and tells its exit code.
    pub async fn container_end(&self, id: &str) -> Result<i64, Error> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut answers = std::pin::pin!(self.api.wait_container(id, Some(options)));
        match answers.next().await {
            Some(Ok(end)) => Ok(end.status_code),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(Error::api(doing("waiting for", id), error)),
            None => {
                Err(Error::broken(doing("waiting for", id), "the engine ended the answer before the container did"))
            }
        }
    }

    /// The last lines that a container wrote, to both streams.
    pub async fn container_log(&self, id: &str, lines: usize) -> Result<Vec<String>, Error> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let mut parts = std::pin::pin!(self.api.logs(id, Some(options)));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut text = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| Error::api(doing("reading the log of", id), error))?;
            let partial = if matches!(part, LogOutput::StdErr { .. }) { &mut err } else { &mut out };
            partial.extend_from_slice(&part.into_bytes());
            if partial.ends_with(b"\n") {
                text.append(partial);
            }
        }
        text.extend(out.into_iter().chain(err));
        Ok(String::from_utf8_lossy(&text).lines().map(|line| line.trim_end().to_owned()).collect())
    }

    /// How much memory a running container uses, without the file cache.
    pub async fn container_memory(&self, id: &str) -> Result<Option<ByteSize>, Error> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let mut answers = std::pin::pin!(self.api.stats(id, Some(options)));
        let stats = answers.next().await.transpose();
        let stats = stats.map_err(|error| Error::api(doing("reading the memory use of", id), error))?;
        Ok(stats.and_then(used_memory))
    }

    /// What a container changed in its own layer.
    pub async fn container_changes(&self, id: &str) -> Result<Vec<Change>, Error> {
        let found = self.api.container_changes(id).await;
        let found = found.map_err(|error| Error::api(doing("listing the changes of", id), error))?;
        let change = |one: FilesystemChange| Change { path: one.path, added: one.kind as i32 == 1 };
        let mut changes: Vec<Change> = found.unwrap_or_default().into_iter().map(change).collect();
        changes.sort();
        Ok(changes)
    }

    /// What is at `path` in a container: only the beginning of a large directory is read.
    pub async fn container_content(&self, id: &str, path: &str) -> Result<Content, Error> {
        const ENOUGH: usize = 256 << 10;
        let what = || format!("reading `{path}` of container `{}`", super::container::short(id));
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut chunks = std::pin::pin!(self.api.download_from_container(id, Some(options)));
        let mut archive = Vec::new();
        while let Some(chunk) = chunks.next().await {
            archive.extend_from_slice(&chunk.map_err(|error| Error::api(what(), error))?);
            if archive.len() > ENOUGH {
                break;
            }
        }
        content(&archive).map_err(|error| Error::broken(what(), error))
    }
}

/// The archive's first entry is the path itself; those below it are relative to its parent.
fn content(archive: &[u8]) -> std::io::Result<Content> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries()?;
    let directory = entries.next().transpose()?.is_some_and(|entry| entry.header().entry_type().is_dir());
    if !directory {
        return Ok(Content::File);
    }
    let mut names: Vec<String> = Vec::new();
    // An archive that was cut off ends with an error, which is its end for us.
    for entry in entries.map_while(Result::ok) {
        let path = entry.path()?.into_owned();
        let name = path.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        if let Some(name) = name.filter(|name| names.last() != Some(name)) {
            names.push(name);
        }
    }
    Ok(Content::Directory(names))
}

fn state(found: ContainerInspectResponse) -> ContainerState {
    let state = found.state.unwrap_or_default();
    let network = found.network_settings.unwrap_or_default();
    let address = |endpoint: bollard::models::EndpointSettings| endpoint.ip_address?.parse().ok();
    ContainerState {
        running: state.running.unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
        address: network.networks.unwrap_or_default().into_values().find_map(address),
        published: network.ports.map(published).unwrap_or_default(),
        health: state.health.and_then(|health| health.status).and_then(health),
        user: found.config.and_then(|config| config.user).unwrap_or_default(),
    }
}

fn published(ports: PortMap) -> Vec<(u16, u16)> {
    let pair = |(port, bindings): (String, Option<Vec<bollard::models::PortBinding>>)| {
        let port = port.strip_suffix("/tcp")?.parse().ok()?;
        let host = bindings?.into_iter().find_map(|binding| binding.host_port?.parse().ok())?;
        Some((port, host))
    };
    ports.into_iter().filter_map(pair).collect()
}

fn health(status: HealthStatusEnum) -> Option<Health> {
    match status {
        HealthStatusEnum::STARTING => Some(Health::Starting),
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => None,
    }
}

/// As the docker CLI counts: without the part of the file cache that can be given back at once
/// (named differently by the two versions of control groups).
fn used_memory(stats: ContainerStatsResponse) -> Option<ByteSize> {
    let memory = stats.memory_stats?;
    let detail = memory.stats.unwrap_or_default();
    let cache = ["total_inactive_file", "inactive_file"].iter().find_map(|name| detail.get(*name)).copied();
    let usage = memory.usage?;
    Some(ByteSize(usage.saturating_sub(cache.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(paths: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for path in paths {
            let mut header = tar::Header::new_gnu();
            let kind = if path.ends_with('/') { tar::EntryType::Directory } else { tar::EntryType::Regular };
            header.set_entry_type(kind);
            header.set_size(0);
            builder.append_data(&mut header, path, &b""[..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn content_is_read_from_what_came() {
        assert_eq!(content(&archive(&["a"])).unwrap(), Content::File);
        let names = |names: &[&str]| Content::Directory(names.iter().map(|name| (*name).to_owned()).collect());
        let whole = archive(&["d/", "d/x/", "d/x/y", "d/z"]);
        assert_eq!(content(&whole).unwrap(), names(&["x", "z"]));
        assert_eq!(content(&whole[..1024]).unwrap(), names(&["x"]));
        assert_eq!(content(&archive(&["d/"])).unwrap(), names(&[]));
    }
}
