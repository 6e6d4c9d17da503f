//! Settings that nothing can be run with.

use super::*;

#[tokio::test]
async fn without_a_port_nothing_is_run() {
    let project = Project::new("FROM python:3.12-slim\nEXPOSE 80 81\n");
    let error = smoked(&project).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    assert!(error.to_string().ends_with("the image exposes 80 and 81"), "{error}");
    assert!(project.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn limits_that_the_engine_does_not_have_are_the_settings_fault() {
    let mut project = server("");
    project.plan.run.cpu = 100_000.0;
    let error = smoked(&project).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    assert!(matches!(&error, Error::Settings { why, .. } if why.contains("CPUs")), "{error:?}");
}
