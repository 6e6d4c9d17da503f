//! Namespaces, and what they enforce.

use super::{Cluster, Error, MANAGER};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

/// What was found when a namespace was prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It was not there.
    Created,
    /// It was there.
    Found,
}

impl Cluster {
    /// Makes sure that there is a namespace `name` which enforces the Pod Security Standard `level`
    /// (and warns of it).
    ///
    /// # Errors
    /// The cluster refused, also because somebody else wants another level there.
    pub async fn prepare_namespace(&self, name: &str, level: &str) -> Result<Prepared, Error> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let doing = format!("preparing the namespace `{name}`");
        let found = namespaces.get_opt(name).await.map_err(|source| Error::api(&doing, source))?;
        let label = |mode: &str| format!("pod-security.kubernetes.io/{mode}");
        let wanted = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {label("enforce"): level, label("warn"): level}},
        });
        let set = |found: &Namespace| {
            let has = |mode: &str| found.labels().get(&label(mode)).map(String::as_str) == Some(level);
            has("enforce") && has("warn")
        };
        if !found.as_ref().is_some_and(set) {
            let params = PatchParams::apply(MANAGER);
            namespaces
                .patch(name, &params, &Patch::Apply(&wanted))
                .await
                .map_err(|source| Error::api(&doing, source))?;
        }
        Ok(if found.is_some() { Prepared::Found } else { Prepared::Created })
    }

    /// Whether there is a namespace `name`.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn has_namespace(&self, name: &str) -> Result<bool, Error> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(name).await;
        found
            .map(|found| found.is_some())
            .map_err(|source| Error::api(format!("asking for the namespace `{name}`"), source))
    }

    /// Removes the namespace `name` with all that is in it. Ends when the cluster has begun.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn remove_namespace(&self, name: &str) -> Result<(), Error> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let removed = namespaces.delete(name, &DeleteParams::default()).await;
        match removed.map_err(|source| Error::api(format!("removing the namespace `{name}`"), source)) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}
