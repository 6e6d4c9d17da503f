//! What is kept of a project between runs, and the lock on it.

use crate::build;
use crate::build::Built;
use crate::cli::session::Session;
use crate::engine::Engine;
use crate::event::Event;
use crate::evidence::{BuildRecord, Error, Lock, State};
use crate::project::ImagePlan;
use crate::types::Outcome;
use std::path::Path;
use std::time::SystemTime;

/// Opens what is kept of the project at `root` and waits until no other run changes it.
pub async fn open(session: &Session, root: &Path, verb: &str) -> Result<(State, Lock), Outcome> {
    let opened = async {
        let state = State::open(&State::home(), root)?;
        let holder = format!("`loadline {verb}`, process {}", std::process::id());
        let waiting = |other: &str| {
            session.events.say(Event::Note { image: None, text: format!("waiting for {other}, in this project too") });
        };
        let lock = Lock::take(&state, &holder, waiting).await?;
        Ok::<_, Error>((state, lock))
    };
    tokio::select! {
        opened = opened => opened.map_err(|error| session.failed(None, &error)),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}

/// Keeps that `image` was built.
pub fn keep_build(state: &State, engine: &Engine, image: &ImagePlan, built: &Built) -> Result<(), Error> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let record = BuildRecord {
        id: built.id.clone(),
        engine_id: built.engine_id.clone(),
        engine: engine.address().to_string(),
        settings: build::settings(image),
        at: now.as_secs(),
    };
    state.keep_build(&image.name, &record)
}
