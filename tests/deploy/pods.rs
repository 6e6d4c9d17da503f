//! Images whose settings say little: their pods say how they are run, and where.

use crate::harness::{Place, said, top};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Without what the pod runs, it ends at once: Python has nothing to read.
const DOCKERFILE: &str = "FROM python:3.12-slim\nWORKDIR /srv\nUSER 1000:1000\nEXPOSE 8000\n";

/// A project of one image, which only the chart says how to run. `more` is added to its settings, `target`
/// is where it goes.
fn site(target: &str, more: &str) -> String {
    let chart = top().join("fixtures/failures/chart");
    format!(
        "version = 1
target = \"{target}\"
[image.site]
tag = \"loadline-test-site:dev\"
{more}
[deploy]
[release.site]
chart = {chart:?}
set = {{ probes = {{ startup = {{ failureThreshold = 90 }} }} }}
"
    )
}

fn place(target: &str, more: &str) -> Place {
    Place::made("site", &[("Dockerfile", DOCKERFILE), ("loadline.toml", &site(target, more))])
}

/// The origin of the value `key` of the image, as `config` has it.
fn origin(place: &Place, key: &str) -> (Value, Value) {
    let text = place.command(&["config"]).output().unwrap();
    let document: Value = serde_json::from_slice(&text.stdout).unwrap_or_else(|_| panic!("{}", said(&text)));
    let pointer = format!("/plan/images/0/{}", key.replace('.', "/"));
    let value = document.pointer(&pointer).cloned().unwrap_or_default();
    (value, document["origins"][&format!("image.site.{key}")].clone())
}

#[test]
fn what_the_settings_leave_open_is_run_as_the_pod_says() {
    let place = place("minikube", "");
    place.run(&["build"]).fine();
    // Helm is what tells it: without, the image is run as it is, and that is said.
    let alone = place.command(&["smoke"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(alone.status.code(), Some(1), "{}", said(&alone));
    assert!(said(&alone).contains("not as the pod of the release site: cannot run `helm`"), "{}", said(&alone));
    let smoked = place.run(&["smoke"]).fine();
    assert_eq!(smoked.of_kind("smoked")[0]["passed"], true);
    // Its starts are held against the probes of that pod.
    let measured = place.run(&["smoke", "--measure=1"]).fine();
    let startup = &measured.of_kind("measured")[0]["probes"][0];
    assert_eq!(
        (&startup["probe"], &startup["restarts"]),
        (&Value::from("startup"), &Value::from("never")),
        "{startup}"
    );
    assert_eq!(measured.of_kind("smoked"), [] as [&Value; 0]);

    let of_pod = Value::from("pod of the release site");
    assert_eq!(origin(&place, "run.memory"), (Value::from(64 << 20), of_pod.clone()));
    assert_eq!(origin(&place, "run.user"), (Value::from("1000"), of_pod.clone()));
    assert_eq!(origin(&place, "run.cpu"), (Value::from(0.5), of_pod.clone()));
    assert_eq!(origin(&place, "probe.path"), (Value::from("/"), of_pod));

    // What was proven holds for that pod alone.
    place.run(&["verify"]).fine();
    place.run(&["load"]).fine();
    let more_memory =
        site("minikube", "").replace("set = {", "set = { resources = { limits = { memory = \"48Mi\" } },");
    place.write("loadline.toml", &more_memory);
    let refused = place.run(&["load"]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(refused.failure()["message"].as_str().unwrap().contains("`smoke`"), "{:?}", refused.failure());
    place.run(&["smoke"]).fine();
    place.run(&["load"]).fine();
    place.here(&["deploy"]).fine().deployed("site");
}

#[test]
fn what_settings_and_pod_say_differently_is_found() {
    let place = place("minikube", "run = { memory = \"256MiB\" }");
    place.run(&["build"]).fine();
    assert_eq!(origin(&place, "run.memory").1, "loadline.toml:5");
    let verified = place.run(&["verify"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    let findings = verified.of_kind("verified")[0]["findings"].as_array().unwrap().clone();
    let drift: Vec<&Value> = findings.iter().filter(|one| one["rule"] == "settings.drift").collect();
    assert_eq!(drift.len(), 1, "{findings:#?}");
    assert!(drift[0]["found"].as_str().unwrap().contains("`run.memory` is 64MiB"), "{drift:?}");
}

/// What the pod of the site runs on, once it is ready.
fn node_of(place: &Place) -> String {
    let end = Instant::now() + Duration::from_secs(180);
    loop {
        let pods = place.object(&["get", "pods", "--selector", "app.kubernetes.io/instance=site"]);
        let living = pods["items"].as_array().unwrap().iter().find(|pod| {
            let ready = |status: &Value| status["ready"] == true;
            pod["metadata"]["deletionTimestamp"].is_null()
                && pod["status"]["containerStatuses"].as_array().is_some_and(|all| all.iter().all(ready))
        });
        if let Some(pod) = living {
            return pod["spec"]["nodeName"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < end, "no pod of it is ready: {pods:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_pod_that_moves_to_the_second_node_starts_there() {
    let place = place("minikube:two", "").on_two_nodes();
    // As a run that failed may have left them.
    place.kubectl(&["uncordon", "two", "two-m02"]);
    let up = place.here(&["up", "--deploy"]).fine();
    let nodes: Vec<&Value> = up.of_kind("loaded").into_iter().map(|event| &event["node"]).collect();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    // What is outside of the plan goes there, too, by the settings.
    let outside = place.run(&["load", "--image", "python:3.12-slim"]).fine();
    assert_eq!(outside.of_kind("loaded").len(), 2, "{:?}", outside.events);
    let before = node_of(&place);
    place.kubectl(&["cordon", &before]);
    place.kubectl(&["delete", "pods", "--selector", "app.kubernetes.io/instance=site"]);
    let after = node_of(&place);
    place.kubectl(&["uncordon", &before]);
    assert_ne!(after, before);
    // The image was never to be pulled, and no registry has it.
    assert!(["two", "two-m02"].contains(&after.as_str()), "{after}");
}
