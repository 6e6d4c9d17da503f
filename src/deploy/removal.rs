//! Removing releases, and their data only when that is asked for.

use super::{Deployer, Error};
use crate::cluster::Object;
use serde_json::Value;

/// What was removed of a release.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The release was there.
    pub was_there: bool,
    /// The claims that went with it.
    pub claims: Vec<String>,
    /// The claims of it that are left.
    pub kept: Vec<String>,
}

impl Deployer<'_> {
    /// Removes `release`; its claims, which hold its data, only with `data`.
    ///
    /// # Errors
    /// Helm or the cluster refused.
    pub async fn remove(&self, release: &str, data: bool) -> Result<Removed, Error> {
        let namespace = &self.deployment.namespace;
        let mut removed = Removed::default();
        let (known, sets) = tokio::join!(self.helm.history(release), self.helm.manifest(release));
        let sets = if known?.is_empty() { Vec::new() } else { sets? };
        removed.was_there = self.helm.uninstall(release).await?;
        // What was removed before has left its claims, which carry its name.
        let (mut claims, all) =
            tokio::try_join!(self.cluster.claims_of(namespace, release), self.cluster.claims(namespace))?;
        claims.extend(all.into_iter().filter(|claim| sets.iter().any(|set| makes(set, claim))));
        claims.sort();
        claims.dedup();
        if !data {
            removed.kept = claims;
            return Ok(removed);
        }
        for claim in &claims {
            self.cluster.remove_claim(namespace, claim).await?;
        }
        removed.claims = claims;
        Ok(removed)
    }
}

/// Whether `object` is a StatefulSet that makes the claim called `claim`, which is
/// `<template>-<set>-<number>` (Kubernetes, StatefulSet: stable storage).
fn makes(object: &Object, claim: &str) -> bool {
    if object.kind() != "StatefulSet" {
        return false;
    }
    let templates = object.value.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    templates.into_iter().flatten().any(|template| {
        let name = template.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let number = claim.strip_prefix(&format!("{name}-{}-", object.name()));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_known_by_their_set() {
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
        let set = Object { value: set };
        assert!(makes(&set, "data-db-0") && makes(&set, "data-db-12"));
        assert!(!makes(&set, "data-db-") && !makes(&set, "data-db-x-0") && !makes(&set, "other-db-0"));
    }
}
