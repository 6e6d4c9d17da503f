//! Services of the cluster, as they can be asked from here: by a port of the nodes where one answers,
//! otherwise through the cluster's API.

use crate::cli::session::Session;
use crate::cluster::{Cluster, Error, Forward};
use crate::e2e::Address;
use crate::project::nearest;
use crate::types::{Explained, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a port of a node may take to answer before it is taken for closed to us.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where services answer, and what must be held for that.
#[derive(Default)]
pub struct Reached {
    /// The addresses, by service.
    pub addresses: BTreeMap<String, Address>,
    forwards: Vec<Forward>,
}

/// There is no such service.
#[derive(Debug, thiserror::Error)]
#[error("the namespace `{namespace}` has no service `{name}`, which journeys ask")]
struct NoService {
    namespace: String,
    name: String,
    nearest: Option<String>,
}

impl Explained for NoService {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        let near = self.nearest.as_ref().map(|near| format!("there is `{near}`; "));
        Some(format!(
            "{}`loadline deploy` brings it, `--url {}=URL` says where else it is",
            near.unwrap_or_default(),
            self.name
        ))
    }
}

impl Reached {
    /// Where each of `names`, services of `namespace`, answers.
    ///
    /// # Errors
    /// One of them is not there, or the cluster was lost.
    pub async fn of(session: &Session, cluster: &Cluster, namespace: &str, names: &[String]) -> Result<Self, Outcome> {
        let mut reached = Self::default();
        for name in names {
            let failed = |error: Error| session.failed(None, &error);
            let Some(opening) = cluster.service(namespace, name).await.map_err(failed)? else {
                let known = cluster.services(namespace).await.map_err(failed)?;
                let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
                let error = NoService { namespace: namespace.to_owned(), name: name.clone(), nearest };
                return Err(session.failed(None, &error));
            };
            let by_node = match opening.node_port {
                Some(port) => open(&cluster.node_addresses().await.map_err(failed)?, port).await,
                None => None,
            };
            let (at, how) = match by_node {
                Some(at) => (at, "a port of the node"),
                None => {
                    let forward = cluster.forward(namespace, opening).await.map_err(failed)?;
                    let at = forward.address().to_string();
                    reached.forwards.push(forward);
                    (at, "forwarded through the cluster")
                }
            };
            session.note(format!("{name} is asked at http://{at}, {how}"));
            let Ok(address) = format!("http://{at}").parse() else { continue };
            reached.addresses.insert(name.clone(), address);
        }
        Ok(reached)
    }
}

/// The first of `hosts` that takes connections on `port`.
async fn open(hosts: &[String], port: u16) -> Option<String> {
    for host in hosts {
        let at = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        if matches!(tokio::time::timeout(PATIENCE, TcpStream::connect(&at)).await, Ok(Ok(_))) {
            return Some(at);
        }
    }
    None
}
