//! The resolved plan: the only thing verbs see of the settings.

use super::PodProbes;
use super::deployment::Deployment;
use crate::types::{ByteSize, ImageRef, Place, Platform, Severity, wildcard};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// All that is known of a project before a verb runs.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The project's directory, absolute, links resolved.
    pub root: PathBuf,
    /// Where `load` puts images: `minikube[:profile]`, `kind[:name]`, `docker:<host or context>`.
    pub target: String,
    /// The images, in the order of their names.
    pub images: Vec<ImagePlan>,
    /// Severities that differ from the rules' own; `None` switches a rule off.
    pub rules: BTreeMap<String, Option<Severity>>,
    /// Findings that are accepted for a time.
    pub allowances: Vec<Allowance>,
    /// How it is deployed, if the settings say that.
    pub deployment: Option<Deployment>,
    /// The files of journeys, absolute.
    pub journeys: Vec<PathBuf>,
}

/// A finding that is accepted for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// The rule.
    pub rule: String,
    /// The image; every one if none.
    pub image: Option<String>,
    /// Which files, variables, labels or build arguments; all if empty.
    pub only: Vec<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it is, in UTC.
    #[serde(serialize_with = "as_text")]
    pub until: Date,
    /// Where it is written.
    pub place: Place,
}

impl Plan {
    /// The allowances that are for `image`, over or not.
    pub fn allowances_of(&self, image: &ImagePlan) -> impl Iterator<Item = &Allowance> {
        self.allowances.iter().filter(|one| one.image.as_ref().is_none_or(|name| *name == image.name))
    }
}

impl Allowance {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() > self.until
    }

    /// Whether it accepts that `rule` finds `what`.
    pub fn accepts(&self, rule: &str, what: Option<&str>) -> bool {
        let named = |what: &str| self.only.iter().any(|pattern| wildcard(pattern, what));
        self.rule == rule && (self.only.is_empty() || what.is_some_and(named))
    }
}

fn as_text<S: serde::Serializer>(text: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(text)
}

/// One image of the plan. Paths are absolute.
#[derive(Clone, Debug, Serialize)]
pub struct ImagePlan {
    /// Its name in the plan.
    pub name: String,
    /// Settings describe it, or could; otherwise it is a name or an id from the command line.
    #[serde(skip)]
    pub described: bool,
    /// The build context.
    pub context: PathBuf,
    /// The Dockerfile, inside the context or not.
    pub dockerfile: PathBuf,
    /// The stage to build; the last one if none.
    pub stage: Option<String>,
    /// The platform to build for; the engine's own if none.
    pub platform: Option<Platform>,
    /// The names to give it; the first is its own tag.
    pub tags: Vec<ImageRef>,
    /// Build arguments.
    pub args: Vec<BuildArg>,
    /// Build secrets.
    pub secrets: Vec<Secret>,
    /// What its size must be less than.
    pub budget: Option<ByteSize>,
    /// What parts of it must be less than.
    pub budgets: Budgets,
    /// A user's name where a number is needed is an error.
    pub numeric_user: bool,
    /// What `smoke` asks of the running container.
    pub probe: Probe,
    /// How `smoke` runs it.
    pub run: RunPolicy,
    /// What must run beside it.
    pub needs: Vec<Need>,
    /// The probes that the pod of its chart has for it.
    #[serde(skip)]
    pub pod_probes: PodProbes,
}

impl ImagePlan {
    /// An image that no settings describe, called `name`: nothing to build it from, and the
    /// defaults for how it is probed and run.
    pub fn undescribed(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            described: false,
            context: PathBuf::new(),
            dockerfile: PathBuf::new(),
            stage: None,
            platform: None,
            tags: Vec::new(),
            args: Vec::new(),
            secrets: Vec::new(),
            budget: None,
            budgets: Budgets::default(),
            numeric_user: false,
            probe: Probe::default(),
            run: RunPolicy::default(),
            needs: Vec::new(),
            pod_probes: PodProbes::default(),
        }
    }
}

/// What parts of an image must be less than.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Budgets {
    /// What it has more than the image before.
    pub growth: Option<ByteSize>,
    /// Instructions, by how they begin.
    pub lines: BTreeMap<String, ByteSize>,
    /// Folders, with a leading slash and none behind.
    pub folders: BTreeMap<String, ByteSize>,
    /// Package managers and packages, as `MANAGER` or `MANAGER NAME`.
    pub packages: BTreeMap<String, ByteSize>,
}

impl Budgets {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A build argument; without a value the environment's is taken when the build starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildArg {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A build secret: mounted while a step runs, never kept in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Its id, as the Dockerfile names it.
    pub id: String,
    /// Where its value comes from.
    pub source: SecretSource,
    /// Absent is allowed.
    pub optional: bool,
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// A file's content.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// An HTTP probe, with the meaning it has for the kubelet.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// The path, with a leading `/`.
    pub path: String,
    /// The container's port; the image's only exposed port if none.
    pub port: Option<u16>,
    /// The status it must answer with; any from 200 to 399 if none, as for the kubelet.
    pub status: Option<u16>,
    /// What the body must contain.
    pub contains: Option<String>,
    /// How long it may take until the first answer that passes.
    #[serde(rename = "deadline_ms", serialize_with = "milliseconds")]
    pub deadline: Duration,
}

pub(super) fn milliseconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(duration.as_millis().try_into().unwrap_or(u64::MAX))
}

impl Default for Probe {
    fn default() -> Self {
        Self { path: "/health".into(), port: None, status: None, contains: None, deadline: Duration::from_secs(30) }
    }
}

/// How `smoke` runs a container.
#[derive(Clone, Debug, Serialize)]
pub struct RunPolicy {
    /// The user, as `uid[:gid]`; the image's own if none.
    pub user: Option<String>,
    /// Paths that may be written to; everything else is read-only.
    pub writable: Vec<String>,
    /// The memory limit.
    pub memory: ByteSize,
    /// The CPU limit, in cores.
    pub cpu: f64,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// What is run instead of the image's entry point.
    pub command: Option<Vec<String>>,
    /// Its arguments, instead of the image's own.
    pub args: Option<Vec<String>>,
    /// How long it may take from SIGTERM to its end.
    #[serde(rename = "grace_ms", serialize_with = "milliseconds")]
    pub grace: Duration,
}

impl Default for RunPolicy {
    fn default() -> Self {
        Self {
            user: None,
            writable: vec!["/tmp".into()],
            memory: ByteSize(512 << 20),
            cpu: 1.0,
            env: BTreeMap::new(),
            command: None,
            args: None,
            grace: Duration::from_secs(30),
        }
    }
}

/// Something that runs beside an image while it is probed.
#[derive(Clone, Debug, Serialize)]
pub struct Need {
    /// Its name, which is also its host name.
    pub name: String,
    /// Its image.
    pub image: ImageRef,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// A command that exits with 0 in it once it is ready, or a TCP port as `tcp:5432`.
    pub ready: Option<String>,
    /// It is the image of the plan that has this name, and `image` is that image's own tag.
    pub built_here: bool,
}
