//! Kubernetes secrets. Their values are never part of a message.

use super::{Cluster, Error, MANAGER};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use std::collections::BTreeMap;
use std::fmt;

/// The keys of a secret and their values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretData(pub BTreeMap<String, Vec<u8>>);

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Cluster {
    /// The secret `name` of `namespace`, if there is one.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretData>, Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let doing = format!("reading the secret `{name}` of the namespace `{namespace}`");
        let found = secrets.get_opt(name).await.map_err(|source| Error::api(doing, source))?;
        let bytes = |data: BTreeMap<String, ByteString>| data.into_iter().map(|(key, value)| (key, value.0)).collect();
        Ok(found.map(|secret| SecretData(bytes(secret.data.unwrap_or_default()))))
    }

    /// Makes the secret `name` of `namespace` hold `data`; keys of others stay.
    ///
    /// # Errors
    /// The cluster refused, also because somebody else set one of these keys; or it was lost.
    pub async fn keep_secret(&self, namespace: &str, name: &str, data: &SecretData) -> Result<(), Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let mut secret = Secret {
            data: Some(data.0.iter().map(|(key, value)| (key.clone(), ByteString(value.clone()))).collect()),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        };
        secret.metadata.name = Some(name.to_owned());
        let doing = format!("writing the secret `{name}` of the namespace `{namespace}`");
        let kept = secrets.patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(&secret)).await;
        kept.map(drop).map_err(|source| Error::api(doing, source))
    }

    /// Removes the secret `name` of `namespace`, if it is there.
    ///
    /// # Errors
    /// The cluster refused or was lost.
    pub async fn remove_secret(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let removed = secrets.delete(name, &DeleteParams::default()).await;
        match removed.map_err(|source| Error::api(format!("removing the secret `{name}`"), source)) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}
