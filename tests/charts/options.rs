//! What is made only when it is asked for, and what depends on two values.

use crate::helm::{CHARTS, container, objects, pod, refusal, render, text, workload};
use serde_json::{Value, json};

const DEPLOYMENTS: [&str; 2] = ["backend", "frontend"];
const SCALED: &str = "autoscaling.enabled=true";
const POLICY: &str = "networkPolicy.enabled=true";

#[test]
fn no_option_is_on() {
    for chart in CHARTS {
        let objects = render(chart, &[]);
        for kind in ["NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget"] {
            assert!(!objects.contains_key(kind), "{chart}: {kind}");
        }
    }
}

#[test]
fn a_disruption_budget_comes_with_the_second_replica() {
    for chart in DEPLOYMENTS {
        assert!(!render(chart, &["replicas=0"]).contains_key("PodDisruptionBudget"));
        let objects = render(chart, &["replicas=2"]);
        let budget = &objects["PodDisruptionBudget"]["spec"];
        assert_eq!(budget["maxUnavailable"], 1);
        assert_eq!(budget["selector"], workload(&objects)["spec"]["selector"]);
    }
}

#[test]
fn the_autoscaler_starts_from_the_replicas_and_alone_sets_them() {
    for chart in DEPLOYMENTS {
        let objects = render(chart, &[SCALED, "replicas=2"]);
        let scaler = &objects["HorizontalPodAutoscaler"]["spec"];
        assert_eq!((&scaler["minReplicas"], &scaler["maxReplicas"]), (&json!(2), &json!(3)));
        assert_eq!(scaler["scaleTargetRef"]["name"], workload(&objects)["metadata"]["name"]);
        assert_eq!(workload(&objects)["spec"]["replicas"], Value::Null);
        // None at all is not the autoscaler's to start from.
        assert_eq!(render(chart, &[SCALED, "replicas=0"])["HorizontalPodAutoscaler"]["spec"]["minReplicas"], 1);
    }
}

#[test]
fn an_autoscaler_that_could_not_start_is_refused() {
    let said = refusal("backend", &[SCALED, "replicas=5"]);
    assert!(said.contains("autoscaling.maxReplicas (3) must not be less than replicas (5)"), "{said}");
}

#[test]
fn each_policy_lets_in_whom_it_must() {
    let from = |chart| {
        let objects = render(chart, &[POLICY]);
        let policy = &objects["NetworkPolicy"]["spec"];
        assert_eq!(policy["podSelector"]["matchLabels"], workload(&objects)["spec"]["selector"]["matchLabels"]);
        policy["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]["values"].clone()
    };
    assert_eq!(from("database"), json!(["backend", "test"]));
    assert_eq!(from("backend"), json!(["frontend", "test"]));
    // Browsers come from anywhere.
    assert_eq!(from("frontend"), Value::Null);
    for chart in CHARTS {
        let component = |labels: &Value| labels["app.kubernetes.io/component"].clone();
        let objects = render(chart, &[]);
        assert_eq!(component(&workload(&objects)["spec"]["template"]["metadata"]["labels"]), chart);
        assert_eq!(component(&objects["Pod"]["metadata"]["labels"]), "test");
    }
}

#[test]
fn each_policy_names_a_port_that_the_pod_has() {
    for chart in CHARTS {
        let objects = render(chart, &[POLICY]);
        let port = &objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"];
        assert_eq!(port, &container(&objects)["ports"][0]["name"], "{chart}");
    }
}

#[test]
fn a_digest_wins_over_the_tag() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    for chart in CHARTS {
        let objects = render(chart, &[&format!("image.digest=\"{digest}\""), "image.tag=\"other\""]);
        let image = container(&objects)["image"].as_str().unwrap();
        assert!(image.ends_with(&format!("@{digest}")), "{image}");
        assert!(!image.contains("other"), "{image}");
    }
}

#[test]
fn a_long_tag_is_a_label_all_the_same() {
    let tag = format!("{}-rest", "a".repeat(62));
    let objects = render("backend", &[&format!("image.tag=\"{tag}\"")]);
    let label = workload(&objects)["metadata"]["labels"]["app.kubernetes.io/version"].as_str().unwrap();
    assert_eq!(label, "a".repeat(62));
    assert!(container(&objects)["image"].as_str().unwrap().ends_with(&tag));
}

#[test]
fn kubernetes_chooses_the_node_port_if_none_is_given() {
    let port = |sets: &[&str]| render("frontend", sets)["Service"]["spec"]["ports"][0]["nodePort"].clone();
    assert_eq!(port(&[]), 30000);
    assert_eq!(port(&["service.nodePort=0"]), Value::Null);
    assert_eq!(port(&["service.type=\"ClusterIP\""]), Value::Null);
    assert_eq!(port(&["service.type=\"LoadBalancer\""]), 30000);
}

#[test]
fn waiting_for_those_who_send_requests_is_a_part_of_ending() {
    for chart in DEPLOYMENTS {
        let said = refusal(chart, &["drainSeconds=30"]);
        assert!(said.contains("drainSeconds (30) must be less than terminationGracePeriodSeconds (30)"), "{said}");
        assert_eq!(container(&render(chart, &["drainSeconds=0"]))["lifecycle"], Value::Null);
    }
}

#[test]
fn a_pod_that_writes_nowhere_has_no_place_to_write_to() {
    let objects = render("frontend", &["writable=[]"]);
    assert_eq!((&container(&objects)["volumeMounts"], &pod(&objects)["volumes"]), (&Value::Null, &Value::Null));
    let objects = render("backend", &["writable=[]"]);
    assert_eq!(pod(&objects)["volumes"].as_array().unwrap().len(), 1);
}

/// Helm has numbers as floating point: large ones must not come out as 1e+06.
#[test]
fn large_numbers_are_whole() {
    let text = text("backend", &["user=1000700000", "probes.startup.failureThreshold=1000000"]);
    assert!(!text.contains("e+"), "{text}");
    assert_eq!(container(&objects(&text))["startupProbe"]["failureThreshold"], 1_000_000);
}
