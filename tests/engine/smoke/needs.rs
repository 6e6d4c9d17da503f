//! What runs beside an image.

use super::*;
use std::collections::BTreeMap;

#[tokio::test]
async fn what_it_needs_runs_beside_it() {
    let mut project = server(CONNECTS);
    project.plan.needs = vec![postgres(Some("secret"))];
    let report = smoked(&project).await.unwrap();
    assert!(report.passed, "{}", block(&report));
    // With a command that tells, too.
    project.plan.needs[0].ready = Some("pg_isready -h 127.0.0.1".into());
    assert!(smoked(&project).await.unwrap().passed);
}

#[tokio::test]
async fn a_need_that_fails_is_the_cause() {
    let mut project = server(CONNECTS);
    project.plan.needs = vec![postgres(None)];
    let text = failed(&project).await;
    assert!(text.starts_with("app: not started, because db (postgres:16-alpine) exited with 1 after "), "{text}");
    let said = "superuser password is not specified";
    assert_says(&text, &[said, "hint: set `POSTGRES_PASSWORD` in [image.app.needs.db.env]"]);
}

#[tokio::test]
async fn a_need_that_ends_later_is_named_beside_the_image() {
    let mut project = server("def answer(request):\n    request.say(503)");
    let helper = image("import threading\nthreading.Timer(2, lambda: os._exit(9)).start()", "");
    helper.build().await.unwrap();
    let need = Need {
        name: "db".into(),
        image: helper.plan.tags[0].clone(),
        env: BTreeMap::new(),
        ready: None,
        built_here: false,
    };
    project.plan.needs = vec![need];
    project.plan.probe.deadline = Duration::from_secs(6);
    let text = failed(&project).await;
    assert_says(&text, &["every answer of GET /health was 503", "needs: db (loadline-test-", "exited with 9 after"]);
}

#[tokio::test]
async fn a_need_without_an_image_is_the_settings_fault() {
    let mut project = server("");
    let image = "localhost:1/no/such:image".parse().unwrap();
    project.plan.needs = vec![Need { name: "db".into(), image, env: BTreeMap::new(), ready: None, built_here: false }];
    let error = smoked(&project).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    assert_eq!(error.to_string(), "app: no image `localhost:1/no/such:image` for `db`, which it needs");
    assert_eq!(error.hint().as_deref(), Some("see that `docker pull localhost:1/no/such:image` works"));
}

#[tokio::test]
async fn a_need_that_cannot_be_started_is_the_cause() {
    let mut project = server("");
    let helper = Project::new("FROM python:3.12-slim\nCMD [\"/no/such\"]\n");
    helper.build().await.unwrap();
    let need = Need {
        name: "db".into(),
        image: helper.plan.tags[0].clone(),
        env: BTreeMap::new(),
        ready: None,
        built_here: false,
    };
    project.plan.needs = vec![need];
    let text = failed(&project).await;
    assert_says(&text, &["app: not started, because db (loadline-test-", "cannot be started: exec: \"/no/such\""]);
}
