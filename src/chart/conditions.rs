//! How a pod runs and probes one of its containers.

use super::{items, probes, security, text};
use crate::project::{Conditions, PodProbe};
use crate::types::ByteSize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The conditions of `container` in a pod with this `spec` (Kubernetes API, `PodSpec`). What comes from
/// the cluster (secrets, config maps, fields of the pod) is not among them.
pub fn of(spec: &Value, container: &Value) -> Conditions {
    let pod = Pod { spec, container };
    let probes = probes::of(container);
    let (path, port) = pod.request();
    Conditions {
        user: pod.user(),
        writable: pod.writable(),
        memory: pod.limit("memory").map(|bytes| ByteSize(bytes as u64)),
        cpu: pod.limit("cpu"),
        grace: pod.grace(),
        env: pod.env(),
        command: words(container, "/command"),
        args: words(container, "/args"),
        path,
        port,
        deadline: probes.startup.as_ref().map(deadline),
        probes,
    }
}

/// When a startup probe has failed for the last time.
fn deadline(probe: &PodProbe) -> Duration {
    let seconds = |number: u32| u64::from(number);
    Duration::from_secs(seconds(probe.initial_delay) + seconds(probe.failures) * seconds(probe.period))
}

#[derive(Clone, Copy)]
struct Pod<'v> {
    spec: &'v Value,
    container: &'v Value,
}

impl Pod<'_> {
    fn user(&self) -> Option<String> {
        let uid = security(self.spec, self.container, "runAsUser")?.as_u64()?;
        let group = security(self.spec, self.container, "runAsGroup").and_then(Value::as_u64);
        Some(group.map_or_else(|| uid.to_string(), |group| format!("{uid}:{group}")))
    }

    /// The directories that can be written to, if that is not all of them.
    fn writable(&self) -> Option<Vec<String>> {
        let read_only = security(self.spec, self.container, "readOnlyRootFilesystem") == Some(&Value::Bool(true));
        let own = |mount: &&Value| !is_true(mount, "readOnly") && self.is_own_volume(text(mount, "/name"));
        let mounts = items(self.container, "/volumeMounts").filter(own);
        read_only.then(|| mounts.filter_map(|mount| text(mount, "/mountPath").map(str::to_owned)).collect())
    }

    /// Whether the volume is the pod's, and not something of the cluster's that is shown in it.
    fn is_own_volume(&self, name: Option<&str>) -> bool {
        let own = ["emptyDir", "persistentVolumeClaim", "ephemeral"];
        let found = items(self.spec, "/volumes").find(|volume| text(volume, "/name") == name);
        // A claim of a StatefulSet is no volume of the template.
        found.is_none_or(|volume| own.iter().any(|kind| volume.get(kind).is_some()))
    }

    fn limit(&self, resource: &str) -> Option<f64> {
        let value = self.container.pointer(&format!("/resources/limits/{resource}"))?;
        quantity(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// From SIGTERM on: what sleeps before it is part of the pod's time.
    fn grace(&self) -> Option<Duration> {
        let all = self.spec.get("terminationGracePeriodSeconds")?.as_u64()?;
        let before = self.container.pointer("/lifecycle/preStop/sleep/seconds").and_then(Value::as_u64);
        Some(Duration::from_secs(all.saturating_sub(before.unwrap_or_default())))
    }

    /// Those with a value, unless it is the path of something that only the cluster has.
    fn env(&self) -> BTreeMap<String, String> {
        let foreign = items(self.container, "/volumeMounts")
            .filter(|mount| !self.is_own_volume(text(mount, "/name")))
            .filter_map(|mount| text(mount, "/mountPath"));
        let foreign: Vec<&str> = foreign.collect();
        let here = |value: &str| !foreign.iter().any(|mount| std::path::Path::new(value).starts_with(mount));
        let pair = |variable| Some((text(variable, "/name")?, text(variable, "/value")?));
        let pairs = items(self.container, "/env").filter_map(pair).filter(|(_, value)| here(value));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Path and port that the readiness probe asks, if it asks by plain HTTP.
    fn request(&self) -> (Option<String>, Option<u16>) {
        let Some(get) = self.container.pointer("/readinessProbe/httpGet") else { return (None, None) };
        if text(get, "/scheme").is_some_and(|scheme| scheme != "HTTP") {
            return (None, None);
        }
        let port = get.get("port").and_then(|port| probes::port(self.container, port));
        (Some(text(get, "/path").unwrap_or("/").to_owned()), port)
    }
}

fn is_true(value: &Value, field: &str) -> bool {
    value.get(field) == Some(&Value::Bool(true))
}

fn words(container: &Value, pointer: &str) -> Option<Vec<String>> {
    let words: Vec<String> = items(container, pointer).filter_map(Value::as_str).map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// A quantity as Kubernetes writes it, such as `500m` or `256Mi`.
fn quantity(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    let quantity = digits.parse::<f64>().ok()? * factor;
    (quantity.is_finite() && quantity >= 0.0).then_some(quantity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container() -> Value {
        json!({
            "command": ["/app/serve"],
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": [
                {"name": "MODE", "value": "cluster"},
                {"name": "TOKEN_FILE", "value": "/run/secrets/app/TOKEN"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "startupProbe": {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 2, "failureThreshold": 20},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "resources": {"limits": {"cpu": "250m", "memory": "64Mi"}},
            "securityContext": {"readOnlyRootFilesystem": true},
            "volumeMounts": [
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "data", "mountPath": "/data"},
                {"name": "secrets", "mountPath": "/run/secrets/app"},
            ],
        })
    }

    fn spec() -> Value {
        json!({
            "terminationGracePeriodSeconds": 30,
            "securityContext": {"runAsUser": 1000, "runAsGroup": 2000},
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "secrets", "secret": {"secretName": "s"}}],
        })
    }

    #[test]
    fn all_that_the_pod_says_is_taken() {
        let said = of(&spec(), &container());
        let expected = Conditions {
            user: Some("1000:2000".into()),
            // The claim of a StatefulSet, too.
            writable: Some(vec!["/tmp".into(), "/data".into()]),
            memory: Some(ByteSize(64 << 20)),
            cpu: Some(0.25),
            grace: Some(Duration::from_secs(25)),
            env: BTreeMap::from([("MODE".into(), "cluster".into())]),
            command: Some(vec!["/app/serve".into()]),
            args: None,
            path: Some("/ready".into()),
            port: Some(8080),
            deadline: Some(Duration::from_secs(40)),
            probes: probes::of(&container()),
        };
        assert_eq!(said, expected);
        assert!(said.probes.startup.is_some() && said.probes.readiness.is_some());
    }

    #[test]
    fn what_the_pod_does_not_say_is_not_made_up() {
        assert_eq!(of(&json!({}), &json!({})), Conditions::default());
        let secure = json!({"readinessProbe": {"httpGet": {"scheme": "HTTPS", "port": 8443}}});
        let said = of(&json!({}), &secure);
        assert_eq!((said.path, said.port, said.deadline), (None, None, None));
    }

    #[test]
    fn quantities_are_read() {
        assert_eq!(quantity("500m"), Some(0.5));
        assert_eq!(quantity("2"), Some(2.0));
        assert_eq!(quantity("256Mi"), Some(268_435_456.0));
        assert_eq!(quantity("1.5G"), Some(1.5e9));
        for no_limit in ["1x", "-1", "1e400", "", "Mi"] {
            assert_eq!(quantity(no_limit), None, "{no_limit}");
        }
    }
}
