//! What `verify` says of an image in the pod that a chart renders for it, rule by rule: a pod that fits
//! with one change.

use crate::images::*;
use loadline::types::Severity;
use loadline::verify::pod::{Pod, Run};
use loadline::verify::{Policy, check};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";

fn image(user: &str) -> Image {
    let base = layer(&[
        directory("etc/", 0o755),
        file("etc/passwd", 0o644, PASSWD),
        directory("bin/", 0o755),
        file("bin/sh", 0o755, "ELF"),
        file("bin/own", 0o700, "ELF").owned(1000, 1000),
    ]);
    let run = json!({"User": user, "Env": ["PATH=/bin"], "Cmd": ["sh"], "ExposedPorts": {"9000/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "true"]}});
    Image::new(run, &[base])
}

fn pod() -> Pod {
    let container = json!({
        "name": "api", "image": "shop/api:id-1", "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": 8000}],
        "env": [{"name": "API_URL", "value": "http://backend"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "app", "key": "TOKEN"}}}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "secret", "mountPath": "/run/s", "readOnly": true}],
    });
    let spec = json!({
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}},
            {"name": "secret", "secret": {"secretName": "app", "items": [{"key": "TOKEN", "path": "t"}]}}],
    });
    let run = Run {
        user: Some("1000:1000".into()),
        writable: vec!["/tmp".into(), "/tmp/cache".into()],
        memory: 256 << 20,
        cpu: 0.5,
        grace: 30,
        env: BTreeMap::from([("API_URL".into(), "http://backend".into())]),
        command: None,
        args: None,
        path: "/health".into(),
        port: Some(8000),
    };
    Pod {
        release: "api".into(),
        workload: "Deployment `api`".into(),
        spec,
        container,
        level: Some("restricted"),
        secrets: BTreeMap::from([("app".into(), ["TOKEN".to_owned()].into())]),
        run: Some(run),
    }
}

/// The rules that find something in the image of `user` in `pod`, each once.
fn found(user: &str, pod: Pod) -> Vec<String> {
    let policy = Policy { pods: vec![pod], ..Policy::default() };
    let verdict = check(&image(user).facts(), &policy);
    let ours = verdict.findings.iter().filter(|one| loadline::verify::pod::is_rule(&one.rule));
    assert!(ours.clone().all(|one| one.severity == Severity::Error && one.found.starts_with("Deployment `api`: ")));
    assert_eq!(verdict.passed, !verdict.findings.iter().any(|one| one.severity == Severity::Error));
    let mut rules: Vec<String> = ours.map(|one| one.rule.clone()).collect();
    rules.dedup();
    rules
}

/// The pod with the value at `path` of its container changed.
fn container(path: &str, value: Value) -> Pod {
    let mut pod = pod();
    put(&mut pod.container, path, value);
    pod
}

/// The pod with the value at `path` of its spec changed.
fn spec(path: &str, value: Value) -> Pod {
    let mut pod = pod();
    put(&mut pod.spec, path, value);
    pod
}

fn put(at: &mut Value, path: &str, value: Value) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = at.pointer_mut(parent).unwrap();
    if let Some(list) = parent.as_array_mut() {
        list[key.parse::<usize>().unwrap()] = value;
    } else if value.is_null() {
        parent.as_object_mut().unwrap().remove(key);
    } else {
        parent[key] = value;
    }
}

#[test]
fn a_pod_that_fits_has_nothing_to_find() {
    assert_eq!(found("1000:1000", pod()), Vec::<String>::new());
    // The pod's number stands for whatever the image says.
    assert_eq!(found("app", pod()), Vec::<String>::new());
}

#[test]
fn users_that_the_kubelet_refuses_are_found() {
    let mut own = pod();
    put(&mut own.spec, "/securityContext/runAsUser", Value::Null);
    assert_eq!(found("1000:1000", own.clone()), Vec::<String>::new());
    for user in ["app", "", "0", "root"] {
        assert_eq!(found(user, own.clone()), ["pod.user"], "{user}");
    }
    let root = found("1000:1000", spec("/securityContext/runAsUser", json!(0)));
    assert_eq!(root, ["pod.user", "pod.security", "settings.drift"]);
}

#[test]
fn programs_that_the_pods_user_may_not_run_are_found() {
    let command = |program: &str| {
        let mut pod = container("/command", json!([program]));
        pod.run.as_mut().unwrap().command = Some(vec![program.to_owned()]);
        pod
    };
    assert_eq!(found("1000:1000", command("/bin/own")), Vec::<String>::new());
    let mut other = command("/bin/own");
    put(&mut other.spec, "/securityContext/runAsUser", json!(2000));
    put(&mut other.spec, "/securityContext/runAsGroup", json!(2000));
    assert_eq!(found("1000:1000", other), ["pod.entrypoint", "settings.drift"]);
    assert_eq!(found("1000:1000", command("/bin/gone")), ["pod.entrypoint"]);
    // The settings say nothing of it: it was never run.
    assert_eq!(found("1000:1000", container("/command", json!(["/bin/own"]))), ["settings.drift"]);
}

#[test]
fn each_change_is_found_by_its_rule() {
    let low = json!([{"name": "http", "containerPort": 80}]);
    let cases = [
        (container("/ports", low.clone()), vec!["pod.port", "settings.drift"]),
        (container("/readinessProbe/httpGet/port", json!("web")), vec!["pod.probe"]),
        (container("/readinessProbe/httpGet/port", json!(7000)), vec!["pod.probe", "settings.drift"]),
        (container("/livenessProbe", json!({"tcpSocket": {"port": 9000}})), vec![]),
        (container("/volumeMounts", json!([])), vec!["pod.writable"]),
        (container("/volumeMounts/0", json!({"mountPath": "/tmp", "readOnly": true})), vec!["pod.writable"]),
        (container("/volumeMounts/0", json!({"mountPath": "/tm"})), vec!["pod.writable"]),
        (container("/securityContext/readOnlyRootFilesystem", json!(false)), vec![]),
        (container("/env/1/valueFrom/secretKeyRef/key", json!("KEY")), vec!["pod.secret"]),
        (container("/env/1/valueFrom/secretKeyRef", json!({"name": "app", "key": "KEY", "optional": true})), vec![]),
        (container("/env/1/valueFrom/secretKeyRef/name", json!("of-another")), vec![]),
        (spec("/volumes/1/secret/items/0/key", json!("KEY")), vec!["pod.secret"]),
        (container("/imagePullPolicy", json!("Always")), vec!["pod.pull"]),
        (container("/imagePullPolicy", Value::Null), vec![]),
        (spec("/nodeSelector", json!({"kubernetes.io/arch": "arm64"})), vec!["pod.architecture"]),
        (spec("/nodeSelector", json!({"kubernetes.io/arch": "amd64"})), vec![]),
        (container("/securityContext/allowPrivilegeEscalation", Value::Null), vec!["pod.security"]),
        (container("/securityContext/capabilities", json!({"drop": ["NET_RAW"]})), vec!["pod.security"]),
        (spec("/securityContext/seccompProfile", Value::Null), vec!["pod.security"]),
        (spec("/hostNetwork", json!(true)), vec!["pod.security"]),
        (container("/resources/limits/memory", json!("1Gi")), vec!["settings.drift"]),
        (container("/resources/limits/cpu", json!(1)), vec!["settings.drift"]),
        (spec("/terminationGracePeriodSeconds", json!(5)), vec!["settings.drift"]),
        (container("/env/0/value", json!("http://other")), vec!["settings.drift"]),
        (container("/readinessProbe/httpGet/path", json!("/ready")), vec!["settings.drift"]),
    ];
    for (pod, rules) in cases {
        assert_eq!(found("1000:1000", pod.clone()), rules, "{pod:#?}");
    }
    let mut untagged = container("/imagePullPolicy", Value::Null);
    put(&mut untagged.container, "/image", json!("shop/api"));
    assert_eq!(found("1000:1000", untagged), ["pod.pull"]);
    // What is let listen on any port, what no level holds, and what runs for another purpose.
    let mut able = container("/ports", low);
    put(&mut able.container, "/securityContext/capabilities/add", json!(["NET_BIND_SERVICE"]));
    assert_eq!(found("1000:1000", able), ["settings.drift"]);
    let open = Pod { level: None, ..container("/securityContext/allowPrivilegeEscalation", json!(true)) };
    assert_eq!(found("1000:1000", open), Vec::<String>::new());
    let other = Pod { run: None, ..container("/volumeMounts", json!([])) };
    assert_eq!(found("1000:1000", other), Vec::<String>::new());
}

#[test]
fn rules_on_pods_can_be_switched_off() {
    let mut policy = Policy { pods: vec![container("/imagePullPolicy", json!("Always"))], ..Policy::default() };
    policy.rules.insert("pod.pull".into(), None);
    let verdict = check(&image("1000:1000").facts(), &policy);
    assert!(!verdict.findings.iter().any(|one| one.rule == "pod.pull"));
}
