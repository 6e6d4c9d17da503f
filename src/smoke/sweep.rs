//! Removes what runs that crashed have left in an engine.

use super::owner::{self, is_orphan};
use crate::engine::{Engine, Error};
use std::fmt;
use std::time::Duration;

/// What was removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    containers: usize,
    networks: usize,
}

/// Removes all that belongs to runs whose process is gone; never what belongs to one that lives.
pub(super) async fn sweep(engine: &Engine) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for try_number in 1.. {
        match orphans(engine, &mut swept).await {
            Err(error) if is_busy(&error) && try_number < TRIES => tokio::time::sleep(BETWEEN).await,
            done => return done.map(|()| swept),
        }
    }
    Ok(swept)
}

async fn orphans(engine: &Engine, swept: &mut Swept) -> Result<(), Error> {
    for container in engine.containers_labelled(owner::RUN).await?.iter().filter(|one| is_orphan(one)) {
        engine.remove_container(&container.id).await?;
        swept.containers += 1;
    }
    for network in engine.networks_labelled(owner::RUN).await?.iter().filter(|one| is_orphan(one)) {
        engine.remove_network(&network.id).await?;
        swept.networks += 1;
    }
    Ok(())
}

/// Removes all that carries the label `run`. What can be removed is, whatever fails; the first
/// failure is told.
pub(super) async fn remove_run(engine: &Engine, run: &str) -> Result<(), Error> {
    let label = format!("{}={run}", owner::RUN);
    for try_number in 1.. {
        match remove_labelled(engine, &label).await {
            Err(error) if is_busy(&error) && try_number < TRIES => tokio::time::sleep(BETWEEN).await,
            done => return done,
        }
    }
    Ok(())
}

async fn remove_labelled(engine: &Engine, label: &str) -> Result<(), Error> {
    let containers = engine.containers_labelled(label).await?;
    let removals = containers.iter().map(|container| engine.remove_container(&container.id));
    let removed = futures_util::future::join_all(removals).await.into_iter().collect::<Result<(), _>>();
    let mut networks = Ok(());
    for network in engine.networks_labelled(label).await? {
        networks = networks.and(engine.remove_network(&network.id).await);
    }
    removed.and(networks)
}

/// A container of the network is still being started, although who asked for it is gone, or is
/// being removed by another run's sweep: a moment later it can be removed, or is.
fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 403, message, .. } if message.contains("active endpoints"))
}

/// How often what is busy is tried, and how long is waited in between: five seconds in all.
const TRIES: usize = 20;
const BETWEEN: Duration = Duration::from_millis(250);

impl Swept {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { containers, networks } = self;
        let s = |count: &usize| if *count == 1 { "" } else { "s" };
        write!(f, "removed what a run that crashed had left: {containers} container{}, ", s(containers))?;
        write!(f, "{networks} network{}", s(networks))
    }
}
