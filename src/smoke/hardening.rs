//! When an image does not become ready, the read-only root may be why: one more run, with a
//! writable one and all else equal, tells.

use super::Error;
use super::fault::Fault;
use super::setup::Setup;
use super::trial::{Reached, Trial};
use super::writes::{self, Writes};
use crate::engine::Engine;
use crate::event::{Event, Events};
use tokio_util::sync::CancellationToken;

/// Adds to `fault` what another run, with a writable root, says of its cause.
pub(super) async fn explain(
    engine: &Engine,
    setup: &Setup<'_>,
    events: &Events,
    cancel: &CancellationToken,
    fault: &mut Fault,
) -> Result<(), Error> {
    if !fault.perhaps_hardening {
        return Ok(());
    }
    let name = &setup.plan.name;
    let text = format!("{}; once more with a writable root, to see whether that is the cause", fault.cause);
    events.say(Event::Note { image: Some(name.clone()), text });
    // Its answers are not the image's verdict.
    let silent = Events::none();
    let mut trial = Trial::new(engine, setup, &silent, cancel);
    let seen = writable(&mut trial).await;
    match trial.teardown(seen).await? {
        Some(writes) => tell(setup, &writes, fault),
        None => fault.details.push(("writable root".into(), "it does not become ready with one either".into())),
    }
    Ok(())
}

/// What it wrote, if it became ready.
async fn writable(trial: &mut Trial<'_>) -> Result<Option<Writes>, Error> {
    match trial.until_ready(false).await? {
        Reached::Ready(ready) => writes::of(trial, &ready.id).await.map(Some),
        Reached::Failed(_) => Ok(None),
    }
}

fn tell(setup: &Setup<'_>, writes: &Writes, fault: &mut Fault) {
    let mut say = |text: String| fault.details.push(("writable root".into(), text));
    if writes.paths.is_empty() {
        say("with one it becomes ready, but it wrote nothing that stayed: it may be slow, or not the same every time"
            .into());
        return;
    }
    let list = |paths: &std::collections::BTreeSet<String>| paths.iter().cloned().collect::<Vec<_>>().join(", ");
    say(format!("with one it becomes ready; until then it wrote {}", list(&writes.paths)));
    if !writes.beside.is_empty() {
        let beside = list(&writes.beside);
        say(format!("beside files of the image, so that no empty directory can take their place: {beside}"));
    }
    let settings = writes.settings(&setup.plan.name, &setup.plan.run.writable);
    fault.hint = Some(settings.unwrap_or_else(|| {
        let first = writes.paths.first().map(String::as_str).unwrap_or_default();
        format!(
            "have it write `{first}` into a directory of its own, and add that to `writable` in [image.{}.run]",
            setup.plan.name
        )
    }));
}
