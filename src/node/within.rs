//! The Docker Engine inside a machine that is a container itself: over TLS, as Minikube publishes
//! it, or else through the machine's own `docker system dial-stdio`.

use super::Error;
use super::machine::Machine;
use crate::engine::{Address, Engine, Tls};
use std::path::PathBuf;

/// Where dockerd listens on Minikube's machines.
pub(super) const ENGINE_PORT: u16 = 2376;

/// An engine inside a machine.
#[derive(Clone)]
pub(super) struct Within {
    /// The engine that the machine is a container of.
    pub(super) engine: Engine,
    pub(super) machine: Machine,
    /// Where the client's certificates are, if anywhere.
    pub(super) certificates: PathBuf,
}

impl Within {
    /// After `eval $(minikube docker-env)` it is the building engine itself, in which there is no
    /// such machine.
    pub(super) async fn connect(&self) -> Result<Engine, Error> {
        let failed = |source| Error::engine(&self.machine.name, source);
        if self.engine.host_name().await.map_err(failed)? == self.machine.name {
            return Ok(self.engine.clone());
        }
        self.machine.must_run().await?;
        let over_tls = match self.published().await? {
            Some(address) => Some(Engine::connect(&address).await),
            None => None,
        };
        let within = self.engine.address().within(&self.machine.name);
        match over_tls {
            Some(Ok(engine)) => Ok(engine),
            // What is wrong with the way that was meant for this tells more.
            Some(Err(tls)) => Engine::connect(&within).await.map_err(|_| failed(tls)),
            None => Engine::connect(&within).await.map_err(failed),
        }
    }

    /// Where it listens with TLS, if that can be reached from here and the certificates are there.
    async fn published(&self) -> Result<Option<Address>, Error> {
        let there = |name: &str| self.certificates.join(name).is_file();
        // A port is published on the host of the engine, which is this one if its socket is here.
        if !matches!(self.engine.address(), Address::Unix(_))
            || !["ca.pem", "cert.pem", "key.pem"].into_iter().all(there)
        {
            return Ok(None);
        }
        let published = self.engine.published(&self.machine.name, ENGINE_PORT).await;
        let published = published.map_err(|source| Error::engine(&self.machine.name, source))?;
        let tls = Tls::in_directory(&self.certificates, true);
        Ok(published.map(|host| Address::Tls { host: host.to_string(), tls }))
    }
}
