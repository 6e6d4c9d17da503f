//! How the pod of a chart runs and probes an image: that holds where the settings say nothing.

use super::origin::Origin;
use super::spans::join;
use super::{Origins, PodProbes, Project};
use crate::types::ByteSize;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a pod says of one of its containers; none of what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// The user, as `uid[:gid]`.
    pub user: Option<String>,
    /// Directories that can be written to, where all else is read-only.
    pub writable: Option<Vec<String>>,
    /// The memory limit.
    pub memory: Option<ByteSize>,
    /// The CPU limit, in cores.
    pub cpu: Option<f64>,
    /// How long it may take from SIGTERM to its end.
    pub grace: Option<Duration>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// What is run instead of the image's entry point.
    pub command: Option<Vec<String>>,
    /// Its arguments, instead of the image's own.
    pub args: Option<Vec<String>>,
    /// The path that tells whether it is ready.
    pub path: Option<String>,
    /// The port of that.
    pub port: Option<u16>,
    /// How long it may take to start.
    pub deadline: Option<Duration>,
    /// Its probes.
    pub probes: PodProbes,
}

impl Project {
    /// Lets `image` be run and probed as the pod of `release` says, in all that the settings leave open.
    pub fn fill(&mut self, image: &str, release: &str, said: &Conditions) {
        let Some(plan) = self.plan.images.iter_mut().find(|one| one.name == image) else { return };
        let (run, probe, table) = (&mut plan.run, &mut plan.probe, join("image", image));
        let mut open = Open { origins: &mut self.origins, table: &table, release };
        let said = said.clone();
        // The settings have nothing that takes their place.
        plan.pod_probes = said.probes;
        open.put("run.user", &mut run.user, said.user.map(Some));
        open.put("run.writable", &mut run.writable, said.writable);
        open.put("run.memory", &mut run.memory, said.memory);
        open.put("run.cpu", &mut run.cpu, said.cpu);
        open.put("run.grace", &mut run.grace, said.grace);
        open.put("run.command", &mut run.command, said.command.map(Some));
        open.put("run.args", &mut run.args, said.args.map(Some));
        open.put("probe.path", &mut probe.path, said.path);
        open.put("probe.port", &mut probe.port, said.port.map(Some));
        open.put("probe.deadline", &mut probe.deadline, said.deadline);
        for (name, value) in said.env {
            if open.take(&join("run.env", &name)) {
                run.env.insert(name, value);
            }
        }
    }
}

/// What the settings of an image leave open.
struct Open<'a> {
    origins: &'a mut Origins,
    table: &'a str,
    release: &'a str,
}

impl Open<'_> {
    /// Whether `key` is open; it is not any more.
    fn take(&mut self, key: &str) -> bool {
        let path = format!("{}.{key}", self.table);
        let open = *self.origins.of(&path) == Origin::Default;
        if open {
            self.origins.note(path, Origin::Pod { release: self.release.to_owned() });
        }
        open
    }

    fn put<T>(&mut self, key: &str, place: &mut T, said: Option<T>) {
        if let Some(said) = said
            && self.take(key)
        {
            *place = said;
        }
    }
}
