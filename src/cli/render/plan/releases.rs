//! The releases and the secrets of a plan.

use super::{Page, duration, list, quoted};
use crate::project::{Deployment, Release, ValueSource, join};
use serde_json::Value;

impl Page<'_> {
    pub(super) fn deployment(&mut self, deployment: &Deployment) {
        self.table("deploy");
        self.value("deploy", "namespace", &quoted(&deployment.namespace));
        self.optional("deploy", "context", deployment.context.as_deref().map(quoted), "the target's own");
        self.value("deploy", "pod-security", &quoted(deployment.pod_security.as_str()));
        self.value("deploy", "deadline", &duration(deployment.deadline));
        deployment.releases.iter().for_each(|release| self.release(release));
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
    }

    fn source(&self, source: &ValueSource) -> String {
        match source {
            ValueSource::Env(variable) => format!("{{ env = {} }}", quoted(variable)),
            ValueSource::File(file) => format!("{{ file = {} }}", self.path(file)),
            ValueSource::Generate(length) => format!("{{ generate = {length} }}"),
            ValueSource::Text(text) => format!("{{ text = {} }}", quoted(text)),
        }
    }
}

/// `value` as TOML writes it in one line.
fn toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| quoted(&value.to_string()), |value| value.to_string())
}
