//! A file of journeys as it is written: syntax only. The types are also the schema, and the schema
//! is the list of known keys.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Journeys through a deployed application. In every text `{name}` is what an earlier step captured,
/// `{random}` is different in each journey and run, and `{env:NAME}` is an environment variable.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
#[schemars(title = "journeys")]
pub struct File {
    /// The service that is asked, unless a step names another. Default: the only one whose address is
    /// known.
    pub service: Option<String>,
    /// The journeys, which are made one after the other.
    #[schemars(required)]
    pub journey: Vec<Journey>,
}

/// What one visitor does. A journey knows nothing of the others.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Journey {
    /// What it shows, such as `a task is created`.
    #[schemars(required)]
    pub name: Option<String>,
    /// Its steps. The first that fails ends it.
    #[schemars(required)]
    pub step: Vec<Step>,
}

/// One request, and what its answer must be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Step {
    /// What it is called when it fails. Default: its request.
    pub name: Option<String>,
    /// Method and path, such as `GET /api/tasks/{id}`.
    #[schemars(required)]
    pub request: Option<String>,
    /// The service that is asked. Default: the file's.
    pub service: Option<String>,
    /// Headers to send.
    pub headers: BTreeMap<String, String>,
    /// A body to send, as JSON.
    pub json: Option<Value>,
    /// A body to send, as a form.
    pub form: Option<BTreeMap<String, String>>,
    /// A body to send, as it stands.
    pub body: Option<String>,
    /// Redirects are followed, as long as they lead to the same host and port. Default: `false`.
    pub follow_redirects: bool,
    /// How long an answer may take. Default: `10s`.
    pub timeout: Option<String>,
    /// The step is tried again until it passes or this time is over, such as `30s`. Default: it is tried
    /// once.
    pub within: Option<String>,
    /// What the answer must be.
    pub expect: Expect,
    /// What later steps need of the answer, by name: `json:/pointer`, `header:NAME` or `cookie:NAME`.
    pub capture: BTreeMap<String, String>,
}

/// What an answer must be. All of it must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Expect {
    /// The status, such as `201`. Default: any from 200 to 299.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// Headers, each with its whole value.
    pub headers: BTreeMap<String, String>,
    /// What the body must hold, as JSON. Objects may have more than is named here; lists may not. A key
    /// that begins with `/` is a JSON Pointer.
    pub json: Option<Value>,
    /// Text that the body must contain.
    pub contains: Option<Texts>,
    /// Text that the body must not contain.
    pub absent: Option<Texts>,
}

/// One text or more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "text, or a list of texts")]
pub enum Texts {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// The JSON schema of a file of journeys.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}
