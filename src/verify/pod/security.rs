//! What the namespace's Pod Security Standard does not admit
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).

use super::Pod;
use crate::chart::{items, text};
use crate::verify::subject::Draft;
use serde_json::Value;

pub(super) fn check(pod: &Pod) -> Vec<Draft> {
    let mut found = match pod.level {
        Some("restricted") => [baseline(pod), restricted(pod)].concat(),
        Some("baseline") => baseline(pod),
        _ => Vec::new(),
    };
    found.dedup();
    let level = pod.level.unwrap_or_default();
    let draft = |found: String| pod.draft("pod.security", format!("what the level `{level}` admits"), found);
    found.into_iter().map(draft).collect()
}

fn baseline(pod: &Pod) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod.spec.get(field) == Some(&Value::Bool(true)) {
            found.push(format!("`{field}: true`"));
        }
    }
    if pod.container.pointer("/securityContext/privileged") == Some(&Value::Bool(true)) {
        found.push("`privileged: true`".to_owned());
    }
    for volume in items(&pod.spec, "/volumes").filter(|volume| volume.get("hostPath").is_some()) {
        found.push(format!("the volume `{}` is a hostPath", text(volume, "/name").unwrap_or_default()));
    }
    let host = items(&pod.container, "/ports").filter_map(|port| port.get("hostPort")?.as_u64());
    found.extend(host.filter(|port| *port != 0).map(|port| format!("`hostPort: {port}`")));
    found
}

fn restricted(pod: &Pod) -> Vec<String> {
    let mut found = Vec::new();
    let own = |field: &str| pod.container.pointer(&format!("/securityContext/{field}"));
    if own("allowPrivilegeEscalation") != Some(&Value::Bool(false)) {
        found.push("`allowPrivilegeEscalation` is not false".to_owned());
    }
    if !items(&pod.container, "/securityContext/capabilities/drop").any(|one| one == "ALL") {
        found.push("`capabilities.drop` has no ALL".to_owned());
    }
    let added = items(&pod.container, "/securityContext/capabilities/add").filter_map(Value::as_str);
    let others = added.filter(|one| *one != "NET_BIND_SERVICE");
    found.extend(others.map(|one| format!("`capabilities.add` has {one}")));
    if pod.security("runAsNonRoot") != Some(&Value::Bool(true)) {
        found.push("`runAsNonRoot` is not true".to_owned());
    }
    if pod.uid() == Some(0) {
        found.push("`runAsUser` is 0".to_owned());
    }
    let seccomp = pod.security("seccompProfile").and_then(|profile| profile.get("type")?.as_str());
    if !matches!(seccomp, Some("RuntimeDefault" | "Localhost")) {
        found.push("`seccompProfile.type` is neither RuntimeDefault nor Localhost".to_owned());
    }
    found
}
