//! `loadline teach`, which `load` and `up` start in the background.

use crate::cli::args::Teach;
use crate::cli::session::Session;
use crate::cli::teaching::Mark;
use crate::cli::{engine, facts};
use crate::load;
use crate::types::Outcome;

/// Teaches the engine the images that `args` name, one after the other.
pub async fn run(session: &Session, args: &Teach) -> Outcome {
    let engine = match engine::connect(session).await {
        Ok(engine) => engine,
        Err(outcome) => return outcome,
    };
    let digests = facts::digests(&engine);
    // Another process teaches it already.
    let Some(_mark) = Mark::take(&digests) else { return Outcome::Fine };
    let mut outcome = Outcome::Fine;
    for id in &args.ids {
        if session.cancel.is_cancelled() {
            return Outcome::Interrupted;
        }
        if let Err(error) = load::teach(&engine, id, &digests, &session.cancel).await {
            outcome = Outcome::worst([outcome, session.failed(Some(id.short()), &error)]);
        }
    }
    outcome
}
