//! Removes what runs that crashed have left in an engine.

use super::owner::{self, is_orphan};
use crate::engine::{Engine, Error};
use std::fmt;

/// What was removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    containers: usize,
    networks: usize,
}

/// Removes all that belongs to runs whose process is gone; never what belongs to one that lives.
pub(super) async fn sweep(engine: &Engine) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for container in engine.containers_labelled(owner::RUN).await? {
        if is_orphan(&container) {
            engine.remove_container(&container.id).await?;
            swept.containers += 1;
        }
    }
    for network in engine.networks_labelled(owner::RUN).await? {
        if is_orphan(&network) {
            engine.remove_network(&network.id).await?;
            swept.networks += 1;
        }
    }
    Ok(swept)
}

/// Removes all that carries the label `run`. What can be removed is, whatever fails; the first
/// failure is told.
pub(super) async fn remove_run(engine: &Engine, run: &str) -> Result<(), Error> {
    let label = format!("{}={run}", owner::RUN);
    let containers = engine.containers_labelled(&label).await?;
    let removals = containers.iter().map(|container| engine.remove_container(&container.id));
    let removed = futures_util::future::join_all(removals).await.into_iter().collect::<Result<(), _>>();
    let mut networks = Ok(());
    for network in engine.networks_labelled(&label).await? {
        networks = networks.and(engine.remove_network(&network.id).await);
    }
    removed.and(networks)
}

impl Swept {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { containers, networks } = self;
        write!(f, "removed what a run that crashed had left: {containers} containers, {networks} networks")
    }
}
