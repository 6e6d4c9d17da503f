//! Asks a container again and again until it passes, ends, or the deadline is over.

use super::Error;
use super::probe::{Answer, ask};
use super::redirect::Url;
use super::setup::Setup;
use super::tally::Tally;
use super::trial::Trial;
use crate::engine::{self, ContainerState};
use crate::event::Event;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How polling ended.
pub(super) enum Polled {
    /// An answer passed, so long after the start.
    Passed(Answer, Duration),
    Failed(Failed),
}

/// How polling ended without an answer that passed.
pub(super) enum Failed {
    /// The container ended by itself, so long after the start.
    Ended(Duration, Tally),
    /// The deadline is over.
    Late(Tally),
}

impl Failed {
    /// The answers that came.
    pub(super) fn tally(&self) -> &Tally {
        match self {
            Self::Ended(_, tally) | Self::Late(tally) => tally,
        }
    }
}

/// Polls the container `id`, that was started at `begun`.
pub(super) async fn poll(trial: &Trial<'_>, id: &str, begun: Instant) -> Result<Polled, Error> {
    let state = trial.lost(trial.engine.container_state(id).await)?;
    let Some((host, port)) = trial.place.route.target(&state, trial.setup.port) else {
        return unreachable(trial, &state).map(|()| Polled::Failed(Failed::Ended(begun.elapsed(), Tally::default())));
    };
    let url = Url { host, port, path: trial.setup.plan.probe.path.clone() };
    let mut tally = Tally::default();
    let passed = tokio::select! {
        passed = until_passed(trial, &url, &mut tally) => Some(passed),
        ended = trial.until_cancelled(trial.engine.container_end(id)) => { ended?; None }
        () = sleep(trial.setup.plan.probe.deadline) => return Ok(Polled::Failed(Failed::Late(tally))),
    };
    Ok(match passed {
        Some(answer) => Polled::Passed(answer, begun.elapsed()),
        None => Polled::Failed(Failed::Ended(begun.elapsed(), tally)),
    })
}

/// Only what runs has an address; what runs without one cannot be asked.
fn unreachable(trial: &Trial<'_>, state: &ContainerState) -> Result<(), Error> {
    if !state.running {
        return Ok(());
    }
    let doing = format!("finding port {} of the container", trial.setup.port);
    let source = "the engine gives it no address that can be reached from here".into();
    trial.lost(Err(engine::Error::Broken { doing, source }))
}

async fn until_passed(trial: &Trial<'_>, url: &Url, tally: &mut Tally) -> Answer {
    let mut pause = SHORTEST_PAUSE;
    let mut said = String::new();
    loop {
        let answer = ask(url).await;
        match answer.judge(&trial.setup.plan.probe) {
            Ok(()) => return answer,
            Err(fail) => {
                say(trial, &answer, &mut said);
                tally.add(answer, fail);
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Says an answer, unless it is as the one before.
fn say(trial: &Trial<'_>, answer: &Answer, said: &mut String) {
    let Setup { plan, port, .. } = trial.setup;
    let brief = answer.brief(*port);
    if brief != *said {
        said.clone_from(&brief);
        let request = trial.setup.request();
        trial.events.say(Event::Probing { image: plan.name.clone(), request, answer: brief });
    }
}
