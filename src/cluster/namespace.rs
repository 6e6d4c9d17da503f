//! Namespaces, and what they enforce.

use super::{Cluster, Error, MANAGER};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;

/// The label that says who made an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// How often a namespace that is being removed is looked at.
const PACE: Duration = Duration::from_millis(500);

/// What a namespace enforces.
#[derive(Clone, Copy, Debug)]
pub struct Level<'a> {
    /// A Pod Security Standard.
    pub name: &'a str,
    /// Also where the namespace is there already, and may be somebody else's.
    pub always: bool,
}

impl Cluster {
    /// Makes sure that there is a namespace `name` which enforces `level` (and warns of it).
    ///
    /// # Errors
    /// The cluster refused, also because somebody else wants another level there.
    pub async fn prepare_namespace(&self, name: &str, level: Level<'_>) -> Result<(), Error> {
        let doing = format!("preparing the namespace `{name}`");
        let found = self.namespaces().get_opt(name).await.map_err(|source| Error::api(&doing, source))?;
        let label = |mode: &str| format!("pod-security.kubernetes.io/{mode}");
        let has = |found: &Namespace, mode| found.labels().get(&label(mode)).map(String::as_str) == Some(level.name);
        let wanted = match &found {
            Some(found) if !level.always || (has(found, "enforce") && has(found, "warn")) => return Ok(()),
            Some(_) => json!({label("enforce"): level.name, label("warn"): level.name}),
            None => json!({label("enforce"): level.name, label("warn"): level.name, MANAGED_BY: MANAGER}),
        };
        let wanted = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": wanted}});
        let patched = self.namespaces().patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(&wanted)).await;
        patched.map(drop).map_err(|source| Error::api(&doing, source))
    }

    /// Whether the namespace `name` is being removed.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn is_terminating(&self, name: &str) -> Result<bool, Error> {
        let doing = format!("asking for the namespace `{name}`");
        let found = self.namespaces().get_opt(name).await.map_err(|source| Error::api(doing, source))?;
        Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_some()))
    }

    /// Waits until the namespace `name`, which is being removed, is gone.
    ///
    /// # Errors
    /// It is still there after `deadline`; or the cluster refused or was lost.
    pub async fn namespace_gone(&self, name: &str, deadline: Duration) -> Result<(), Error> {
        let gone = async {
            while self.is_terminating(name).await? {
                tokio::time::sleep(PACE).await;
            }
            Ok(())
        };
        let stays = Error::Terminating { namespace: name.to_owned() };
        tokio::time::timeout(deadline, gone).await.unwrap_or(Err(stays))
    }

    /// Whether there is a namespace `name`.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn has_namespace(&self, name: &str) -> Result<bool, Error> {
        let found = self.namespaces().get_opt(name).await;
        found
            .map(|found| found.is_some())
            .map_err(|source| Error::api(format!("asking for the namespace `{name}`"), source))
    }

    /// Removes the namespace `name` with all that is in it, if it was made here; says whether it was.
    /// Ends when the cluster has begun.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn remove_namespace(&self, name: &str) -> Result<bool, Error> {
        let doing = format!("removing the namespace `{name}`");
        let found = self.namespaces().get_opt(name).await.map_err(|source| Error::api(&doing, source))?;
        let ours = found.is_some_and(|found| found.labels().get(MANAGED_BY).map(String::as_str) == Some(MANAGER));
        if ours {
            let removed = self.namespaces().delete(name, &DeleteParams::default()).await;
            removed.map(drop).map_err(|source| Error::api(&doing, source))?;
        }
        Ok(ours)
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }
}
