//! Objects of any kind, as a chart renders them, beside what runs.

use super::{Cluster, Error};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, Scope};
use kube::{Api, ResourceExt};
use serde_json::Value;

/// As whom Helm manages fields: a dry run as anybody else would conflict.
const HELM: &str = "helm";

/// An object as it is rendered.
#[derive(Clone, Debug)]
pub struct Object {
    /// The whole of it.
    pub value: Value,
}

/// What an object would become.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// As it is now; none if it is not there.
    pub now: Option<Value>,
    /// As it would be.
    pub then: Value,
}

impl Difference {
    /// That all of `object` would be new.
    pub fn all_new(object: Object) -> Self {
        Self { kind: object.kind().to_owned(), name: object.name().to_owned(), now: None, then: object.value }
    }
}

impl Object {
    /// Text at `pointer` (RFC 6901); empty if there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }
}

impl Cluster {
    /// What applying `object` in `namespace` would make of what is there. Nothing is changed: the
    /// cluster itself is asked, with all its defaults and admission.
    ///
    /// # Errors
    /// The cluster does not know the kind, would refuse the object, or was lost.
    pub async fn would_become(&self, namespace: &str, object: &Object) -> Result<Difference, Error> {
        let (kind, name) = (object.kind().to_owned(), object.name().to_owned());
        let doing = format!("trying out {kind} `{name}`");
        let api = self.api_of(namespace, object, &doing).await?;
        let now = api.get_opt(&name).await.map_err(|source| Error::api(&doing, source))?;
        let params = PatchParams { dry_run: true, ..PatchParams::apply(HELM).force() };
        let then = api.patch(&name, &params, &Patch::Apply(&object.value)).await;
        let then = then.map_err(|source| Error::api(&doing, source))?;
        Ok(Difference { kind, name, now: now.map(plain), then: plain(then) })
    }

    async fn api_of(&self, namespace: &str, object: &Object, doing: &str) -> Result<Api<DynamicObject>, Error> {
        let (group, version) = object.text("/apiVersion").split_once('/').unwrap_or(("", object.text("/apiVersion")));
        let kind = GroupVersionKind::gvk(group, version, object.kind());
        let (resource, capabilities): (ApiResource, _) =
            discovery::pinned_kind(&self.client, &kind).await.map_err(|source| Error::api(doing, source))?;
        Ok(match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), namespace, &resource),
        })
    }
}

/// Without what the cluster keeps for itself and changes by itself.
fn plain(mut object: DynamicObject) -> Value {
    object.managed_fields_mut().clear();
    object.metadata.resource_version = None;
    object.metadata.generation = None;
    object.metadata.uid = None;
    object.metadata.creation_timestamp = None;
    let mut value = serde_json::to_value(&object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    value
}
