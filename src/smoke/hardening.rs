//! When an image does not become ready, the read-only root may be why: one more run, with a
//! writable one and all else equal, tells.

use super::fault::Fault;
use super::setup::Setup;
use super::trial::{Reached, Trial};
use super::writes::{self, Writes};
use super::{Error, remedy};
use crate::engine::Engine;
use crate::event::{Event, Events};
use std::collections::BTreeSet;
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
        Seen::Writes(writes) => tell(setup, &writes, fault),
        Seen::Failed(second) => compare(setup, &second, fault),
    }
    Ok(())
}

/// What came of the run with a writable root.
enum Seen {
    /// It became ready, and had written this.
    Writes(Writes),
    Failed(Fault),
}

async fn writable(trial: &mut Trial<'_>) -> Result<Seen, Error> {
    match trial.until_ready(false).await? {
        Reached::Ready(ready) => writes::of(trial, &ready.id, &trial.setup.plan.run.writable).await.map(Seen::Writes),
        Reached::Failed(fault) => Ok(Seen::Failed(fault)),
    }
}

/// The second run failed, too: perhaps of the same, perhaps of what the first did not get to.
fn compare(setup: &Setup<'_>, second: &Fault, fault: &mut Fault) {
    let text = match &second.said {
        Some(said) if second.said != fault.said => format!("not ready with one either: {}: {said}", second.cause),
        _ => "not ready with one either".to_owned(),
    };
    fault.details.push(("writable root".into(), text));
    if let (None, Some(path)) = (&fault.hint, &fault.read_only) {
        let add = remedy::to_writable(setup.plan, "its directory");
        fault.hint = Some(format!("`{path}` could not be written: {add}"));
    }
}

fn tell(setup: &Setup<'_>, writes: &Writes, fault: &mut Fault) {
    let mut say = |text: String| fault.details.push(("writable root".into(), text));
    if writes.paths.is_empty() {
        say("ready with one, though it wrote nothing that stayed: it may be slow, or not the same every time".into());
        return;
    }
    say(format!("ready with one; until then it wrote {}", list(&writes.paths)));
    if !writes.beside.is_empty() {
        let beside = list(&writes.beside);
        say(format!("beside files of the image, so that no empty directory can take their place: {beside}"));
    }
    let elsewhere = |path: &String| {
        let add = remedy::to_writable(setup.plan, "that");
        format!("have it write `{path}` into a directory of its own, and {add}")
    };
    fault.hint = writes.remedy(setup.plan).or_else(|| writes.beside.first().map(elsewhere));
}

fn list(paths: &BTreeSet<String>) -> String {
    paths.iter().cloned().collect::<Vec<_>>().join(", ")
}
