//! A port of this machine that leads to the pods of a service, for as long as it is held.

use super::service::Opening;
use super::{Cluster, Error};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The port, which is closed when this is dropped.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Forward {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cluster {
    /// Opens a port of this machine for `opening`, a service of `namespace`. Each connection goes to a
    /// pod that is ready then; where there is none, it is closed.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn forward(&self, namespace: &str, opening: Opening) -> Result<Forward, Error> {
        let failed = |source| Error::Broken { doing: "opening a port here".to_owned(), source: Box::new(source) };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(serve(self.clone(), namespace.to_owned(), opening, listener));
        Ok(Forward { address, task })
    }

    async fn carry(&self, namespace: &str, opening: &Opening, mut from: TcpStream) -> Result<(), Error> {
        let Some((pod, port)) = self.ready_pod(namespace, opening).await? else { return Ok(()) };
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let failed = |source| Error::api(format!("forwarding to port {port} of the pod `{pod}`"), source);
        let mut forwarder = pods.portforward(&pod, &[port]).await.map_err(failed)?;
        if let Some(mut stream) = forwarder.take_stream(port) {
            // Whoever hangs up first ends it; that is no error.
            tokio::io::copy_bidirectional(&mut from, &mut stream).await.ok();
        }
        Ok(())
    }
}

async fn serve(cluster: Cluster, namespace: String, opening: Opening, listener: TcpListener) {
    // The connections go with the listener.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (cluster, namespace, opening) = (cluster.clone(), namespace.clone(), opening.clone());
        connections.spawn(async move { cluster.carry(&namespace, &opening, stream).await });
        while connections.try_join_next().is_some() {}
    }
}
