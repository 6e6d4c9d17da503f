//! How an image will be run: the plan and what the image says of itself, put together.

use super::{Error, Image, Options, owner};
use crate::engine::{Confinement, ContainerSpec, ImageSettings, Publish, Route};
use crate::project::{ImagePlan, Need};
use std::collections::BTreeMap;

/// Processes and threads that one container may have.
const PROCESSES: i64 = 512;

/// All that is known before anything runs.
pub(super) struct Setup<'a> {
    pub(super) image: Image<'a>,
    pub(super) plan: &'a ImagePlan,
    pub(super) options: &'a Options,
    pub(super) settings: ImageSettings,
    /// The port that is probed.
    pub(super) port: u16,
}

impl<'a> Setup<'a> {
    pub(super) fn new(
        image: Image<'a>,
        plan: &'a ImagePlan,
        options: &'a Options,
        settings: ImageSettings,
    ) -> Result<Self, Error> {
        let port = match (plan.probe.port, &settings.ports[..]) {
            (Some(port), _) | (None, &[port]) => port,
            (None, exposed) => {
                let (image, exposed) = (plan.name.clone(), exposed.to_vec());
                return Err(Error::NoPort { image, exposed, described: plan.described });
            }
        };
        Ok(Self { image, plan, options, settings, port })
    }

    /// What is asked: `GET /health`.
    pub(super) fn request(&self) -> String {
        format!("GET {}", self.plan.probe.path)
    }

    /// The signal that asks the container to end.
    pub(super) fn stop_signal(&self) -> &str {
        self.settings.stop_signal.as_deref().unwrap_or("SIGTERM")
    }

    /// The container of the image itself.
    pub(super) fn app(&self, place: &Place, read_only: bool) -> ContainerSpec {
        let run = &self.plan.run;
        let publish = match &place.route {
            Route::Direct => None,
            Route::Published { bind, .. } => Some(Publish { port: self.port, address: bind }),
        };
        ContainerSpec {
            name: owner::name(&place.run),
            image: self.image.engine_id.to_owned(),
            hostname: Some(host_name(&self.plan.name)),
            user: run.user.clone(),
            entrypoint: run.command.clone(),
            cmd: run.args.clone(),
            env: run.env.clone(),
            labels: place.labels.clone(),
            network: place.network.clone(),
            aliases: vec![self.plan.name.clone()],
            publish,
            confinement: Some(Confinement {
                read_only,
                writable: run.writable.clone(),
                owner: numbers(run.user.as_deref().unwrap_or(&self.settings.user)),
                memory: run.memory,
                cpu: run.cpu,
                processes: PROCESSES,
            }),
            // The kubelet knows no HEALTHCHECK, and it would run beside what is measured.
            without_healthcheck: true,
        }
    }

    /// The container of something that it needs.
    pub(super) fn need(&self, place: &Place, need: &Need) -> ContainerSpec {
        ContainerSpec {
            name: format!("{}-{}", owner::name(&place.run), host_name(&need.name)),
            image: need.image.canonical(),
            hostname: Some(host_name(&need.name)),
            env: need.env.clone(),
            labels: place.labels.clone(),
            network: place.network.clone(),
            aliases: vec![need.name.clone()],
            ..ContainerSpec::default()
        }
    }
}

/// Where the containers of a run are put.
pub(super) struct Place {
    /// The run's id.
    pub(super) run: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Their own network; the engine's `bridge` if nothing is needed beside the image.
    pub(super) network: Option<String>,
    pub(super) route: Route,
}

/// User and group, if they are numbers; without a group it is root's, as in a container.
fn numbers(user: &str) -> Option<(u32, u32)> {
    let (user, group) = user.split_once(':').unwrap_or((user, "0"));
    Some((user.parse().ok()?, group.parse().ok()?))
}

/// `name` with only what a host's name may have.
fn host_name(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let clean = clean.trim_matches('-');
    if clean.is_empty() { "app".into() } else { clean.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_or_nothing() {
        assert_eq!([numbers("1000"), numbers("1000:50")], [Some((1000, 0)), Some((1000, 50))]);
        assert_eq!([numbers(""), numbers("app"), numbers("1:app")], [None; 3]);
    }

    #[test]
    fn host_names_are_valid() {
        assert_eq!(host_name("back_end"), "back-end");
        assert_eq!(host_name("--"), "app");
        assert_eq!(host_name(&"a".repeat(80)).len(), 63);
    }
}
