//! One start of the image.

use super::asks::{Ask, Asks, Target};
use crate::engine::{Confinement, Error as EngineError};
use crate::smoke::Error;
use crate::smoke::trial::Trial;
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// From one try to the next: nothing that is measured is finer.
const PAUSE: Duration = Duration::from_millis(50);

/// A container that was started.
pub(super) struct Started {
    pub(super) id: String,
    begun: Instant,
    pub(super) targets: Vec<Target>,
}

/// When an ask passed for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pass {
    /// So long after the start.
    pub(super) after: Duration,
    /// The longest that it waited in vain before that.
    pub(super) hung: Duration,
}

/// What came of it.
pub(super) enum Start {
    /// Each ask passed; none for one that cannot be asked.
    Ready(Vec<Option<Pass>>),
    /// It ended by itself, after so long, with this.
    Ended(Duration, i64),
    Late,
}

impl Start {
    pub(super) fn passed(self) -> Option<Vec<Option<Pass>>> {
        match self {
            Self::Ready(passed) => Some(passed),
            Self::Ended(..) | Self::Late => None,
        }
    }
}

impl Started {
    /// Starts the image as its pod would, but for what `change` makes of it; none if the engine says that
    /// its program cannot be started.
    pub(super) async fn begin(
        trial: &Trial<'_>,
        asks: &Asks,
        change: impl FnOnce(&mut Confinement),
    ) -> Result<Option<Self>, Error> {
        trial.unless_cancelled()?;
        let mut spec = trial.setup.app(&trial.place, true);
        spec.confinement.as_mut().map(change);
        let id = trial.engine.create_container(&spec).await.map_err(|error| trial.refused(error))?;
        match trial.engine.start_container(&id).await {
            Err(EngineError::Refused { .. }) => return Ok(None),
            other => trial.lost(other)?,
        }
        let begun = Instant::now();
        let state = trial.lost(trial.engine.container_state(&id).await)?;
        let targets = asks.all.iter().map(|ask| ask.target(trial, &state)).collect();
        Ok(Some(Self { id, begun, targets }))
    }

    /// Asks until all has passed, it has ended, or the deadline is over.
    pub(super) async fn until_passed(&self, trial: &Trial<'_>, asks: &Asks) -> Result<Start, Error> {
        let passes = asks.all.iter().zip(&self.targets).map(|(ask, target)| self.first_pass(trial, ask, target));
        tokio::select! {
            passed = join_all(passes) => Ok(Start::Ready(passed)),
            ended = trial.until_cancelled(trial.engine.container_end(&self.id)) => {
                Ok(Start::Ended(self.begun.elapsed(), ended?))
            }
            () = sleep(trial.setup.plan.probe.deadline) => Ok(Start::Late),
        }
    }

    async fn first_pass(&self, trial: &Trial<'_>, ask: &Ask, target: &Target) -> Option<Pass> {
        if matches!(target, Target::Nowhere) {
            return None;
        }
        let mut hung = Duration::ZERO;
        loop {
            let begun = Instant::now();
            if ask.passes(trial, &self.id, target).await {
                return Some(Pass { after: self.begun.elapsed(), hung });
            }
            hung = hung.max(begun.elapsed());
            sleep(PAUSE).await;
        }
    }

    /// Ends and removes it: its name is taken by the next.
    pub(super) async fn remove(self, trial: &Trial<'_>) -> Result<(), Error> {
        trial.lost(trial.engine.remove_container(&self.id).await)
    }
}
