//! Names, labels, and who is selected by what.

use crate::helm::{CHARTS, Objects, objects, render, text_of, workload};
use serde_json::Value;

fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().unwrap();
    !wanted.is_empty() && wanted.iter().all(|(key, value)| &labels[key] == value)
}

fn pod_labels(objects: &Objects) -> &Value {
    &workload(objects)["spec"]["template"]["metadata"]["labels"]
}

fn name(objects: &Objects) -> &str {
    workload(objects)["metadata"]["name"].as_str().unwrap()
}

#[test]
fn the_pods_are_selected_and_the_tests_pod_is_not() {
    for chart in CHARTS {
        let objects = render(chart, &["networkPolicy.enabled=true"]);
        let selectors = [
            &objects["Service"]["spec"]["selector"],
            &objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
            &workload(&objects)["spec"]["selector"]["matchLabels"],
        ];
        for selector in selectors {
            assert!(matches(selector, pod_labels(&objects)), "{chart}: {selector}");
            assert!(!matches(selector, &objects["Pod"]["metadata"]["labels"]), "{chart}: {selector}");
        }
    }
}

#[test]
fn the_service_asks_for_a_port_that_the_pod_has() {
    for chart in CHARTS {
        let objects = render(chart, &[]);
        let port = &workload(&objects)["spec"]["template"]["spec"]["containers"][0]["ports"][0];
        assert_eq!(objects["Service"]["spec"]["ports"][0]["targetPort"], port["name"], "{chart}");
    }
}

#[test]
fn every_object_has_the_labels_that_tools_know() {
    for chart in CHARTS {
        let all = ["networkPolicy.enabled=true", "replicas=2", "autoscaling.enabled=true"];
        let objects = render(chart, if chart == "database" { &all[..1] } else { &all });
        for (kind, object) in &objects {
            let labels = &object["metadata"]["labels"];
            for label in ["name", "instance", "component", "part-of", "managed-by"] {
                assert!(labels[format!("app.kubernetes.io/{label}")].is_string(), "{chart}: {kind} has no {label}");
            }
            assert_eq!(labels["app.kubernetes.io/part-of"], "todo", "{chart}: {kind}");
            assert_eq!(
                object["metadata"]["namespace"],
                Value::Null,
                "{chart}: {kind} is in the namespace it is put into"
            );
        }
    }
}

/// A new version of the chart alone restarts nothing.
#[test]
fn a_pods_labels_say_nothing_of_the_chart() {
    for chart in CHARTS {
        let objects = render(chart, &[]);
        assert!(workload(&objects)["metadata"]["labels"]["helm.sh/chart"].is_string());
        assert_eq!(pod_labels(&objects)["helm.sh/chart"], Value::Null);
    }
}

#[test]
fn two_releases_share_no_name_and_no_pod() {
    for chart in CHARTS {
        let [one, two] = ["one", "two"].map(|release| objects(&text_of(chart, release, &[])));
        assert_eq!(name(&one), format!("one-{chart}"));
        for (kind, object) in &one {
            assert_ne!(object["metadata"]["name"], two[kind]["metadata"]["name"], "{chart}: {kind}");
        }
        assert!(!matches(&one["Service"]["spec"]["selector"], pod_labels(&two)));
    }
}

#[test]
fn a_release_that_says_which_chart_it_is_names_everything() {
    assert_eq!(name(&objects(&text_of("backend", "backend", &[]))), "backend");
    assert_eq!(name(&objects(&text_of("backend", "my-backend", &[]))), "my-backend");
}

/// 52 letters leave room for what Kubernetes appends to a StatefulSet's name in a label.
#[test]
fn a_long_name_is_cut() {
    let long = "a-very-long-name-of-a-release-that-ends-with-a-dash-x";
    for (chart, length) in [("backend", 63), ("frontend", 63), ("database", 52)] {
        let objects = objects(&text_of(chart, long, &[]));
        let name = name(&objects);
        assert!(name.len() <= length && name.len() > 45 && !name.ends_with('-'), "{name}");
    }
}
