//! What is refused before it is rendered.

use crate::helm::{CHARTS, STAND_IN, branches, defaults, leaves, refusal, render};
use serde_json::Value;

/// A value of a kind that the place cannot have.
fn wrong(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "[1]",
        _ => "{\"x\":1}",
    }
}

fn at<'a>(values: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(values, |value, key| &value[key])
}

fn all() -> impl Iterator<Item = &'static str> {
    CHARTS.into_iter().chain([STAND_IN])
}

#[test]
fn an_unknown_key_is_refused_wherever_it_is() {
    for chart in all() {
        for branch in branches(&defaults(chart)) {
            let dot = if branch.is_empty() { "" } else { "." };
            let said = refusal(chart, &[&format!("{branch}{dot}unheard=1")]);
            assert!(said.contains("unheard"), "{chart}, {branch}: {said}");
        }
    }
}

#[test]
fn a_value_of_another_kind_is_refused_wherever_it_is() {
    for chart in all() {
        let values = defaults(chart);
        for leaf in leaves(&values) {
            let said = refusal(chart, &[&format!("{leaf}={}", wrong(at(&values, &leaf)))]);
            assert!(said.contains(&leaf.replace('.', "/")), "{chart}, {leaf}: {said}");
        }
    }
}

#[test]
fn what_kubernetes_would_refuse_later_is_refused_now() {
    let wrong = [
        ("backend", "user=0"),
        ("backend", "replicas=-1"),
        ("backend", "service.port=0"),
        ("backend", "service.nodePort=8000"),
        ("backend", "service.type=\"ExternalName\""),
        ("backend", "image.pullPolicy=\"Sometimes\""),
        ("backend", "image.tag=\"\""),
        ("backend", "image.tag=\"a b\""),
        ("backend", "image.digest=\"sha256:abc\""),
        ("backend", "resources.limits.memory=\"512 MB\""),
        ("backend", "resources.limits.cpu=\"half\""),
        ("backend", "resources.limits.cpu=0"),
        ("backend", "writable=[\"tmp\"]"),
        ("backend", "probes.liveness.path=\"live\""),
        ("backend", "probes.liveness.periodSeconds=0"),
        ("backend", "fullnameOverride=\"Back_end\""),
        ("backend", "env={\"A-B\":\"1\"}"),
        ("backend", "env={\"TOKEN_HOURS\":12}"),
        ("backend", "cohere.apiUrl=\"cohere:8000\""),
        ("frontend", "apiUrl=\"http://backend:8000/api\""),
        ("frontend", "env={\"API_URL\":\"http://elsewhere\"}"),
        ("database", "storage.size=\"a lot\""),
        ("database", "username=\"to do\""),
    ];
    for (chart, set) in wrong {
        let said = refusal(chart, &[set]);
        assert!(said.contains("schema"), "{chart}, {set}: {said}");
    }
}

/// A manifest is for all to read.
#[test]
fn no_secret_can_be_set_as_a_variable() {
    for name in ["DATABASE_URL", "BETTER_AUTH_SECRET", "COHERE_API_KEY"] {
        for name in [name.to_owned(), format!("{name}_FILE")] {
            let said = refusal("backend", &[&format!("env={{\"{name}\":\"x\"}}")]);
            assert!(said.contains(&name), "{said}");
        }
    }
    render("backend", &["env={\"TOKEN_HOURS\":\"12\"}"]);
}

/// Those who have the charts in a chart of their own.
#[test]
fn what_helm_gives_to_a_chart_inside_another_is_taken() {
    for chart in CHARTS {
        assert_eq!(render(chart, &["global={\"any\":1}"]), render(chart, &[]));
    }
}
