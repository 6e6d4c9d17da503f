//! The probes of a container of a pod.

use super::{items, text};
use crate::project::{PodProbe, PodProbes, ProbeAction};
use serde_json::Value;

/// What the Kubernetes API makes of a field of a probe that is not said, or is 0.
const PERIOD: u32 = 10;
const TIMEOUT: u32 = 1;
const FAILURES: u32 = 3;

/// All probes of `container`.
pub fn of(container: &Value) -> PodProbes {
    let probe = |field: &str| container.get(field).filter(|probe| probe.is_object()).map(|probe| one(container, probe));
    PodProbes { startup: probe("startupProbe"), liveness: probe("livenessProbe"), readiness: probe("readinessProbe") }
}

/// The number of a port of `container`, which may be named.
pub fn port(container: &Value, port: &Value) -> Option<u16> {
    let number = match port.as_str() {
        None => port.as_u64(),
        Some(name) => {
            let mut ports = items(container, "/ports");
            ports.find(|one| text(one, "/name") == Some(name))?.get("containerPort")?.as_u64()
        }
    };
    number.and_then(|port| u16::try_from(port).ok())
}

fn one(container: &Value, probe: &Value) -> PodProbe {
    let said = |field: &str| probe.get(field).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let number = |field, otherwise| said(field).filter(|number| *number > 0).unwrap_or(otherwise);
    PodProbe {
        action: action(container, probe),
        initial_delay: number("initialDelaySeconds", 0),
        period: number("periodSeconds", PERIOD),
        timeout: number("timeoutSeconds", TIMEOUT),
        failures: number("failureThreshold", FAILURES),
    }
}

fn action(container: &Value, probe: &Value) -> ProbeAction {
    let other = |kind: &str| ProbeAction::Other(kind.to_owned());
    let port_of = |what: &Value| what.get("port").and_then(|number| port(container, number));
    if let Some(get) = probe.get("httpGet") {
        if text(get, "/scheme").is_some_and(|scheme| scheme != "HTTP") {
            return other("httpGet by HTTPS");
        }
        if text(get, "/host").is_some() || items(get, "/httpHeaders").next().is_some() {
            return other("httpGet with a host or headers of its own");
        }
        let path = text(get, "/path").unwrap_or("/");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        return port_of(get).map_or_else(|| other("httpGet"), |port| ProbeAction::Http { path, port });
    }
    if let Some(connect) = probe.get("tcpSocket") {
        return port_of(connect).map_or_else(|| other("tcpSocket"), |port| ProbeAction::Tcp { port });
    }
    let command: Vec<String> = items(probe, "/exec/command").filter_map(Value::as_str).map(str::to_owned).collect();
    match (command.is_empty(), probe.get("grpc")) {
        (false, _) => ProbeAction::Exec { command },
        (true, Some(_)) => other("grpc"),
        (true, None) => other("no action"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_said_is_as_the_api_has_it() {
        let container = json!({
            "ports": [{"name": "http", "containerPort": 8080}],
            "startupProbe": {"httpGet": {"path": "live", "port": "http"}, "periodSeconds": 2, "failureThreshold": 20},
            "livenessProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 5, "timeoutSeconds": 0},
            "readinessProbe": {"exec": {"command": ["cat", "/ready"]}, "successThreshold": 1},
        });
        let probe = |action, initial_delay, period, failures| {
            Some(PodProbe { action, initial_delay, period, timeout: 1, failures })
        };
        let command = vec!["cat".to_owned(), "/ready".to_owned()];
        let expected = PodProbes {
            startup: probe(ProbeAction::Http { path: "/live".into(), port: 8080 }, 0, 2, 20),
            liveness: probe(ProbeAction::Tcp { port: 80 }, 5, 10, 3),
            readiness: probe(ProbeAction::Exec { command }, 0, 10, 3),
        };
        assert_eq!(of(&container), expected);
        assert_eq!(of(&json!({})), PodProbes::default());
    }

    #[test]
    fn what_is_not_asked_here_says_what_it_is() {
        let action = |probe: Value| of(&json!({ "livenessProbe": probe })).liveness.unwrap().action.to_string();
        assert_eq!(action(json!({"grpc": {"port": 1}})), "grpc");
        assert_eq!(action(json!({"httpGet": {"port": 1, "scheme": "HTTPS"}})), "httpGet by HTTPS");
        assert_eq!(action(json!({"httpGet": {"port": "gone"}})), "httpGet");
        assert_eq!(action(json!({})), "no action");
    }
}
