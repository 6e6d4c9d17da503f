//! What Helm has recorded of its releases, as far as labels tell it, and their pods.

use super::service::is_ready;
use super::{Cluster, Error};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use std::collections::BTreeMap;

/// The last revision of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, from 1.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-upgrade`, …
    pub status: String,
}

/// How many pods there are, and are ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// How many are ready.
    pub ready: usize,
    /// How many there are.
    pub all: usize,
}

impl Cluster {
    /// The last revision of each release in `namespace`, by Helm's own record (its storage driver
    /// `secret`, the default: one Secret a revision, with labels).
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn releases(&self, namespace: &str) -> Result<BTreeMap<String, Recorded>, Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let doing = format!("listing the releases of the namespace `{namespace}`");
        // The values are large, and not wanted.
        let listed = secrets.list_metadata(&ListParams::default().labels("owner=helm")).await;
        let listed = listed.map_err(|source| Error::api(doing, source))?;
        let mut last: BTreeMap<String, Recorded> = BTreeMap::new();
        for secret in &listed {
            let label = |name: &str| secret.labels().get(name).cloned();
            let (Some(name), Some(status)) = (label("name"), label("status")) else { continue };
            let revision = label("version").and_then(|version| version.parse().ok()).unwrap_or(0);
            if last.get(&name).is_none_or(|known| known.revision < revision) {
                last.insert(name, Recorded { revision, status });
            }
        }
        Ok(last)
    }

    /// The pods in `namespace` by the release that their labels name.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn pods_of_releases(&self, namespace: &str) -> Result<BTreeMap<String, Pods>, Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let doing = format!("listing the pods of the namespace `{namespace}`");
        let listed = pods.list(&ListParams::default()).await.map_err(|source| Error::api(doing, source))?;
        let mut counted: BTreeMap<String, Pods> = BTreeMap::new();
        for pod in listed.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
            let Some(release) = pod.labels().get("app.kubernetes.io/instance") else { continue };
            let pods = counted.entry(release.clone()).or_default();
            pods.all += 1;
            pods.ready += usize::from(is_ready(pod));
        }
        Ok(counted)
    }
}
