//! One run of an image: network, needs, the container, the probe; and whatever comes of it, the
//! removal of all that was made.

use super::error::Both;
use super::fault::{self, Fault};
use super::poll::{Polled, poll};
use super::probe::Answer;
use super::setup::{Place, Setup};
use super::sweep::remove_run;
use super::{Error, needs, owner};
use crate::engine::{self, Engine, Route};
use crate::event::Events;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long removing may take before it is given up.
const REMOVAL: Duration = Duration::from_secs(60);

/// All that a run has at hand.
pub(super) struct Trial<'a> {
    pub(super) engine: &'a Engine,
    pub(super) setup: &'a Setup<'a>,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a CancellationToken,
    pub(super) place: Place,
}

/// A container that is ready.
pub(super) struct Ready {
    pub(super) id: String,
    pub(super) answer: Answer,
    /// So long after its start.
    pub(super) after: Duration,
}

/// What came of a run, up to readiness.
pub(super) enum Reached {
    Ready(Ready),
    Failed(Fault),
}

impl<'a> Trial<'a> {
    /// A run that nothing was made for yet. Whatever comes of it, it ends with
    /// [`Trial::teardown`].
    pub(super) fn new(
        engine: &'a Engine,
        setup: &'a Setup<'a>,
        events: &'a Events,
        cancel: &'a CancellationToken,
    ) -> Self {
        let run = hex::encode(rand::random::<[u8; 8]>());
        let labels = owner::labels(&run, &setup.options.project, &setup.plan.name);
        let network = (!setup.plan.needs.is_empty()).then(|| owner::name(&run));
        Self { engine, setup, events, cancel, place: Place { run, labels, network, route: Route::Direct } }
    }

    /// Makes the network, if one is needed, and finds the way into it.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        self.unless_cancelled()?;
        if let Some(network) = &self.place.network {
            self.lost(self.engine.create_network(network, &self.place.labels).await)?;
        }
        self.place.route = self.lost(self.engine.route(self.place.network.as_deref()).await)?;
        Ok(())
    }

    /// Runs what is needed and the image, until it is ready or clearly never will be.
    pub(super) async fn until_ready(&mut self, read_only: bool) -> Result<Reached, Error> {
        self.settle().await?;
        let needs = match needs::start(self).await? {
            Ok(needs) => needs,
            Err(fault) => return Ok(Reached::Failed(fault)),
        };
        self.unless_cancelled()?;
        let spec = self.setup.app(&self.place, read_only);
        let id = self.engine.create_container(&spec).await.map_err(|error| self.refused(error))?;
        if let Err(error) = self.engine.start_container(&id).await {
            return fault::not_started(self, "", &id, error).await.map(Reached::Failed);
        }
        let begun = Instant::now();
        match poll(self, &id, begun).await? {
            Polled::Passed(answer, after) => Ok(Reached::Ready(Ready { id, answer, after })),
            Polled::Failed(failed) => fault::examine(self, &id, failed, &needs).await.map(Reached::Failed),
        }
    }

    /// Waits for what may take long, but no longer than until the run is cancelled.
    pub(super) async fn until_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, engine::Error>>,
    ) -> Result<T, Error> {
        let done = self.meanwhile(work).await?;
        self.lost(done)
    }

    /// What `work` gives, unless the run is cancelled first.
    pub(super) async fn meanwhile<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let interrupted = || Error::Interrupted { image: self.setup.plan.name.clone() };
        self.cancel.run_until_cancelled(work).await.ok_or_else(interrupted)
    }

    /// Before something is made. What is being made is waited for: only then can it be removed.
    pub(super) fn unless_cancelled(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Interrupted { image: self.setup.plan.name.clone() });
        }
        Ok(())
    }

    pub(super) fn lost<T>(&self, result: Result<T, engine::Error>) -> Result<T, Error> {
        result.map_err(|error| Error::engine(&self.setup.plan.name, error))
    }

    /// A container that the engine finds wrong is the plan's fault.
    pub(super) fn refused(&self, error: engine::Error) -> Error {
        match error {
            engine::Error::Refused { status: 400, message, .. } => Error::Settings {
                image: self.setup.plan.name.clone(),
                why: message,
                described: self.setup.plan.described,
            },
            error => Error::engine(&self.setup.plan.name, error),
        }
    }

    /// Removes all that was made, and keeps what came of the run, or both errors.
    pub(super) async fn teardown<T>(&self, done: Result<T, Error>) -> Result<T, Error> {
        let removal = tokio::time::timeout(REMOVAL, remove_run(self.engine, &self.place.run));
        let removed = removal.await.unwrap_or_else(|elapsed| {
            let doing = "removing the containers of the run".into();
            Err(engine::Error::Broken { doing, source: elapsed.into() })
        });
        let Err(error) = removed else { return done };
        let (label, error) = (format!("{}={}", owner::RUN, self.place.run), Box::new(error));
        Err(match done {
            Err(run) => Error::Both(Both { run: Box::new(run), label, removal: error }),
            Ok(_) => Error::LeftBehind { image: self.setup.plan.name.clone(), label, source: error },
        })
    }
}
