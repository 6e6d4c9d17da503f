//! `smoke`: an image, run as a pod would run it: without capabilities, on a read-only root, under
//! limits; probed with the kubelet's rules; then asked to end.

mod error;
mod fault;
mod hardening;
mod hints;
mod listeners;
mod measure;
mod needs;
mod owner;
mod poll;
mod probe;
mod redirect;
mod remedy;
mod report;
mod setup;
mod stop;
mod sweep;
mod tally;
mod trial;
mod writes;

pub use error::{Both, Error};
pub use measure::{Measuring, fate, measure};
pub use report::{NotReady, Report};

use crate::engine::Engine;
use crate::event::{Event, Events};
use crate::project::ImagePlan;
use crate::types::{ImageId, Severity};
use fault::Fault;
use setup::Setup;
use std::collections::BTreeMap;
use std::time::Instant;
use stop::Stopped;
use tokio_util::sync::CancellationToken;
use trial::{Reached, Ready, Trial};

/// The rules whose findings settings may raise, lower or switch off. That it becomes ready is none:
/// it is the test.
pub const RULES: [&str; 9] = [
    "memory.margin",
    "probe.redirect",
    "probe.restart",
    "probe.timeout",
    "process.zombie",
    "start.unreliable",
    "stop.cut",
    "stop.exit-code",
    "stop.sigkill",
];

/// The image to smoke.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Its id.
    pub id: &'a ImageId,
    /// How the engine names it: `id`, or the manifest's digest where its store is containerd's.
    pub engine_id: &'a str,
}

/// How to smoke, beyond what the plan of the image says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which project this is, for the labels of what is made.
    pub project: String,
    /// Severities that differ from the rules' own; `None` switches a rule off.
    pub rules: BTreeMap<String, Option<Severity>>,
}

/// Smokes `image` with `engine`. That it fails the test is a report, not an error. All that was
/// made is removed before this returns, also when it is cancelled; dropping the future instead
/// leaves it to the next run.
///
/// # Errors
/// What is wrong with the plan; that the engine was lost; that it was cancelled.
pub async fn smoke(
    engine: &Engine,
    image: Image<'_>,
    plan: &ImagePlan,
    options: &Options,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let begun = Instant::now();
    let lost = |error| Error::engine(&plan.name, error);
    let settings = engine.image_settings(image.engine_id).await.map_err(lost)?;
    let setup = Setup::new(image, plan, options, settings)?;
    let swept = sweep::sweep(engine).await.map_err(lost)?;
    if !swept.is_empty() {
        events.say(Event::Note { image: Some(plan.name.clone()), text: swept.to_string() });
    }
    events.say(Event::SmokeStarted { image: plan.name.clone() });
    let mut trial = Trial::new(engine, &setup, events, cancel);
    let tried = hardened(&mut trial).await;
    let report = match trial.teardown(tried).await? {
        Tried::Ended(ready, stopped) => Report::ready(&setup, &ready, &stopped, begun.elapsed()),
        Tried::Failed(mut fault) => {
            hardening::explain(engine, &setup, events, cancel, &mut fault).await?;
            Report::not_ready(&setup, fault, begun.elapsed())
        }
    };
    events.say(report.event());
    Ok(report)
}

/// What came of the run that decides.
enum Tried {
    Ended(Ready, Stopped),
    Failed(Fault),
}

async fn hardened(trial: &mut Trial<'_>) -> Result<Tried, Error> {
    match trial.until_ready(true).await? {
        Reached::Failed(fault) => Ok(Tried::Failed(fault)),
        Reached::Ready(ready) => {
            let stopped = stop::stop(trial, &ready.id).await?;
            Ok(Tried::Ended(ready, stopped))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rest = (Options, Events, CancellationToken);

    fn task<'a>(engine: &'a Engine, image: Image<'a>, plan: &'a ImagePlan, rest: &'a Rest) -> impl Send + 'a {
        smoke(engine, image, plan, &rest.0, &rest.1, &rest.2)
    }

    /// That it compiles is the test: images are smoked side by side.
    #[test]
    fn smoking_can_be_a_task_of_its_own() {
        let _ = task;
    }
}
