//! The engine that the environment names.

use crate::cli::session::Session;
use crate::engine::{Address, Engine, Environment, Error, saying_if_slow};
use crate::types::Outcome;

/// Connects to the engine, or says why that is not possible.
pub async fn connect(session: &Session) -> Result<Engine, Outcome> {
    let connected = async {
        let (address, origin) = Address::locate(&Environment::of_process()).map_err(Error::from)?;
        let text = || format!("waiting for the engine at {address}");
        let connected = saying_if_slow(&session.events, None, text, Engine::connect(&address)).await;
        connected.map_err(|error| origin.explain(error))
    };
    tokio::select! {
        connected = connected => connected.map_err(|error| session.failed(None, &error)),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}
