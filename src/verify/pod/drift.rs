//! `settings.drift`: what the settings and the pod both say, and say differently. What `smoke` proved,
//! it proved under the settings.

use super::{Pod, items, text};
use crate::verify::subject::Draft;
use serde_json::Value;

pub(super) fn check(pod: &Pod) -> Vec<Draft> {
    let Some(run) = &pod.run else { return Vec::new() };
    let mut found = Vec::new();
    let mut differ = |what: &str, settings: String, there: String| {
        if settings != there {
            let hint = format!("let `{what}` in loadline.toml and the chart say the same");
            found.push(pod.draft("settings.drift", settings, format!("`{what}` is {there}")).hint(hint));
        }
    };
    if let Some((user, uid)) = run.user.as_deref().zip(pod.uid()) {
        differ("run.user", user.split(':').next().unwrap_or_default().to_owned(), uid.to_string());
    }
    let limit = |resource: &str| {
        let value = pod.container.pointer(&format!("/resources/limits/{resource}"))?;
        quantity(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    if let Some(memory) = limit("memory") {
        differ("run.memory", mebibytes(run.memory as f64), mebibytes(memory));
    }
    if let Some(cpu) = limit("cpu") {
        differ("run.cpu", format!("{} cores", run.cpu), format!("{cpu} cores"));
    }
    if let Some(grace) = pod.spec.get("terminationGracePeriodSeconds").and_then(Value::as_u64) {
        differ("run.grace", format!("{} s", run.grace), format!("{grace} s"));
    }
    for variable in items(&pod.container, "/env") {
        let (Some(name), Some(value)) = (text(variable, "/name"), text(variable, "/value")) else { continue };
        // The value may be a secret in the settings: that it differs is all that is said.
        if run.env.get(name).is_some_and(|settings| settings != value) {
            differ(&format!("run.env.{name}"), "the value of the settings".into(), "another".into());
        }
    }
    if let Some(path) = text(&pod.container, "/readinessProbe/httpGet/path") {
        differ("probe.path", run.path.clone(), path.to_owned());
    }
    if let Some((port, asked)) = run.port.zip(probed(pod)) {
        differ("probe.port", port.to_string(), asked.to_string());
    }
    found
}

/// The number of the port that the readiness probe asks.
fn probed(pod: &Pod) -> Option<u64> {
    match pod.container.pointer("/readinessProbe/httpGet/port")? {
        Value::String(name) => {
            let mut ports = items(&pod.container, "/ports");
            ports.find(|one| text(one, "/name") == Some(name))?.get("containerPort")?.as_u64()
        }
        number => number.as_u64(),
    }
}

fn mebibytes(bytes: f64) -> String {
    format!("{}MiB", bytes / 1_048_576.0)
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
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        assert_eq!(quantity("500m"), Some(0.5));
        assert_eq!(quantity("2"), Some(2.0));
        assert_eq!(quantity("256Mi"), Some(268_435_456.0));
        assert_eq!(quantity("1.5G"), Some(1.5e9));
        assert_eq!(quantity("1x"), None);
    }
}
