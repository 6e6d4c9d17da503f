//! Releases and secrets: where they go, and in which order.

use super::{Resolver, values};
use crate::project::deployment::{ClusterSecret, Deployment, PodSecurity, Release, SecretKey, ValueSource};
use crate::project::keys::nearest;
use crate::project::problem::{UnknownPart, Wrong};
use crate::project::spans::join;
use crate::project::written;
use crate::types::short_path;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A release that takes longer does not become ready any more.
const DEADLINE: Duration = Duration::from_secs(120);
/// The longest name of a namespace (RFC 1123 label).
const LONGEST_LABEL: usize = 63;
/// The longest name of a release, as Helm has it.
const LONGEST_RELEASE: usize = 53;
/// The longest name of a secret (RFC 1123 subdomain).
const LONGEST_NAME: usize = 253;

impl Resolver<'_> {
    /// How the application is deployed, if there is a release.
    pub(super) fn deployment(
        &mut self,
        deploy: written::Deploy,
        releases: BTreeMap<String, written::Release>,
        secrets: BTreeMap<String, BTreeMap<String, written::Value>>,
        images: &[String],
    ) -> Option<Deployment> {
        let namespace = self.namespace(deploy.namespace);
        let context = self.parse("deploy.context", deploy.context, |text| Ok(text.to_owned()));
        let pod_security = self.pod_security(deploy.pod_security);
        let deadline = self.parse("deploy.deadline", deploy.deadline, values::deadline).unwrap_or(DEADLINE);
        let secrets = secrets.into_iter().filter_map(|(name, keys)| self.secret(name, keys)).collect();
        let names: Vec<String> = releases.keys().cloned().collect();
        let releases: Vec<Release> =
            releases.into_iter().filter_map(|(name, release)| self.release(name, release, &names, images)).collect();
        if releases.is_empty() {
            return None;
        }
        let releases = self.in_order(releases);
        Some(Deployment { namespace: namespace?, context, pod_security, deadline, releases, secrets })
    }

    fn namespace(&mut self, written: Option<String>) -> Option<String> {
        const PATH: &str = "deploy.namespace";
        if written.is_some() {
            return self.parse(PATH, written, namespace);
        }
        let directory = self.root.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = directory.chars().map(plain).collect();
        let name = name.trim_matches('-').to_owned();
        self.origins.guess(PATH, "the directory's name");
        Some(if namespace(&name).is_ok() { name } else { "default".to_owned() })
    }

    fn pod_security(&mut self, written: Option<written::PodSecurity>) -> Option<PodSecurity> {
        self.plain("deploy.pod-security", written).map(|level| match level {
            written::PodSecurity::Privileged => PodSecurity::Privileged,
            written::PodSecurity::Baseline => PodSecurity::Baseline,
            written::PodSecurity::Restricted => PodSecurity::Restricted,
        })
    }

    fn release(
        &mut self,
        name: String,
        release: written::Release,
        names: &[String],
        images: &[String],
    ) -> Option<Release> {
        let path = join("release", &name);
        self.written(&path);
        if let Err(wrong) = kubernetes_name(&name, "a release", LONGEST_RELEASE) {
            self.wrong_key(&path, wrong);
            return None;
        }
        let chart = self.chart(&path, &name, release.chart);
        let image = self.image_of(&path, &name, release.image, images);
        let values = release.values.iter().filter_map(|text| self.values_file(&path, text)).collect();
        for key in release.set.keys() {
            self.written(&join(&join(&path, "set"), key));
        }
        for need in &release.needs {
            self.written(&join(&path, "needs"));
            if !names.contains(need) || *need == name {
                let others = names.iter().filter(|other| **other != name);
                self.unknown_part(&join(&path, "needs"), &name, "needs", need, "the releases", others);
            }
        }
        let set = release.set.into_iter().collect();
        let on_request = release.on_request;
        Some(Release { name, chart: chart?, image, values, set, needs: release.needs, on_request })
    }

    fn chart(&mut self, release: &str, name: &str, written: Option<String>) -> Option<PathBuf> {
        let path = join(release, "chart");
        let is_chart = |directory: &PathBuf| directory.join("Chart.yaml").is_file();
        if let Some(text) = written {
            self.written(&path);
            let directory = self.absolute(&text);
            if is_chart(&directory) {
                return directory.canonicalize().ok();
            }
            let why = if directory.is_dir() { "has no Chart.yaml" } else { "is no directory" };
            self.wrong(&path, Wrong::Chart { path: text, why });
            return None;
        }
        let candidates = ["k8s/charts", "charts"].map(|parent| self.root.join(parent).join(name));
        let looked_for: Vec<String> = candidates.iter().map(|path| short_path(path, &[self.root])).collect();
        let Some(found) = candidates.iter().find(|candidate| is_chart(candidate)) else {
            self.wrong_key(release, Wrong::NoChart { release: name.to_owned(), looked_for });
            return None;
        };
        self.origins.guess(path, format!("the first that exists of {}", looked_for.join(", ")));
        found.canonicalize().ok()
    }

    fn image_of(&mut self, release: &str, name: &str, written: Option<String>, images: &[String]) -> Option<String> {
        let path = join(release, "image");
        match written {
            Some(image) => {
                self.written(&path);
                if images.contains(&image) {
                    return Some(image);
                }
                self.unknown_part(&path, name, "runs", &image, "the images", images.iter());
                None
            }
            None => {
                let same = images.iter().find(|image| *image == name).cloned();
                if same.is_some() {
                    self.origins.guess(path, "the image that has the release's name");
                }
                same
            }
        }
    }

    fn values_file(&mut self, release: &str, text: &str) -> Option<PathBuf> {
        let path = join(release, "values");
        self.written(&path);
        let file = self.absolute(text);
        if file.is_file() {
            return Some(file);
        }
        self.wrong_part(&path, text, Wrong::Values { path: text.to_owned() });
        None
    }

    fn unknown_part<'a>(
        &mut self,
        path: &str,
        release: &str,
        what: &'static str,
        name: &str,
        of: &'static str,
        known: impl Iterator<Item = &'a String>,
    ) {
        let known: Vec<String> = known.cloned().collect();
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        let text = name.to_owned();
        let part = UnknownPart { release: release.to_owned(), what, name: text.clone(), of, nearest: near, known };
        self.wrong_part(path, &text, Wrong::UnknownPart(Box::new(part)));
    }

    /// Each release behind all that it needs, otherwise in the order of their names.
    fn in_order(&mut self, releases: Vec<Release>) -> Vec<Release> {
        let (mut left, mut ordered): (Vec<Release>, Vec<Release>) = (releases, Vec::new());
        while !left.is_empty() {
            let waits = |release: &Release| release.needs.iter().any(|need| left.iter().any(|one| one.name == *need));
            match left.iter().position(|release| !waits(release)) {
                Some(next) => ordered.push(left.remove(next)),
                None => {
                    let circle: Vec<String> = left.iter().map(|release| release.name.clone()).collect();
                    let path = circle.first().map(|name| join(&join("release", name), "needs")).unwrap_or_default();
                    self.wrong(&path, Wrong::ReleaseCircle { circle });
                    break;
                }
            }
        }
        ordered
    }

    fn secret(&mut self, name: String, keys: BTreeMap<String, written::Value>) -> Option<ClusterSecret> {
        let path = join("secret", &name);
        self.written(&path);
        if let Err(wrong) = kubernetes_name(&name, "a secret", LONGEST_NAME) {
            self.wrong_key(&path, wrong);
            return None;
        }
        let names: Vec<String> = keys.keys().cloned().collect();
        let key = |(key, value): (String, written::Value)| {
            let at = join(&path, &key);
            self.written(&at);
            let value = self.value(&at, &name, &key, value, &names)?;
            Some(SecretKey { name: key, value })
        };
        let keys = keys.into_iter().filter_map(key).collect();
        Some(ClusterSecret { name, keys })
    }

    fn value(
        &mut self,
        path: &str,
        secret: &str,
        key: &str,
        value: written::Value,
        names: &[String],
    ) -> Option<ValueSource> {
        let (secret, key) = (secret.to_owned(), key.to_owned());
        match value {
            written::Value { env: Some(variable), file: None, generate: None, fixed: false, text: None } => {
                Some(ValueSource::Env(variable))
            }
            written::Value { env: None, file: Some(text), generate: None, fixed: false, text: None } => {
                let home = text.strip_prefix("~/").zip((self.variables)("HOME"));
                let file = home.map_or_else(|| self.absolute(&text), |(rest, home)| PathBuf::from(home).join(rest));
                // What lies in the project ends up in a commit or in a build context one day.
                let real = file.canonicalize().unwrap_or_else(|_| file.clone());
                if real.starts_with(self.root) {
                    self.wrong(path, Wrong::SecretInside { secret, key, path: text });
                    return None;
                }
                Some(ValueSource::File(file))
            }
            written::Value { env: None, file: None, generate: Some(length), fixed, text: None } => {
                if !(16..=256).contains(&length) {
                    self.wrong(path, Wrong::Value { what: "a secret is made of 16 to 256 characters" });
                    return None;
                }
                Some(ValueSource::Generate { length, fixed })
            }
            written::Value { env: None, file: None, generate: None, fixed: false, text: Some(text) } => {
                self.text_of(path, secret, key, text, names)
            }
            _ => {
                self.wrong(path, Wrong::ValueSource { secret, key });
                None
            }
        }
    }

    fn text_of(
        &mut self,
        path: &str,
        secret: String,
        key: String,
        text: String,
        names: &[String],
    ) -> Option<ValueSource> {
        let others = references(&text);
        if others.is_empty() {
            self.wrong(path, Wrong::PlainSecret { secret, key });
            return None;
        }
        for other in others {
            let why = if other == key {
                "which is itself"
            } else if !names.contains(&other) {
                "which is no key of it"
            } else {
                continue;
            };
            self.wrong(path, Wrong::SecretReference { secret, key, other, why });
            return None;
        }
        Some(ValueSource::Text(text))
    }
}

/// The names in `${NAME}` of `text`.
fn references(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(name, _)| name.to_owned())).collect()
}

/// `text`, if it can be the name of a namespace.
///
/// # Errors
/// Kubernetes would not take it.
pub fn namespace(text: &str) -> Result<String, Wrong> {
    kubernetes_name(text, "a namespace", LONGEST_LABEL)
}

/// `text`, if Kubernetes takes it as a name (RFC 1123).
fn kubernetes_name(text: &str, what: &'static str, most: usize) -> Result<String, Wrong> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    let good = text.len() <= most && text.chars().all(inside) && edge(text.chars().next()) && edge(text.chars().last());
    if good { Ok(text.to_owned()) } else { Err(Wrong::KubernetesName { name: text.to_owned(), what, most }) }
}
