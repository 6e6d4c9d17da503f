//! `build` against a real engine.

use crate::harness::{BASE, Project, engine};
use loadline::build::{Built, Error};
use loadline::event::Event;
use loadline::project::{BuildArg, Secret, SecretSource};
use loadline::types::{Explained, Outcome};
use std::time::Duration;

#[tokio::test]
async fn an_image_is_built_and_the_engine_has_it() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY a /a\nRUN cat /a\nUSER 1000\n"));
    project.write("a", &format!("hello {}\n", project.salt));
    let built = project.build().await.unwrap();
    let found = engine().await.inspect(&project.plan.tags[0].canonical()).await.unwrap();
    assert_eq!(found.engine_id.to_string(), built.engine_id);
    assert_eq!(project.output(), format!("hello {}\n", project.salt));
    let (steps, cached, _) = project.counts();
    assert_eq!((steps, cached), (2, 0));
}

#[tokio::test]
async fn steps_are_named_with_their_lines() {
    let project = Project::new(&format!("FROM {BASE} AS one\nRUN echo 1 \\\n && echo 2\n\nFROM one\nRUN echo 3\n"));
    project.build().await.unwrap();
    let events = project.events.lock().unwrap();
    let mut lines: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::StepFinished { step, .. } if step.name.starts_with("RUN") => step.line,
            _ => None,
        })
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [2, 6]);
}

#[tokio::test]
async fn a_second_build_is_cached_has_the_same_id_and_sends_next_to_nothing() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY big /big\nRUN true\n"));
    project.write("big", &project.salt.repeat(260_000));
    let first = project.build().await.unwrap();
    assert!(project.counts().2 > 3_000_000);
    let second = project.build().await.unwrap();
    // The id itself may differ: BuildKit, busy with other builds, may take a layer's time from another
    // of its records of the same content.
    let layers = async |built: Built| engine().await.inspect(&built.engine_id).await.unwrap().root_fs;
    assert_eq!(layers(first).await, layers(second).await);
    let (steps, cached, sent) = project.counts();
    assert_eq!((steps, cached), (2, 2));
    assert!(sent < 20_000, "{sent} bytes were sent for an unchanged context");
}

#[tokio::test]
async fn a_source_change_runs_no_dependency_step() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY deps /deps\nRUN cat /deps\nCOPY src /src\nRUN cat /src\n"));
    project.write("deps", &project.salt);
    project.write("src", &format!("{} one\n", project.salt));
    project.build().await.unwrap();
    let changed = format!("{} two\n", project.salt);
    project.write("src", &changed);
    project.build().await.unwrap();
    assert_eq!((project.counts().0, project.counts().1), (4, 2));
    assert_eq!(project.output(), changed);
}

#[tokio::test]
async fn ignored_files_stay_at_home() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY . /app\nRUN ls -A /app\n"));
    project.write(".dockerignore", "*.log\n!keep.log\nsecret\n");
    for name in ["a.txt", "b.log", "keep.log", "secret/key"] {
        project.write(name, &"y".repeat(100_000));
    }
    project.build().await.unwrap();
    let output = project.output();
    assert!(output.contains("a.txt") && output.contains("keep.log"), "{output}");
    assert!(!output.contains("b.log") && !output.contains("secret"), "{output}");
    assert!(project.counts().2 < 300_000);
}

#[tokio::test]
async fn an_ignore_file_beside_the_dockerfile_wins() {
    let mut project = Project::new("");
    let dockerfile = project.salted(&format!("FROM {BASE}\nCOPY . /app\nRUN ls /app\n"));
    project.write("docker/app.Dockerfile", &dockerfile);
    project.write("docker/app.Dockerfile.dockerignore", "one\n");
    project.write("context/.dockerignore", "two\n");
    project.write("context/one", "1");
    project.write("context/two", "2");
    project.plan.dockerfile = project.path("docker/app.Dockerfile");
    project.plan.context = project.path("context");
    project.build().await.unwrap();
    assert_eq!(project.output(), "two\n");
}

#[tokio::test]
async fn arguments_secrets_and_stages_reach_the_build() {
    let dockerfile = format!(
        "FROM {BASE} AS first\nARG GREETING\nRUN --mount=type=secret,id=key echo \"$GREETING $(wc -c </run/secrets/key)\"\nFROM {BASE}\nRUN false\n"
    );
    let mut project = Project::new(&dockerfile);
    project.write("key", "s3cret");
    project.plan.stage = Some("first".into());
    project.plan.args = vec![BuildArg { name: "GREETING".into(), value: "hello".into() }];
    let source = SecretSource::File(project.path("key"));
    project.plan.secrets = vec![Secret { id: "key".into(), source, optional: false }];
    project.build().await.unwrap();
    assert_eq!(project.output(), "hello 6\n");
    project.options.no_cache = true;
    project.build().await.unwrap();
    assert_eq!(project.counts().1, 0);
}

#[tokio::test]
async fn a_failing_step_is_named_with_its_line_its_output_and_nothing_is_left() {
    let project = Project::new(&format!("FROM {BASE}\nRUN true\nRUN echo out; echo why >&2; exit 3\n"));
    let error = project.build().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::StepFailed);
    let Error::Step { place, why, output, .. } = &error else { panic!("{error:?}") };
    // The two streams of a step reach us in no fixed order.
    let mut output = output.clone();
    output.sort();
    assert!(place.ends_with("Dockerfile:3"), "{place}");
    assert!(why.contains("exit code: 3"), "{why}");
    assert_eq!(output, ["out", "why"]);
    assert!(engine().await.inspect(&project.plan.tags[0].canonical()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_missing_file_says_whether_it_is_absent_ignored_or_out_of_reach() {
    let project = Project::new(&format!("FROM {BASE}\nRUN true\nCOPY gone.lock /\n"));
    let reason = |error: Error| match error {
        Error::NoFile { place, path, why, .. } => (place.rsplit(':').next().unwrap().to_owned(), path, why),
        other => panic!("{other:?}"),
    };
    let (line, path, why) = reason(project.build().await.unwrap_err());
    assert_eq!((line.as_str(), path.as_str()), ("3", "gone.lock"));
    assert!(why.starts_with("there is no such file"), "{why}");
    project.write("gone.lock", "x");
    project.write(".dockerignore", "# locks\n*.lock\n");
    let (_, _, why) = reason(project.build().await.unwrap_err());
    assert!(why.contains(".dockerignore line 2 (`*.lock`)"), "{why}");
    std::fs::remove_file(project.path(".dockerignore")).unwrap();
    std::fs::remove_file(project.path("gone.lock")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", project.path("gone.lock")).unwrap();
    let (_, _, why) = reason(project.build().await.unwrap_err());
    assert!(why.contains("`gone.lock` is a link to `/etc/hostname`"), "{why}");
}

#[tokio::test]
async fn bad_dockerfiles_are_named_by_line() {
    let project = Project::new(&format!("FROM {BASE}\n\nFOO bar\n"));
    let error = project.build().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    let Error::Syntax { place, text, why, .. } = &error else { panic!("{error:?}") };
    assert!(place.ends_with("Dockerfile:3"), "{place}");
    assert_eq!(text.as_deref(), Some("FOO bar"));
    assert!(why.to_lowercase().contains("unknown instruction"), "{why}");
}

#[tokio::test]
async fn a_dockerfile_without_a_stage_is_told() {
    for text in ["", "# nothing\n", "ARG X=1\n"] {
        let error = Project::new(text).build().await.unwrap_err();
        assert!(error.to_string().ends_with("Dockerfile has no `FROM`, so there is nothing to build"), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Usage);
        assert!(error.hint().unwrap().contains("FROM nginx:alpine"));
    }
}

#[tokio::test]
async fn a_frontend_that_cannot_be_had_is_named_with_its_line() {
    let project = Project::new(&format!("# syntax=localhost:1/no/such:1\nFROM {BASE}\n"));
    let error = project.build().await.unwrap_err();
    let Error::NoFrontend { place, frontend, .. } = &error else { panic!("{error:?}") };
    assert!(place.ends_with("Dockerfile:1"), "{place}");
    assert_eq!(frontend, "localhost:1/no/such:1");
    assert!(error.hint().unwrap().contains("# syntax="));
}

#[tokio::test]
async fn an_unknown_stage_and_a_missing_base_say_so() {
    let mut project = Project::new(&format!("FROM {BASE} AS base\nRUN true\n"));
    project.plan.stage = Some("bass".into());
    let Error::NoStage { known, .. } = project.build().await.unwrap_err() else { panic!() };
    assert_eq!(known, ["base"]);
    let project = Project::new("ARG X\nFROM localhost:1/no/such:base\nRUN true\n");
    let error = project.build().await.unwrap_err();
    let Error::NoBase { place, base, .. } = &error else { panic!("{error:?}") };
    assert!(place.ends_with("Dockerfile:2"), "{place}");
    assert_eq!(base, "localhost:1/no/such:base");
}

#[tokio::test]
async fn a_secret_without_a_value_is_refused_before_anything_runs() {
    let mut project = Project::new(&format!("FROM {BASE}\n"));
    let source = SecretSource::Env("LOADLINE_TEST_NOT_SET".into());
    project.plan.secrets = vec![Secret { id: "token".into(), source, optional: false }];
    let error = project.build().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    assert!(project.events.lock().unwrap().is_empty());
    project.plan.secrets[0].optional = true;
    project.build().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_build_ends_in_the_engine_too() {
    let marker = hex::encode(rand::random::<[u8; 6]>());
    let project = Project::new(&format!("FROM {BASE}\nRUN echo {marker}; sleep 600\n"));
    let cancel = project.cancel.clone();
    let events = project.events.clone();
    tokio::spawn(async move {
        let runs = || events.lock().unwrap().iter().any(|event| matches!(event, Event::StepLog { .. }));
        while !runs() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
    });
    let error = project.build().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Interrupted);
    // The step holds the cache record of its instruction; another build of it would wait for it.
    let runs = || {
        let shows = |dir: std::fs::DirEntry| std::fs::read(dir.path().join("cmdline")).unwrap_or_default();
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .any(|dir| String::from_utf8_lossy(&shows(dir)).contains(&format!("echo {marker}")))
    };
    for _ in 0..100 {
        if !runs() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the step still runs ten seconds after it was cancelled");
}

/// The builder asks for all of them at once, faster than they can be read.
#[tokio::test]
async fn a_context_may_have_thousands_of_new_files() {
    let project = Project::new("FROM scratch\nCOPY tree /tree");
    for number in 0..10_000 {
        project.write(&format!("tree/{:02}/{number}", number % 100), &number.to_string());
    }
    project.build().await.unwrap();
}

#[tokio::test]
async fn two_builds_share_one_connection() {
    let one = Project::new(&format!("FROM {BASE}\nRUN echo one\n"));
    let two = Project::new(&format!("FROM {BASE}\nRUN echo two\n"));
    let (first, second) = tokio::join!(one.build(), two.build());
    assert_ne!(first.unwrap().id, second.unwrap().id);
}

#[tokio::test]
async fn a_socket_in_the_context_is_an_empty_file() {
    let project = Project::new(&format!("FROM {BASE}\nCOPY . /app\nRUN wc -c /app/so /app/file\n"));
    project.write("file", "12345");
    let _listener = std::os::unix::net::UnixListener::bind(project.path("so")).unwrap();
    project.build().await.unwrap();
    let output = project.output();
    assert!(output.contains("0 /app/so") && output.contains("5 /app/file"), "{output}");
}
