//! The releases and the secrets of a plan.

use super::{Page, duration, list, quoted};
use crate::project::{Deployment, Release, ValueSource, join};
use serde_json::Value;
use std::path::PathBuf;

impl Page<'_> {
    pub(super) fn deployment(&mut self, deployment: &Deployment) {
        self.table("deploy");
        self.value("deploy", "namespace", &quoted(&deployment.namespace));
        self.optional("deploy", "context", deployment.context.as_deref().map(quoted), "the target's own");
        let level = deployment.pod_security.map(|level| quoted(level.as_str()));
        self.optional("deploy", "pod-security", level, "restricted, where the namespace is made");
        self.value("deploy", "deadline", &duration(deployment.deadline));
        deployment.releases.iter().for_each(|release| self.release(release));
        self.secrets(deployment);
    }

    /// The journeys of `e2e`.
    pub(super) fn journeys(&mut self, files: &[PathBuf]) {
        if !files.is_empty() {
            self.table("e2e");
            let files: Vec<String> = files.iter().map(|file| self.path(file)).collect();
            self.value("e2e", "journeys", &format!("[{}]", files.join(", ")));
        }
    }

    fn secrets(&mut self, deployment: &Deployment) {
        for secret in &deployment.secrets {
            let path = join("secret", &secret.name);
            self.table(&path);
            for key in &secret.keys {
                self.value(&path, &key.name, &self.source(&key.value));
            }
        }
    }

    fn release(&mut self, release: &Release) {
        let path = join("release", &release.name);
        self.table(&path);
        self.value(&path, "chart", &self.path(&release.chart));
        self.optional(&path, "image", release.image.as_deref().map(quoted), "none of these");
        let files: Vec<String> = release.values.iter().map(|file| self.path(file)).collect();
        self.value(&path, "values", &format!("[{}]", files.join(", ")));
        for (key, value) in &release.set {
            self.nested(&path, "set", key, &toml(value));
        }
        self.value(&path, "needs", &list(release.needs.iter().cloned()));
        self.value(&path, "on-request", &release.on_request.to_string());
    }

    fn source(&self, source: &ValueSource) -> String {
        match source {
            ValueSource::Env(variable) => format!("{{ env = {} }}", quoted(variable)),
            ValueSource::File(file) => format!("{{ file = {} }}", self.path(file)),
            ValueSource::Generate { length, fixed: false } => format!("{{ generate = {length} }}"),
            ValueSource::Generate { length, fixed: true } => format!("{{ generate = {length}, fixed = true }}"),
            ValueSource::Text(text) => format!("{{ text = {} }}", quoted(text)),
        }
    }
}

/// `value` as TOML writes it in one line.
fn toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| quoted(&value.to_string()), |value| value.to_string())
}
