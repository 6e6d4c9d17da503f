//! The real Helm: what it renders, installs, rolls back and removes.

use super::{Error, template};
use crate::cluster::{Object, Recorded};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::Command;

/// The oldest that is known to work.
const OLDEST: (u32, u32) = (3, 14);
/// How many old revisions are kept to go back to.
const HISTORY: &str = "10";

/// The program, for one namespace of one cluster.
#[derive(Clone)]
pub struct Helm {
    program: PathBuf,
    context: String,
    namespace: String,
    /// What it rendered: the same charts are wanted by the check before a deployment, and by that.
    rendered: Arc<Mutex<HashMap<String, Vec<Object>>>>,
}

/// What is installed.
pub struct Chart<'a> {
    /// The name of the release.
    pub release: &'a str,
    /// The chart's directory.
    pub directory: &'a Path,
    /// Files of values; later ones win.
    pub files: &'a [PathBuf],
    /// Values that win over those.
    pub set: &'a Value,
}

/// What Helm says after an upgrade.
#[derive(Deserialize)]
struct Done {
    version: u32,
}

/// A revision of a release.
#[derive(Clone, Debug, Deserialize)]
pub struct Revision {
    /// Its number, from 1.
    pub revision: u32,
    /// `deployed`, `superseded`, `failed`, `pending-install`, …
    pub status: String,
    /// When it was last changed, as Helm writes it.
    #[serde(default)]
    pub updated: String,
}

impl From<Recorded> for Revision {
    fn from(Recorded { revision, status }: Recorded) -> Self {
        Self { revision, status, updated: String::new() }
    }
}

impl Revision {
    /// Whether a run of Helm holds the release, or died while it did.
    pub fn is_pending(&self) -> bool {
        self.status.starts_with("pending-")
    }

    /// Whether it was last changed longer ago than `time`; yes if nobody knows.
    pub fn is_older_than(&self, time: Duration) -> bool {
        let since = |then: Timestamp| Timestamp::now().duration_since(then);
        self.updated.parse().map_or(true, |then| since(then).unsigned_abs() > time)
    }
}

impl Helm {
    /// The Helm on the `PATH`, for no cluster.
    ///
    /// # Errors
    /// There is none, or one that is too old.
    pub async fn find() -> Result<Self, Error> {
        let (context, namespace) = (String::new(), "default".to_owned());
        let helm = Self { program: "helm".into(), context, namespace, rendered: Arc::default() };
        let said = helm.command(&["version", "--short"]).output().await;
        let said = said.map_err(|source| Error::NoHelm { source })?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let version = version(&text).ok_or_else(|| Error::HelmVersion { found: text.clone(), oldest: OLDEST })?;
        if version < OLDEST { Err(Error::HelmVersion { found: text, oldest: OLDEST }) } else { Ok(helm) }
    }

    /// The same for `namespace` of the cluster that the kubeconfig calls `context`.
    pub fn at(&self, context: &str, namespace: &str) -> Self {
        Self { context: context.to_owned(), namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Whether it keeps its record in Secrets of the namespace, which it does unless told otherwise.
    pub(super) fn records_in_secrets() -> bool {
        std::env::var("HELM_DRIVER").map_or(true, |driver| matches!(driver.as_str(), "" | "secret" | "secrets"))
    }

    /// The objects of `chart` as the cluster would get them; hooks are left out. Nothing is changed,
    /// and no cluster is asked. One that was rendered before by this or a copy of it is not rendered
    /// again.
    ///
    /// # Errors
    /// The chart, its values or what comes of them is wrong.
    pub async fn render(&self, chart: &Chart<'_>) -> Result<Vec<Object>, Error> {
        let Chart { release, directory, files, set } = chart;
        let key = format!("{} {release} {} {files:?} {set}", self.namespace, directory.display());
        let lock = || self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).cloned();
        if let Some(objects) = known {
            return Ok(objects);
        }
        let objects = self.template(chart).await?;
        lock().insert(key, objects.clone());
        Ok(objects)
    }

    async fn template(&self, chart: &Chart<'_>) -> Result<Vec<Object>, Error> {
        let values = values_file(chart.set)?;
        let mut words: Vec<OsString> = vec!["template".into(), chart.release.into(), chart.directory.into()];
        words.extend(["--no-hooks", "--include-crds"].map(OsString::from));
        words.extend(value_words(chart.files, values.path()));
        objects(&self.run(Subject::from(chart), "rendering", &words).await?, chart.release)
    }

    /// Installs or upgrades `chart`; ends when the cluster has its objects, ready or not. Gives the
    /// new revision. `tried` says that the cluster would take all of its objects: Helm need not fetch
    /// and read the cluster's whole schema then, which is most of the time that it takes.
    ///
    /// # Errors
    /// Helm or the cluster refused, or a hook failed.
    pub async fn upgrade(&self, chart: &Chart<'_>, tried: bool) -> Result<u32, Error> {
        let values = values_file(chart.set)?;
        let mut words: Vec<OsString> = vec!["upgrade".into(), "--install".into(), chart.release.into()];
        words.push(chart.directory.into());
        // Without it Helm takes the values of the revision before where it is given none.
        words.extend(["--reset-values", "--history-max", HISTORY, "--output", "json"].map(OsString::from));
        words.extend(tried.then(|| "--disable-openapi-validation".into()));
        words.extend(value_words(chart.files, values.path()));
        let text = self.run(Subject::from(chart), "installing", &words).await?;
        let done: Done = serde_json::from_str(&text)
            .map_err(|source| Error::NotUnderstood { release: chart.release.to_owned(), source })?;
        Ok(done.version)
    }

    /// The revisions of `release`, the oldest first; none if it was never installed.
    ///
    /// # Errors
    /// Helm failed, or says what cannot be understood.
    pub async fn history(&self, release: &str) -> Result<Vec<Revision>, Error> {
        let words = ["history", release, "--output", "json"].map(OsString::from);
        let text = match self.run(Subject::from(release), "asking for the history of", &words).await {
            Err(Error::Helm { said, .. }) if said.contains("not found") => return Ok(Vec::new()),
            text => text?,
        };
        serde_json::from_str(&text).map_err(|source| Error::NotUnderstood { release: release.to_owned(), source })
    }

    /// The objects that `release` has in the cluster, by Helm's record.
    ///
    /// # Errors
    /// There is no such release, or Helm failed.
    pub async fn manifest(&self, release: &str) -> Result<Vec<Object>, Error> {
        let words = ["get", "manifest", release].map(OsString::from);
        objects(&self.run(Subject::from(release), "reading", &words).await?, release)
    }

    /// Goes back to `revision`.
    ///
    /// # Errors
    /// Helm or the cluster refused.
    pub async fn rollback(&self, release: &str, revision: u32) -> Result<(), Error> {
        let words = ["rollback".into(), release.into(), revision.to_string().into()];
        self.run(Subject::from(release), "rolling back", &words).await.map(drop)
    }

    /// Removes `release`; false if it was not there.
    ///
    /// # Errors
    /// Helm or the cluster refused.
    pub async fn uninstall(&self, release: &str) -> Result<bool, Error> {
        let words = ["uninstall", release].map(OsString::from);
        match self.run(Subject::from(release), "removing", &words).await {
            Err(Error::Helm { said, .. }) if said.contains("not found") => Ok(false),
            done => done.map(|_| true),
        }
    }

    fn command(&self, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = Command::new(&self.program);
        // Ctrl-C is for us: Helm, broken off, leaves a release that no other run may touch.
        command.args(words).stdin(Stdio::null()).process_group(0);
        command
    }

    async fn run(&self, subject: Subject<'_>, doing: &'static str, words: &[OsString]) -> Result<String, Error> {
        let mut command = self.command(words);
        command.args(["--namespace", &self.namespace, "--kube-context", &self.context]);
        let output = command.output().await.map_err(|source| Error::NoHelm { source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("Error: ").to_owned();
        let at = subject.chart.and_then(|chart| template::place(&said, chart));
        Err(Error::Helm { release: subject.release.to_owned(), doing, said, at })
    }
}

/// What a run of Helm is about.
struct Subject<'a> {
    release: &'a str,
    /// The chart's directory, if it is read.
    chart: Option<&'a Path>,
}

impl<'a> From<&'a str> for Subject<'a> {
    fn from(release: &'a str) -> Self {
        Self { release, chart: None }
    }
}

impl<'a> From<&'a Chart<'_>> for Subject<'a> {
    fn from(chart: &'a Chart<'_>) -> Self {
        Self { release: chart.release, chart: Some(chart.directory) }
    }
}

/// `v4.1.4+g05fa379` as `(4, 1)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A file, because arguments can be seen by everybody on the machine.
fn values_file(set: &Value) -> Result<tempfile::NamedTempFile, Error> {
    let written = tempfile::Builder::new().prefix("loadline-").suffix(".json").tempfile().and_then(|mut file| {
        file.write_all(set.to_string().as_bytes())?;
        Ok(file)
    });
    written.map_err(|source| Error::Values { source })
}

fn value_words(files: &[PathBuf], last: &Path) -> Vec<OsString> {
    let all = files.iter().map(PathBuf::as_path).chain([last]);
    all.flat_map(|file| ["--values".into(), file.as_os_str().to_owned()]).collect()
}

fn objects(yaml: &str, release: &str) -> Result<Vec<Object>, Error> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)
        .map_err(|source| Error::NotYaml { release: release.to_owned(), source: Box::new(source) })?;
    Ok(documents.into_iter().filter(Value::is_object).map(|value| Object { value }).collect())
}

/// `object` with what Helm adds to all that it installs (`setMetadataVisitor` in its `pkg/action`).
pub(super) fn marked(object: &Object, release: &str, namespace: &str) -> Object {
    let mut value = object.value.clone();
    let additions = [
        ("labels", "app.kubernetes.io/managed-by", "Helm"),
        ("annotations", "meta.helm.sh/release-name", release),
        ("annotations", "meta.helm.sh/release-namespace", namespace),
    ];
    for (map, key, text) in additions {
        if !value["metadata"][map].is_object() {
            value["metadata"][map] = json!({});
        }
        value["metadata"][map][key] = json!(text);
    }
    Object { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("v4.1.4+g05fa379"), Some((4, 1)));
        assert_eq!(version("v3.14.0"), Some((3, 14)));
        assert_eq!(version("helm"), None);
    }

    #[test]
    fn documents_without_content_are_no_objects() {
        let found = objects("---\n# only a comment\n---\nkind: A\nmetadata: {name: x}\n---\n", "r").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind(), found[0].name()), ("A", "x"));
    }
}
