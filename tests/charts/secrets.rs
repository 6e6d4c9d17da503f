//! The template of the application's secrets, which holds none.

use crate::helm::{render, top, workload, yaml};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn template() -> PathBuf {
    top().join("k8s/secrets/app-secrets.template.yaml")
}

/// What of a Secret's text is a value: that of a key below `data` or `stringData`, if there is one.
fn values(secret: &Value) -> Vec<String> {
    let maps = ["data", "stringData"].into_iter().filter_map(|field| secret[field].as_object());
    let filled = maps.flatten().filter(|(_, value)| value.as_str() != Some(""));
    filled.map(|(key, value)| format!("{key}: {value}")).collect()
}

#[test]
fn the_template_holds_no_value() {
    let secret = yaml(&template());
    assert_eq!(values(&secret), Vec::<String>::new());
    assert_eq!(secret["metadata"]["annotations"], Value::Null);
    let fields: BTreeSet<&str> = secret.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["apiVersion", "kind", "metadata", "type", "stringData"]));
}

#[test]
fn a_value_in_it_would_be_found() {
    let filled = |text: &str| {
        let text = fs::read_to_string(template()).unwrap().replace("COHERE_API_KEY: \"\"", text);
        values(&serde_saphyr::from_str(&text).unwrap())
    };
    assert_eq!(filled("COHERE_API_KEY: abc"), ["COHERE_API_KEY: \"abc\""]);
    assert_eq!(filled("COHERE_API_KEY: 17"), ["COHERE_API_KEY: 17"]);
    assert_eq!(filled("COHERE_API_KEY: \"\"\ndata:\n  X: YQ=="), ["X: \"YQ==\""]);
}

#[test]
fn each_key_is_explained_and_is_one_that_a_chart_mounts() {
    let text = fs::read_to_string(template()).unwrap();
    let secret = yaml(&template());
    let keys: BTreeSet<&str> = secret["stringData"].as_object().unwrap().keys().map(String::as_str).collect();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for key in &keys {
        let at = lines.iter().position(|line| line.starts_with(&format!("{key}:"))).unwrap();
        assert!(lines[at - 1].starts_with('#'), "{key} has no comment");
    }
    let mut mounted = BTreeSet::new();
    for chart in ["backend", "database"] {
        let objects = render(chart, &[]);
        let volumes = workload(&objects)["spec"]["template"]["spec"]["volumes"].clone();
        let secrets = volumes.as_array().unwrap().iter().filter(|volume| volume["secret"].is_object());
        for volume in secrets {
            assert_eq!(volume["secret"]["secretName"], secret["metadata"]["name"]);
            let items = volume["secret"]["items"].as_array().unwrap();
            mounted.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(keys, mounted.iter().map(String::as_str).collect());
}
