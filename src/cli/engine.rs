//! The engine that the environment names.

use crate::cli::session::Session;
use crate::engine::{Address, Engine, Environment, Error};
use crate::types::Outcome;

/// Connects to the engine, or says why that is not possible.
pub async fn connect(session: &Session) -> Result<Engine, Outcome> {
    let connected = async {
        let address = Address::discover(&Environment::of_process()).map_err(Error::from)?;
        Engine::connect(&address).await
    };
    tokio::select! {
        connected = connected => connected.map_err(|error| session.failed(None, &error)),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}
