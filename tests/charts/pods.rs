//! What the pods are by default: limits, probes, hardening, secrets.

use crate::helm::{CHARTS, Objects, STAND_IN, chart, container, pod, render, workload};
use loadline::types::Digest;
use serde_json::{Value, json};

const APPLICATION: [&str; 2] = ["backend", "frontend"];

/// The rendered pods of a chart, with that of its test.
fn pods(objects: &Objects) -> Vec<Value> {
    let test = objects.get("Pod").map(|pod| pod["spec"].clone());
    [pod(objects).clone()].into_iter().chain(test).collect()
}

fn port(objects: &Objects) -> (&Value, &Value, &Value, &Value) {
    let service = &objects["Service"]["spec"];
    let port = &service["ports"][0];
    (&service["type"], &port["port"], &port["nodePort"], &container(objects)["ports"][0]["containerPort"])
}

#[test]
fn ports_and_limits_are_those_that_were_asked_for() {
    let backend = render("backend", &[]);
    assert_eq!(port(&backend), (&json!("ClusterIP"), &json!(8000), &Value::Null, &json!(8000)));
    assert_eq!(container(&backend)["resources"]["limits"], json!({"cpu": "500m", "memory": "512Mi"}));
    let frontend = render("frontend", &[]);
    assert_eq!(port(&frontend), (&json!("NodePort"), &json!(80), &json!(30000), &json!(8080)));
    assert_eq!(container(&frontend)["resources"]["limits"], json!({"cpu": "200m", "memory": "256Mi"}));
    assert_eq!(container(&frontend)["env"][0], json!({"name": "API_URL", "value": "http://backend:8000"}));
}

#[test]
fn requests_are_a_fifth_of_the_cpu_and_half_of_the_memory() {
    for chart in CHARTS {
        let resources = container(&render(chart, &[]))["resources"].clone();
        let amount = |of: &str, what: &str, unit: &str| -> u32 {
            let text = resources[of][what].as_str().unwrap();
            text.strip_suffix(unit).unwrap().parse().unwrap()
        };
        assert_eq!(amount("requests", "cpu", "m") * 5, amount("limits", "cpu", "m"), "{chart}");
        assert_eq!(amount("requests", "memory", "Mi") * 2, amount("limits", "memory", "Mi"), "{chart}");
    }
}

#[test]
fn every_pod_is_hardened() {
    for chart in CHARTS.into_iter().chain([STAND_IN]) {
        for pod in pods(&render(chart, &[])) {
            assert_eq!(pod["automountServiceAccountToken"], false, "{chart}");
            assert_eq!(pod["enableServiceLinks"], false, "{chart}");
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{chart}");
            assert!(context["runAsUser"].as_u64().is_some_and(|user| user > 0), "{chart}");
            assert_eq!(context["runAsUser"], context["runAsGroup"], "{chart}");
            assert_eq!(context["seccompProfile"], json!({"type": "RuntimeDefault"}), "{chart}");
            let container = &pod["containers"][0];
            let expected = json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            });
            assert_eq!(container["securityContext"], expected, "{chart}");
            for (of, what) in [("limits", "cpu"), ("limits", "memory"), ("requests", "cpu"), ("requests", "memory")] {
                assert!(container["resources"][of][what].is_string(), "{chart}: {of} of {what}");
            }
        }
    }
}

#[test]
fn every_release_has_an_account_of_its_own_without_a_token() {
    for chart in CHARTS {
        let objects = render(chart, &[]);
        let account = &objects["ServiceAccount"];
        assert_eq!(account["automountServiceAccountToken"], false);
        for pod in pods(&objects) {
            assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
        }
    }
}

#[test]
fn only_what_was_loaded_runs() {
    for chart in APPLICATION {
        for pod in pods(&render(chart, &[])) {
            assert_eq!(pod["containers"][0]["imagePullPolicy"], "Never", "{chart}");
        }
    }
}

#[test]
fn three_probes_and_a_liveness_that_asks_nothing_of_the_database() {
    for chart in CHARTS {
        let container = container(&render(chart, &[])).clone();
        for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
            assert!(container[probe].is_object(), "{chart}: {probe}");
        }
    }
    let backend = container(&render("backend", &[])).clone();
    let path = |probe: &str| backend[probe]["httpGet"]["path"].clone();
    assert_eq!([path("readinessProbe"), path("livenessProbe"), path("startupProbe")], ["/health", "/live", "/live"]);
}

#[test]
fn a_rolling_update_adds_before_it_takes_away_and_pods_end_gently() {
    for chart in APPLICATION {
        let objects = render(chart, &[]);
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        assert_eq!(workload(&objects)["spec"]["strategy"], strategy);
        assert_eq!(pod(&objects)["terminationGracePeriodSeconds"], 30);
        assert_eq!(container(&objects)["lifecycle"], json!({"preStop": {"sleep": {"seconds": 5}}}));
    }
}

#[test]
fn secrets_are_files_that_the_pods_group_alone_reads() {
    for (chart, keys) in [
        ("backend", ["DATABASE_URL", "BETTER_AUTH_SECRET", "COHERE_API_KEY"].as_slice()),
        ("database", &["POSTGRES_PASSWORD"]),
    ] {
        let objects = render(chart, &[]);
        let container = container(&objects);
        let volumes = pod(&objects)["volumes"].as_array().unwrap();
        let secret = volumes.iter().find(|volume| volume["secret"].is_object()).unwrap();
        assert_eq!(
            (&secret["secret"]["secretName"], &secret["secret"]["defaultMode"]),
            (&json!("app-secrets"), &json!(0o440))
        );
        assert_eq!(pod(&objects)["securityContext"]["fsGroup"], pod(&objects)["securityContext"]["runAsGroup"]);
        let items: Vec<_> = keys.iter().map(|key| json!({"key": key, "path": key})).collect();
        assert_eq!(secret["secret"]["items"], json!(items));
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["name"] == secret["name"]).unwrap();
        let directory = mount["mountPath"].as_str().unwrap();
        assert_eq!(mount["readOnly"], true);
        for key in keys {
            let variable = json!({"name": format!("{key}_FILE"), "value": format!("{directory}/{key}")});
            assert!(container["env"].as_array().unwrap().contains(&variable), "{chart}: {variable}");
        }
    }
}

#[test]
fn cohere_is_stood_in_for_by_the_program_beside_its_chart() {
    let objects = render(STAND_IN, &[]);
    let program = std::fs::read_to_string(chart(STAND_IN).join("cohere_stand_in.py")).unwrap();
    assert_eq!(objects["ConfigMap"]["data"], json!({"cohere_stand_in.py": program}));
    assert_eq!(objects["Service"]["metadata"]["name"], "cohere");
    assert_eq!(objects["Service"]["spec"]["ports"][0]["port"], 8000);
    // Another program is another pod.
    let annotations = &workload(&objects)["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["checksum/program"], Digest::of(program.as_bytes()).hex());
}

#[test]
fn the_database_keeps_its_data_in_a_claim_of_the_default_class() {
    let objects = render("database", &[]);
    let spec = &workload(&objects)["spec"];
    let claim = &spec["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["storageClassName"], Value::Null);
    assert_eq!(spec["persistentVolumeClaimRetentionPolicy"], json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
    let container = container(&objects);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let data = mounts.iter().find(|mount| mount["name"] == claim["metadata"]["name"]).unwrap();
    let variables = container["env"].as_array().unwrap();
    let place = variables.iter().find(|variable| variable["name"] == "PGDATA").unwrap();
    assert!(place["value"].as_str().unwrap().starts_with(&format!("{}/", data["mountPath"].as_str().unwrap())));
}
