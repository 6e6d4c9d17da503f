//! Services: where they answer from outside of the cluster.

use super::{Cluster, Error};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

/// Where the pods of a service are, and how it is opened to the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The port of every node that leads to it, if there is one.
    pub node_port: Option<u16>,
    /// The labels of its pods.
    pub selector: String,
    /// The port of its pods, by number or by name.
    pub(super) port: IntOrString,
}

impl Cluster {
    /// How the service `name` of `namespace` can be reached, by its first port; `None` if there is none.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn service(&self, namespace: &str, name: &str) -> Result<Option<Opening>, Error> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let found = services.get_opt(name).await;
        let found = found.map_err(|source| Error::api(format!("asking for the service `{name}`"), source))?;
        Ok(found.and_then(|service| opening(&service)))
    }

    /// The names of the services of `namespace`.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn services(&self, namespace: &str) -> Result<Vec<String>, Error> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let doing = format!("listing the services of the namespace `{namespace}`");
        let listed = services.list(&ListParams::default()).await.map_err(|source| Error::api(doing, source))?;
        Ok(listed.iter().map(ResourceExt::name_any).collect())
    }

    /// The addresses of the nodes, inside of their network.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn node_addresses(&self) -> Result<Vec<String>, Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let listed =
            nodes.list(&ListParams::default()).await.map_err(|source| Error::api("listing the nodes", source))?;
        let addresses =
            listed.iter().flat_map(|node| node.status.iter().flat_map(|status| status.addresses.iter().flatten()));
        Ok(addresses.filter(|one| one.type_ == "InternalIP").map(|one| one.address.clone()).collect())
    }

    /// A pod behind `opening` that is ready, and the number of its port.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub(super) async fn ready_pod(&self, namespace: &str, opening: &Opening) -> Result<Option<(String, u16)>, Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = ListParams::default().labels(&opening.selector);
        let listed = pods.list(&params).await.map_err(|source| Error::api("looking for a pod", source))?;
        let ready = listed.iter().find(|pod| pod.metadata.deletion_timestamp.is_none() && is_ready(pod));
        Ok(ready.and_then(|pod| Some((pod.name_any(), number(pod, &opening.port)?))))
    }
}

fn opening(service: &Service) -> Option<Opening> {
    let spec = service.spec.as_ref()?;
    let port = spec.ports.as_ref()?.first()?;
    let selector = spec.selector.as_ref()?.iter().map(|(key, value)| format!("{key}={value}"));
    Some(Opening {
        node_port: port.node_port.and_then(|port| port.try_into().ok()),
        selector: selector.collect::<Vec<_>>().join(","),
        port: port.target_port.clone().unwrap_or(IntOrString::Int(port.port)),
    })
}

/// Whether `pod` takes requests.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True")
}

fn number(pod: &Pod, port: &IntOrString) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let containers = &pod.spec.as_ref()?.containers;
            let mut ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
            ports.find(|one| one.name.as_deref() == Some(name))?.container_port
        }
    };
    number.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_named_port_is_the_pods_own() {
        let service = json!({"spec": {"selector": {"a": "b", "c": "d"},
            "ports": [{"port": 80, "targetPort": "http", "nodePort": 30000}]}});
        let opening = opening(&serde_json::from_value(service).unwrap()).unwrap();
        assert_eq!((opening.node_port, opening.selector.as_str()), (Some(30000), "a=b,c=d"));
        let pod = json!({"spec": {"containers": [{"name": "x", "ports": [{"name": "http", "containerPort": 8080}]}]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        assert_eq!(number(&pod, &opening.port), Some(8080));
        assert_eq!(number(&pod, &IntOrString::String("other".into())), None);
    }
}
