//! The engine that the environment names.

use crate::cli::session::Session;
use crate::engine::buildkit::BuildKit;
use crate::engine::{Address, Engine, Environment, Error};
use crate::types::Outcome;

/// Connects to the engine, or says why that is not possible.
pub async fn connect(session: &Session) -> Result<Engine, Outcome> {
    let connected = async {
        let address = Address::discover(&Environment::of_process()).map_err(Error::from)?;
        Engine::connect(&address).await
    };
    connected.await.map_err(|error| session.failed(None, &error))
}

/// Connects to the engine and the BuildKit in it, or says why that is not possible.
pub async fn connect_builder(session: &Session) -> Result<(Engine, BuildKit), Outcome> {
    let engine = connect(session).await?;
    match BuildKit::of_engine(&engine).await {
        Ok(buildkit) => Ok((engine, buildkit)),
        Err(error) => Err(session.failed(None, &error)),
    }
}
