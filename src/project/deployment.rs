//! How an application comes into a cluster: part of the plan.

use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// The releases, and what must be there before them.
#[derive(Clone, Debug, Serialize)]
pub struct Deployment {
    /// The namespace.
    pub namespace: String,
    /// The context of the kubeconfig; the target's own if none.
    pub context: Option<String>,
    /// What the namespace enforces. If none, one that is made enforces `restricted`, and one that is
    /// there is left as it is.
    pub pod_security: Option<PodSecurity>,
    /// How long a release may take until it is ready.
    #[serde(rename = "deadline_ms", serialize_with = "super::plan::milliseconds")]
    pub deadline: Duration,
    /// In the order in which they are installed: each behind all that it needs.
    pub releases: Vec<Release>,
    /// The Kubernetes secrets, in the order of their names.
    pub secrets: Vec<ClusterSecret>,
}

/// A Pod Security Standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurity {
    /// No restrictions.
    Privileged,
    /// Against known privilege escalations.
    Baseline,
    /// Hardened.
    Restricted,
}

impl PodSecurity {
    /// As the namespace's label has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// A Helm release.
#[derive(Clone, Debug, Serialize)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// The chart's directory, absolute.
    pub chart: PathBuf,
    /// The image of the plan that it runs, if it runs one.
    pub image: Option<String>,
    /// Files of values, absolute; later ones win.
    pub values: Vec<PathBuf>,
    /// Values that win over those of the files.
    pub set: serde_json::Map<String, serde_json::Value>,
    /// The releases that must be ready before.
    pub needs: Vec<String>,
    /// It is deployed only when it is named.
    pub on_request: bool,
}

/// A Kubernetes secret.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterSecret {
    /// Its name.
    pub name: String,
    /// Its keys, in the order of their names.
    pub keys: Vec<SecretKey>,
}

/// One key of a Kubernetes secret.
#[derive(Clone, Debug, Serialize)]
pub struct SecretKey {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub value: ValueSource,
}

/// Where the value of a secret's key comes from. None of these is a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueSource {
    /// An environment variable.
    Env(String),
    /// A file outside of the project, without the line's end.
    File(PathBuf),
    /// So many random characters, made once and kept; for ever, if `fixed`.
    Generate {
        /// How many characters.
        length: usize,
        /// Whether it is never made anew.
        fixed: bool,
    },
    /// Text with the values of other keys of the secret, as `${KEY}`.
    Text(String),
}

impl Deployment {
    /// The release that `image` is for: the one of its name, or the only one that runs it.
    pub fn own_release(&self, image: &str) -> Option<&Release> {
        let mut all = self.releases.iter().filter(|release| release.image.as_deref() == Some(image));
        let named = all.clone().find(|release| release.name == image);
        named.or_else(|| all.next().filter(|_| all.next().is_none()))
    }

    /// The release called `name`.
    pub fn release(&self, name: &str) -> Option<&Release> {
        self.releases.iter().find(|release| release.name == name)
    }
}
