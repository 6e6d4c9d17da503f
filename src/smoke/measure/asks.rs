//! What is asked of the container: each probe of its pod, or else the one of the settings.

use crate::engine::ContainerState;
use crate::project::{PodProbe, Probe, ProbeAction};
use crate::smoke::probe::{TRY, ask_within};
use crate::smoke::redirect::Url;
use crate::smoke::setup::Setup;
use crate::smoke::trial::Trial;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Something that is asked. Probes that do the same are asked together.
pub(super) struct Ask {
    pub(super) action: ProbeAction,
    /// How long an answer may take.
    pub(super) timeout: Duration,
    /// What passes.
    wishes: Probe,
}

/// A probe's name, what the pod says of it, and which of the asks it is.
pub(super) type Named = (&'static str, Option<PodProbe>, usize);

/// All that is asked.
pub(super) struct Asks {
    pub(super) all: Vec<Ask>,
    pub(super) named: Vec<Named>,
}

/// Where something is asked, in one container.
pub(super) enum Target {
    Http(Url),
    Tcp(String, u16),
    Exec(Vec<String>),
    /// It cannot be asked from here.
    Nowhere,
}

impl Asks {
    /// Of the pod's probes; of the settings' if it has none that can be asked.
    pub(super) fn of(setup: &Setup<'_>) -> Self {
        let pod = &setup.plan.pod_probes;
        let mut asks = Self { all: Vec::new(), named: Vec::new() };
        for (name, probe) in [("startup", &pod.startup), ("liveness", &pod.liveness), ("readiness", &pod.readiness)] {
            let Some(probe) = probe else { continue };
            // The kubelet's own rule.
            let ask = Ask::new(probe.action.clone(), Duration::from_secs(probe.timeout.into()), Probe::default());
            let place = asks.place(ask);
            asks.named.push((name, Some(probe.clone()), place));
        }
        if asks.all.iter().all(|ask| matches!(ask.action, ProbeAction::Other(_))) {
            let action = ProbeAction::Http { path: setup.plan.probe.path.clone(), port: setup.port };
            let place = asks.place(Ask::new(action, TRY, setup.plan.probe.clone()));
            asks.named.push(("smoke", None, place));
        }
        asks
    }

    fn place(&mut self, ask: Ask) -> usize {
        let same = |one: &Ask| one.action == ask.action && one.timeout == ask.timeout;
        self.all.iter().position(same).unwrap_or_else(|| {
            self.all.push(ask);
            self.all.len() - 1
        })
    }

    /// The startup probe, and which of the asks it is.
    pub(super) fn startup(&self) -> Option<(&PodProbe, usize)> {
        self.named
            .iter()
            .find(|(name, ..)| *name == "startup")
            .and_then(|(_, probe, ask)| Some((probe.as_ref()?, *ask)))
    }
}

impl Ask {
    fn new(action: ProbeAction, timeout: Duration, wishes: Probe) -> Self {
        Self { action, timeout, wishes }
    }

    /// Where it is asked in a container that is in `state`.
    pub(super) fn target(&self, trial: &Trial<'_>, state: &ContainerState) -> Target {
        let to = |port| trial.place.route.target(state, port);
        match &self.action {
            ProbeAction::Http { path, port } => {
                to(*port).map_or(Target::Nowhere, |(host, port)| Target::Http(Url { host, port, path: path.clone() }))
            }
            ProbeAction::Tcp { port } => to(*port).map_or(Target::Nowhere, |(host, port)| Target::Tcp(host, port)),
            ProbeAction::Exec { command } => Target::Exec(command.clone()),
            ProbeAction::Other(_) => Target::Nowhere,
        }
    }

    /// Whether it passes now, in the container `id`.
    pub(super) async fn passes(&self, trial: &Trial<'_>, id: &str, target: &Target) -> bool {
        match target {
            Target::Http(url) => ask_within(url, self.timeout).await.judge(&self.wishes).is_ok(),
            Target::Tcp(host, port) => {
                let connected = timeout(self.timeout, TcpStream::connect((host.as_str(), *port))).await;
                connected.is_ok_and(|connected| connected.is_ok())
            }
            Target::Exec(command) => {
                let command: Vec<&str> = command.iter().map(String::as_str).collect();
                let ended = timeout(self.timeout, trial.engine.exec(id, &command)).await;
                matches!(ended, Ok(Ok(ended)) if ended.code == 0)
            }
            Target::Nowhere => false,
        }
    }
}
