//! What Helm renders: documents in YAML, and the pods in them.

use super::shown::everywhere;
use loadline::chart::{conditions, items, text};
use loadline::cluster::Object;
use loadline::deploy::{Workload, containers};
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, Choice};
use loadline::project::{Conditions, ProbeAction};
use loadline::verify::pod::Pod;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let documents: Vec<Value> = match serde_json::from_str(&text) {
        Ok(document) => vec![document],
        Err(_) => serde_saphyr::from_multiple(&text).unwrap_or_default(),
    };
    for value in documents {
        let object = Object { value };
        drop(Workload::of(&object));
        let found: Vec<&Value> = containers(&object).collect();
        found.into_iter().for_each(|container| pod(&object.value, container));
        // As if it were the pod's own spec, and one of its containers, too.
        pod(&object.value, &object.value);
    }
}

/// How `container` runs: nothing is made up, and the image is held to it.
fn pod(document: &Value, container: &Value) {
    let spec = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"];
    let spec = spec.iter().find_map(|at| document.pointer(at)).unwrap_or(document);
    let said = conditions(spec, container);
    assert_eq!(said, conditions(spec, container));
    let mounts: Vec<&str> = items(container, "/volumeMounts").filter_map(|mount| text(mount, "/mountPath")).collect();
    for path in said.writable.iter().flatten() {
        assert!(mounts.contains(&path.as_str()), "{path} is no mount");
    }
    assert!(said.cpu.is_none_or(|cpu| cpu.is_finite() && cpu >= 0.0), "{:?} cores", said.cpu);
    for probe in [&said.probes.startup, &said.probes.liveness, &said.probes.readiness].into_iter().flatten() {
        assert!(probe.period > 0 && probe.timeout > 0 && probe.failures > 0, "{probe:?}");
        if let ProbeAction::Http { path, .. } = &probe.action {
            assert!(path.starts_with('/'), "{path:?}");
        }
    }
    let json = serde_json::to_string(&said).expect("conditions are JSON");
    // Of decimals that were written as JSON the last digit may be another.
    let again = serde_json::from_str(&json).map(|again: Conditions| Conditions { cpu: said.cpu, ..again });
    assert_eq!(again.ok(), Some(said), "{json}");
    let pod = Pod {
        release: "release".into(),
        workload: "Deployment `app`".into(),
        spec: spec.clone(),
        container: container.clone(),
        level: Some("restricted"),
        secrets: BTreeMap::new(),
        run: None,
    };
    everywhere(image(), None, vec![pod]);
}

/// An image with one file, which every pod is to run.
fn image() -> &'static ImageFacts {
    static IMAGE: OnceLock<ImageFacts> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let head = br#"{"config": {"User": "app", "Entrypoint": ["/init"], "ExposedPorts": {"8080/tcp": {}}}}<layers>"#;
        let archive = super::made::made(head).archive();
        Archive::read("image", &archive[..], None).and_then(|all| all.image(&Choice::default())).expect("an image")
    })
}
