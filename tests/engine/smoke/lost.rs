//! Runs that are cut off: by the user, by the engine, by a crash; and engines that are elsewhere.

use super::*;
use crate::harness::address;
use crate::relay::Relay;
use loadline::engine::{Address, ContainerSpec, Route};
use loadline::event::Failure;
use std::collections::BTreeMap;

#[tokio::test]
async fn an_interrupted_run_leaves_nothing() {
    let mut project = server("time.sleep(600)");
    project.plan.needs = vec![postgres(Some("secret"))];
    let cancel = project.cancel.clone();
    when_probing(&project, move || cancel.cancel());
    let error = smoked(&project).await.unwrap_err();
    assert_eq!((error.outcome(), error.to_string().as_str()), (Outcome::Interrupted, "app: interrupted"));
}

#[tokio::test]
async fn an_engine_that_is_lost_is_told_with_what_was_being_done() {
    let project = server("time.sleep(600)");
    let proxy = Relay::unix(&address()).await;
    let through = Engine::connect(&proxy.address).await.unwrap();
    when_probing(&project, move || drop(proxy));
    let error = smoke_with(&through, &project, Options::default()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unreachable);
    assert_eq!(error.to_string(), "app: could not be smoked");
    let causes = Failure::new(None, &error).causes;
    assert!(causes[0].starts_with("waiting for container `"), "{causes:?}");
    assert!(error.details().iter().any(|(name, _)| name == "left behind"));
    let left = left_behind(&project).await;
    assert_eq!(left.len(), 1, "the engine was gone, so nobody could remove the container");
    engine().await.remove_container(&left[0]).await.unwrap();
}

#[tokio::test]
async fn over_tcp_the_port_is_published() {
    let proxy = Relay::tcp(&address()).await;
    let through = Engine::connect(&proxy.address).await.unwrap();
    let mut project = server(CONNECTS);
    project.plan.needs = vec![postgres(Some("secret"))];
    let report = smoke_with(&through, &project, Options::default()).await.unwrap();
    assert!(report.passed, "{}", block(&report));
    assert_eq!(left_behind(&project).await, [] as [String; 0]);
    let mut project = server("HOST = '127.0.0.1'");
    project.plan.probe.deadline = Duration::from_secs(3);
    let report = smoke_with(&through, &project, Options::default()).await.unwrap();
    assert_says(&block(&report), &["it listens on 127.0.0.1:8000 only"]);
    assert_eq!(left_behind(&project).await, [] as [String; 0]);
}

#[tokio::test]
async fn what_a_crashed_run_left_is_swept_by_the_next() {
    let engine = engine().await;
    let dead = crate::harness::dead_process();
    let project = server("");
    let run = format!("crashed-{}", project.salt);
    let labels = BTreeMap::from(
        [("io.loadline.run", run.clone()), ("io.loadline.project", project.salt.clone())]
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let labels: BTreeMap<String, String> = labels.into_iter().chain(dead).collect();
    let name = format!("loadline-{run}");
    engine.create_network(&name, &labels).await.unwrap();
    let spec = ContainerSpec {
        name: name.clone(),
        image: "python:3.12-slim".into(),
        network: Some(name),
        labels,
        ..ContainerSpec::default()
    };
    engine.create_container(&spec).await.unwrap();
    assert!(smoked(&project).await.unwrap().passed);
}

#[tokio::test]
async fn an_engine_on_this_host_is_reached_directly() {
    if let Address::Unix(_) = address() {
        assert_eq!(engine().await.route(None).await.unwrap(), Route::Direct);
    }
}
