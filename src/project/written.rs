//! `loadline.toml` as it is written: syntax only. The types are also the schema, and the schema
//! is the list of known keys.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The settings of a project, `loadline.toml`. Paths are relative to the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
#[schemars(title = "loadline.toml")]
pub struct File {
    /// The version of this format: 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub version: i64,
    /// Where `load` puts images: `minikube[:profile]`, `kind[:name]`, `docker:<host or context>`.
    /// Default: `minikube`.
    pub target: Option<String>,
    /// The images, by name.
    pub image: BTreeMap<String, Image>,
    /// Severities that differ from the rules' own, by rule.
    pub rules: BTreeMap<String, Level>,
    /// Findings that are accepted for a time.
    pub allow: Vec<Allow>,
    /// Where and how the releases are deployed.
    pub deploy: Deploy,
    /// The Helm releases, by name.
    pub release: BTreeMap<String, Release>,
    /// What `e2e` does.
    pub e2e: E2e,
    /// The Kubernetes secrets, by name; where the value of each key comes from.
    pub secret: BTreeMap<String, BTreeMap<String, Value>>,
}

/// One image.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Image {
    /// The build context, a directory. Default: the directory of the file.
    pub context: Option<String>,
    /// The Dockerfile. Default: the first of `NAME.Dockerfile`, `dockerfiles/NAME.Dockerfile` and
    /// `CONTEXT/Dockerfile` that exists.
    pub dockerfile: Option<String>,
    /// The stage to build. Default: the last.
    pub stage: Option<String>,
    /// The platform to build for, such as `linux/arm64`. Default: the engine's own.
    pub platform: Option<String>,
    /// The names to give the image; the first is its own. Default: `NAME:dev`.
    pub tag: Option<Tags>,
    /// Build arguments, by name.
    pub args: BTreeMap<String, Arg>,
    /// Build secrets, by id.
    pub secrets: BTreeMap<String, Secret>,
    /// What the image's size must be less than, such as `400MB`.
    pub budget: Option<String>,
    /// What parts of it must be less than.
    pub budgets: Budgets,
    /// A user's name where Kubernetes needs a number is an error. Default: `false`.
    pub numeric_user: Option<bool>,
    /// What `smoke` asks of the running container.
    pub probe: Probe,
    /// How `smoke` runs it.
    pub run: Run,
    /// What must run beside it, by host name.
    pub needs: BTreeMap<String, Need>,
}

/// A finding that is accepted for a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Allow {
    /// The rule.
    #[schemars(required)]
    pub rule: String,
    /// The image. Default: every one.
    pub image: Option<String>,
    /// Which files, variables, labels or build arguments; `*` stands for anything but `/`, `**` for
    /// anything. Default: all.
    pub only: Vec<String>,
    /// Why it is accepted.
    #[schemars(required)]
    pub reason: String,
    /// The last day on which it is (in UTC), such as `2027-01-31`.
    #[schemars(required)]
    pub until: String,
}

/// What parts of an image must be less than, each a size such as `40MB`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Budgets {
    /// What it has more than the image before: the last build before this one, or what `verify
    /// --against` names. Without one nothing is checked.
    pub growth: Option<String>,
    /// Instructions, by how they begin, such as `"COPY --from=deps"`; `FROM` is the base.
    pub lines: BTreeMap<String, String>,
    /// Folders with all that is below them, such as `"/app"`.
    pub folders: BTreeMap<String, String>,
    /// Package managers (`apk`, `dpkg`, `npm`, `pip`), and their packages, such as `"pip numpy"`; `*` in
    /// a name stands for anything.
    pub packages: BTreeMap<String, String>,
}

/// One name or more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a name such as \"shop/api:dev\", or a list of them")]
pub enum Tags {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// The value of a build argument: text, or an environment variable's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "text, or a table such as { env = \"VARIABLE\", optional = true }")]
pub enum Arg {
    /// Text.
    Text(String),
    /// An environment variable's value.
    Env {
        /// The variable.
        env: String,
        /// If it is not set, the argument is left out.
        #[serde(default)]
        optional: bool,
    },
}

/// A build secret; exactly one of `file` and `env`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Secret {
    /// The file that holds it.
    pub file: Option<String>,
    /// The environment variable that holds it.
    pub env: Option<String>,
    /// A build goes on without it. Default: `false`.
    pub optional: bool,
}

/// An HTTP probe, with the meaning it has for the kubelet.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Probe {
    /// The path. Default: `/health`.
    pub path: Option<String>,
    /// The container's port. Default: the only port that the image exposes.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The status it must answer with. Default: any from 200 to 399.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// What the body must contain.
    pub contains: Option<String>,
    /// How long it may take until the first answer that passes. Default: `30s`.
    pub deadline: Option<String>,
}

/// How `smoke` runs a container.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Run {
    /// The user, as `uid[:gid]`. Default: the image's own.
    pub user: Option<String>,
    /// Directories that may be written to, but not `/`; everything else is read-only. Default:
    /// `["/tmp"]`.
    pub writable: Option<Vec<String>>,
    /// The memory limit, from `6MiB`. Default: `512MiB`.
    pub memory: Option<String>,
    /// The CPU limit, in cores. Default: 1.
    #[schemars(range(min = 0.01))]
    pub cpu: Option<f64>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// What is run instead of the image's entry point. Default: that.
    pub command: Option<Vec<String>>,
    /// Its arguments. Default: the image's own, unless `command` is set.
    pub args: Option<Vec<String>>,
    /// How long it may take from SIGTERM to its end. Default: `30s`.
    pub grace: Option<String>,
}

/// Something that runs beside an image while it is probed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Need {
    /// Its image. Default: the image of this file that has the need's name.
    pub image: Option<String>,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// A command that exits with 0 in it once it is ready, or a TCP port as `tcp:5432`.
    pub ready: Option<String>,
}

/// How much a rule's findings matter.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// They fail the check.
    Error,
    /// They are said.
    Warn,
    /// The rule is not asked.
    Off,
}

/// Where and how the releases are deployed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Deploy {
    /// The namespace. Default: the name of the file's directory.
    pub namespace: Option<String>,
    /// The context of the kubeconfig. Default: the target's own, which is the Minikube profile or
    /// `kind-NAME`.
    pub context: Option<String>,
    /// The Pod Security Standard that the namespace enforces. Default: `restricted` if it is made, what
    /// it has if it is there.
    pub pod_security: Option<PodSecurity>,
    /// How long a release may take until it is ready. Default: `2m`.
    pub deadline: Option<String>,
}

/// A Pod Security Standard.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurity {
    /// No restrictions.
    Privileged,
    /// Against known privilege escalations.
    Baseline,
    /// Hardened.
    Restricted,
}

/// A Helm release.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Release {
    /// The chart, a directory. Default: the first of `k8s/charts/NAME` and `charts/NAME` that exists.
    pub chart: Option<String>,
    /// The image of this file that it runs. Default: the one that has the release's name, if there
    /// is one.
    pub image: Option<String>,
    /// Files of values; later ones win.
    pub values: Vec<String>,
    /// Values that win over those of the files.
    pub set: BTreeMap<String, serde_json::Value>,
    /// The releases that must be ready before it is installed.
    pub needs: Vec<String>,
    /// It is deployed only when it is named: what tests need beside the application. Default: `false`.
    pub on_request: bool,
}

/// What `e2e` does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct E2e {
    /// Files of journeys, or directories of such files (`*.toml`).
    pub journeys: Vec<String>,
}

/// Where the value of a secret's key comes from; exactly one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Value {
    /// The environment variable that holds it.
    pub env: Option<String>,
    /// The file that holds it, outside of the project.
    pub file: Option<String>,
    /// Make it of so many random characters, once, and keep it.
    #[schemars(range(min = 16, max = 256))]
    pub generate: Option<usize>,
    /// What is generated is never made anew: something else keeps it too, such as a database its
    /// password. Default: `false`.
    pub fixed: bool,
    /// Text with the values of other keys of the secret, as `${KEY}`.
    pub text: Option<String>,
}

/// The JSON schema of `loadline.toml`.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}
