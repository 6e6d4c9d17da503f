//! Volume claims, which hold data.

use super::{Cluster, Error};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};

/// Which release an object belongs to, as charts label it.
const INSTANCE: &str = "app.kubernetes.io/instance";

impl Cluster {
    /// The claims of `namespace`.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn claims(&self, namespace: &str) -> Result<Vec<String>, Error> {
        self.listed_claims(namespace, &ListParams::default()).await
    }

    /// The claims of `namespace` that carry the name of `release`.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn claims_of(&self, namespace: &str, release: &str) -> Result<Vec<String>, Error> {
        self.listed_claims(namespace, &ListParams::default().labels(&format!("{INSTANCE}={release}"))).await
    }

    async fn listed_claims(&self, namespace: &str, params: &ListParams) -> Result<Vec<String>, Error> {
        let doing = format!("listing the volume claims of the namespace `{namespace}`");
        let listed = self.claims_in(namespace).list(params).await.map_err(|source| Error::api(doing, source))?;
        Ok(listed.iter().map(ResourceExt::name_any).collect())
    }

    /// Removes the claim `name` of `namespace` with its data, if it is there.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn remove_claim(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let removed = self.claims_in(namespace).delete(name, &DeleteParams::default()).await;
        match removed.map_err(|source| Error::api(format!("removing the volume claim `{name}`"), source)) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn claims_in(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace)
    }
}
