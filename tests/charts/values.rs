//! Every value of every chart, another value for it, and what that changes.

use crate::helm::{CHARTS, STAND_IN, defaults, leaves};
use crate::rows::{Row, row};
use serde_json::json;
use std::collections::BTreeSet;

const NODE_PORT: &str = "service.type=\"NodePort\"";
const SCALED: &str = "autoscaling.enabled=true";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The values that every chart of the application has.
fn of_all(name: &str, repository: &str, tag: &str) -> Vec<Row> {
    let image =
        |image: &str| [format!("container/image = \"{image}\""), format!("Pod/spec/containers/0/image = \"{image}\"")];
    let label = |version: &str| {
        let place = "metadata/labels/app.kubernetes.io~1version";
        // All but the test's pod, which has no version.
        [format!("*/{place} = \"{version}\""), format!("workload/spec/template/{place} = \"{version}\"")]
    };
    let both = |image: [String; 2], label: [String; 2]| image.into_iter().chain(label).collect::<Vec<_>>();
    let other = image(&format!("example.org/other:{tag}"));
    let tagged = both(image(&format!("{repository}:id-0123456789ab")), label("id-0123456789ab"));
    let digested = both(image(&format!("{repository}@{DIGEST}")), label("0123456789ab"));
    let pull = ["container/imagePullPolicy = \"Always\"", "Pod/spec/containers/0/imagePullPolicy = \"Always\""];
    let pod_and_test =
        |place: &str, what: &str| [format!("pod/{place} = {what}"), format!("Pod/spec/{place} = {what}")];
    let users =
        ["runAsUser", "runAsGroup"].map(|field| pod_and_test(&format!("securityContext/{field}"), "1000700000"));
    let users: Vec<String> =
        users.into_iter().flatten().chain(["pod/securityContext/fsGroup = 1000700000".to_owned()]).collect();
    let one =
        |value: &str, to, changes: &[String]| row(value, to, &changes.iter().map(String::as_str).collect::<Vec<_>>());
    vec![
        one("image.repository", json!("example.org/other"), &other),
        one("image.tag", json!("id-0123456789ab"), &tagged),
        one("image.digest", json!(DIGEST), &digested),
        row("image.pullPolicy", json!("Always"), &pull),
        one(
            "imagePullSecrets",
            json!([{"name": "registry"}]),
            &pod_and_test("imagePullSecrets", "[{\"name\":\"registry\"}]"),
        ),
        one("user", json!(1_000_700_000), &users),
        row("service.port", json!(81), &["Service/spec/ports/0/port = 81", &test_of(name, name, 81)]),
        row("podAnnotations", json!({"a/b": "c"}), &["workload/spec/template/metadata/annotations = {\"a/b\":\"c\"}"]),
        row("resources.limits.cpu", json!("3"), &["container/resources/limits/cpu = \"3\""]),
        row("resources.limits.memory", json!("3Gi"), &["container/resources/limits/memory = \"3Gi\""]),
        row("resources.requests.cpu", json!(0.25), &["container/resources/requests/cpu = 0.25"]),
        row("resources.requests.memory", json!("3Mi"), &["container/resources/requests/memory = \"3Mi\""]),
        row("terminationGracePeriodSeconds", json!(77), &["pod/terminationGracePeriodSeconds = 77"]),
        one("nodeSelector", json!({"disk": "ssd"}), &pod_and_test("nodeSelector", "{\"disk\":\"ssd\"}")),
        one(
            "tolerations",
            json!([{"operator": "Exists"}]),
            &pod_and_test("tolerations", "[{\"operator\":\"Exists\"}]"),
        ),
        row("networkPolicy.enabled", json!(true), &["+ NetworkPolicy"]),
    ]
}

/// Where the test of a release finds the service: the change of its pod's command.
fn test_of(chart: &str, host: &str, port: u16) -> String {
    match chart {
        "database" => format!("Pod/spec/containers/0/command/4 = \"{port}\""),
        "frontend" => format!("Pod/spec/containers/0/command/7 = \"http://{host}:{port}/health\""),
        _ => format!("Pod/spec/containers/0/command/2 = {}", backend_test(host, port)),
    }
}

fn backend_test(host: &str, port: u16) -> String {
    let script = format!(
        "import json, urllib.request\n\
         url = \"http://{host}:{port}/health\"\n\
         said = json.load(urllib.request.urlopen(url, timeout=10))\n\
         assert said[\"database\"] == \"ok\", said\n"
    );
    json!(script).to_string()
}

/// The values that both Deployments have.
fn of_a_deployment(name: &str, port: u16) -> Vec<Row> {
    let name_everywhere: Vec<String> = ["Deployment", "Service", "ServiceAccount"]
        .map(|kind| format!("{kind}/metadata/name = \"other\""))
        .into_iter()
        .chain(
            [
                "pod/serviceAccountName = \"other\"",
                "Pod/spec/serviceAccountName = \"other\"",
                "Pod/metadata/name = \"other-test\"",
            ]
            .map(str::to_owned),
        )
        .chain([test_of(name, "other", port)])
        .chain((name == "frontend").then(|| format!("Pod/spec/containers/0/command/8 = \"http://other:{port}/\"")))
        .collect();
    let name_everywhere: Vec<&str> = name_everywhere.iter().map(String::as_str).collect();
    let volumes = ["container/volumeMounts", "pod/volumes"];
    let last = if name == "backend" { 2 } else { 1 };
    let mount = format!("{}/{last} = {{\"name\":\"writable-1\",\"mountPath\":\"/var/cache\"}}", volumes[0]);
    let volume = format!("{}/{last} = {{\"name\":\"writable-1\",\"emptyDir\":{{\"sizeLimit\":\"64Mi\"}}}}", volumes[1]);
    let size = format!("{}/{}/emptyDir/sizeLimit = \"1Gi\"", volumes[1], last - 1);
    let variable =
        format!("container/env/{} = {{\"name\":\"LOG\",\"value\":\"all\"}}", if name == "backend" { 3 } else { 1 });
    let mut rows = vec![
        row("fullnameOverride", json!("other"), &name_everywhere),
        row("replicas", json!(2), &["workload/spec/replicas = 2", "+ PodDisruptionBudget"]),
        row("env", json!({"LOG": "all"}), &[&variable]),
        row("writable", json!(["/tmp", "/var/cache"]), &[&mount, &volume]),
        row("writableSizeLimit", json!("1Gi"), &[&size]),
        row("drainSeconds", json!(9), &["container/lifecycle/preStop/sleep/seconds = 9"]),
        row("autoscaling.enabled", json!(true), &["+ HorizontalPodAutoscaler", "workload/spec/replicas gone"]),
        row("autoscaling.maxReplicas", json!(7), &["HorizontalPodAutoscaler/spec/maxReplicas = 7"]).given(&[SCALED]),
        row(
            "autoscaling.targetCPUUtilizationPercentage",
            json!(55),
            &["HorizontalPodAutoscaler/spec/metrics/0/resource/target/averageUtilization = 55"],
        )
        .given(&[SCALED]),
    ];
    for probe in ["readiness", "liveness", "startup"] {
        let changed = |place: &str, to: &str| format!("container/{probe}Probe/{place} = {to}");
        rows.push(row(&format!("probes.{probe}.path"), json!("/other"), &[&changed("httpGet/path", "\"/other\"")]));
        for field in ["periodSeconds", "timeoutSeconds", "failureThreshold"] {
            rows.push(row(&format!("probes.{probe}.{field}"), json!(77), &[&changed(field, "77")]));
        }
    }
    rows
}

fn of_the_backend() -> Vec<Row> {
    let mut rows = of_all("backend", "docker.io/library/todo-backend", "dev");
    rows.extend(of_a_deployment("backend", 8000));
    rows.extend([
        row("service.type", json!("NodePort"), &["Service/spec/type = \"NodePort\""]),
        row("service.nodePort", json!(30001), &["Service/spec/ports/0/nodePort = 30001"]).given(&[NODE_PORT]),
        row("secretName", json!("other"), &["pod/volumes/0/secret/secretName = \"other\""]),
        row(
            "cohere.apiUrl",
            json!("http://cohere:8000"),
            &["container/env/3 = {\"name\":\"COHERE_API_URL\",\"value\":\"http://cohere:8000\"}"],
        ),
        row(
            "cohere.model",
            json!("command-r"),
            &["container/env/3 = {\"name\":\"COHERE_MODEL\",\"value\":\"command-r\"}"],
        ),
    ]);
    rows
}

fn of_the_frontend() -> Vec<Row> {
    let mut rows = of_all("frontend", "docker.io/library/todo-frontend", "dev");
    // Its test asks for two pages.
    rows.retain(|row| row.value != "service.port");
    rows.extend(of_a_deployment("frontend", 80));
    rows.extend([
        row(
            "service.port",
            json!(81),
            &[
                "Service/spec/ports/0/port = 81",
                &test_of("frontend", "frontend", 81),
                "Pod/spec/containers/0/command/8 = \"http://frontend:81/\"",
            ],
        ),
        row("service.type", json!("LoadBalancer"), &["Service/spec/type = \"LoadBalancer\""]),
        row("service.nodePort", json!(30001), &["Service/spec/ports/0/nodePort = 30001"]),
        row("apiUrl", json!("http://api.example.org"), &["container/env/0/value = \"http://api.example.org\""]),
    ]);
    rows
}

fn of_the_database() -> Vec<Row> {
    let mut rows = of_all("database", "docker.io/library/postgres", "16-alpine");
    let probes = |argument: u8, to: &str| -> Vec<String> {
        ["readiness", "liveness", "startup"]
            .map(|probe| format!("container/{probe}Probe/exec/command/{argument} = {to}"))
            .to_vec()
    };
    let named = |value: &str, variable: u8, argument: u8, of_test: u8| {
        let mut changes = probes(argument, "\"other\"");
        changes.push(format!("container/env/{variable}/value = \"other\""));
        changes.push(format!("Pod/spec/containers/0/command/{of_test} = \"other\""));
        row(value, json!("other"), &changes.iter().map(String::as_str).collect::<Vec<_>>())
    };
    rows.extend([
        row(
            "fullnameOverride",
            json!("other"),
            &[
                "StatefulSet/metadata/name = \"other\"",
                "StatefulSet/spec/serviceName = \"other\"",
                "Service/metadata/name = \"other\"",
                "ServiceAccount/metadata/name = \"other\"",
                "pod/serviceAccountName = \"other\"",
                "Pod/spec/serviceAccountName = \"other\"",
                "Pod/metadata/name = \"other-test\"",
                "Pod/spec/containers/0/command/2 = \"other\"",
            ],
        ),
        row("secretName", json!("other"), &["pod/volumes/0/secret/secretName = \"other\""]),
        named("username", 0, 4, 6),
        named("database", 1, 6, 8),
        row(
            "storage.className",
            json!("fast"),
            &["StatefulSet/spec/volumeClaimTemplates/0/spec/storageClassName = \"fast\""],
        ),
        row(
            "storage.size",
            json!("2Gi"),
            &["StatefulSet/spec/volumeClaimTemplates/0/spec/resources/requests/storage = \"2Gi\""],
        ),
    ]);
    rows
}

fn of_the_stand_in() -> Vec<Row> {
    vec![
        row("image.repository", json!("todo-backend"), &["container/image = \"todo-backend:3.12-slim\""]),
        row("image.tag", json!("dev"), &["container/image = \"docker.io/library/python:dev\""]),
        row("image.pullPolicy", json!("Never"), &["container/imagePullPolicy = \"Never\""]),
    ]
}

fn rows(chart: &str) -> Vec<Row> {
    match chart {
        "backend" => of_the_backend(),
        "frontend" => of_the_frontend(),
        "database" => of_the_database(),
        _ => of_the_stand_in(),
    }
}

/// Each value changes what its row says and nothing else, and there is a row for each.
#[test]
fn mission_configurability() {
    let problems: Vec<String> = std::thread::scope(|scope| {
        let charts = CHARTS.into_iter().chain([STAND_IN]);
        let running: Vec<_> = charts.map(|chart| scope.spawn(move || problems(chart))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("rendering ends")).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn problems(chart: &str) -> Vec<String> {
    let rows = rows(chart);
    let known: BTreeSet<&str> = rows.iter().map(|row| row.value.as_str()).collect();
    let leaves = leaves(&defaults(chart));
    let there: BTreeSet<&str> = leaves.iter().map(String::as_str).collect();
    assert_eq!(known.len(), rows.len(), "{chart}: one row a value");
    let without = there.difference(&known).map(|value| format!("{chart}: no row says what `{value}` changes"));
    let unknown = known.difference(&there).map(|value| format!("{chart}: there is no value `{value}`"));
    without.chain(unknown).chain(rows.iter().filter_map(|row| row.problem(chart))).collect()
}
