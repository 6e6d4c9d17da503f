//! Why steps run again, by a real builder: each cause is named for the step that it runs, and steps that do
//! not run have none.

use crate::harness::{BASE, Project};
use loadline::event::Event;
use loadline::project::BuildArg;
use loadline::types::{Because, FileChange};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

/// Enough for the kernel's clock to tick, so that what was built from is certain.
const TICK: Duration = Duration::from_millis(120);

const STEPS: &str =
    "WORKDIR /app\nCOPY list.txt ./\nARG MODE=a\nRUN echo $MODE >mode\nCOPY src ./src\nRUN ls -R >seen\n";
const LIST: u32 = 3;
const MODE: u32 = 5;
const SOURCE: u32 = 6;
const SEEN: u32 = 7;

async fn project() -> Project {
    let project = Project::new(&format!("FROM {BASE}\n{STEPS}"));
    // No other image may have a layer in common: containerd may remove it with that one while this is built.
    let text = fs::read_to_string(project.path("Dockerfile")).unwrap();
    project.write("Dockerfile", &text.replace("WORKDIR /app", &format!("WORKDIR /{}", project.salt)));
    for (path, text) in [("list.txt", "one"), ("src/a.txt", "a"), ("src/b.txt", "b"), ("other.txt", "x")] {
        project.write(path, &format!("{text} {}", project.salt));
    }
    project.write(".dockerignore", "*.log\n");
    project
}

/// Builds what `project` is now, told what it was; gives each step that ran with its causes.
async fn rebuilt(project: &mut Project) -> Vec<(u32, Vec<Because>)> {
    tokio::time::sleep(TICK).await;
    project.options.before = project.inputs.lock().unwrap().clone().map(Arc::new);
    project.build().await.expect("it builds");
    let events = project.events.lock().unwrap();
    let ran = events.iter().filter_map(|event| match event {
        Event::StepRan { step, because, .. } => Some((step.line?, because.clone())),
        _ => None,
    });
    ran.collect()
}

fn file(path: &str, change: FileChange) -> Vec<Because> {
    vec![Because::Files { path: path.into(), change, count: 1 }]
}

fn after(line: u32) -> Vec<Because> {
    vec![Because::Step { line }]
}

#[tokio::test]
async fn files_arguments_and_lines_are_named_alone_and_together() {
    let mut project = project().await;
    let first = rebuilt(&mut project).await;
    assert!(first.iter().all(|(_, because)| because == &[Because::Unknown]), "nothing is known before: {first:?}");
    assert_eq!(rebuilt(&mut project).await, [], "nothing runs");

    project.write("other.txt", "nobody takes it");
    assert_eq!(rebuilt(&mut project).await, []);

    project.write("src/a.txt", &format!("changed {}", project.salt));
    let found = rebuilt(&mut project).await;
    assert_eq!(found, [(SOURCE, file("src/a.txt", FileChange::Content)), (SEEN, after(SOURCE))]);

    let salt = project.salt.clone();
    fs::set_permissions(project.path("src/b.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(rebuilt(&mut project).await[0], (SOURCE, file("src/b.txt", FileChange::Mode)));
    project.write("src/c.txt", &salt);
    assert_eq!(rebuilt(&mut project).await[0], (SOURCE, file("src/c.txt", FileChange::Added)));
    fs::remove_file(project.path("src/a.txt")).unwrap();
    assert_eq!(rebuilt(&mut project).await[0], (SOURCE, file("src/a.txt", FileChange::Removed)));

    let mode = |value: &str| vec![BuildArg { name: "MODE".into(), value: format!("{value} {salt}") }];
    project.plan.args = mode("b");
    let found = rebuilt(&mut project).await;
    assert_eq!(found[0], (MODE, vec![Because::Argument { name: "MODE".into() }]));
    // It is seen by all that runs below its `ARG`.
    assert_eq!(found[1..], [(SOURCE, after(MODE)), (SEEN, vec![Because::Argument { name: "MODE".into() }])]);

    // Two at once, each where it matters.
    project.plan.args = mode("c");
    project.write("src/c.txt", &format!("again {salt}"));
    let found = rebuilt(&mut project).await;
    assert_eq!(found[0], (MODE, vec![Because::Argument { name: "MODE".into() }]));
    assert_eq!(found[1], (SOURCE, file("src/c.txt", FileChange::Content)));

    let text = fs::read_to_string(project.path("Dockerfile")).unwrap();
    project.write("Dockerfile", &text.replace("ls -R >seen", "ls >seen"));
    let found = rebuilt(&mut project).await;
    assert_eq!(found, [(SEEN, vec![Because::Instruction { line: SEEN }])]);

    project.options.no_cache = true;
    let found = rebuilt(&mut project).await;
    assert!(found.len() >= 4 && found.iter().all(|(_, because)| because == &[Because::Asked]), "{found:?}");
}

#[tokio::test]
async fn ignore_rules_and_settings_above_are_named() {
    let mut project = project().await;
    rebuilt(&mut project).await;
    project.write(".dockerignore", "*.log\nsrc/b.txt\n");
    let found = rebuilt(&mut project).await;
    assert_eq!(found[0], (SOURCE, vec![Because::IgnoreRules { file: ".dockerignore".into() }]));

    // A variable for all that runs below it.
    let text = fs::read_to_string(project.path("Dockerfile")).unwrap();
    project.write("Dockerfile", &text.replace("ARG MODE=a", &format!("ENV SALT={}\nARG MODE=a", project.salt)));
    let found = rebuilt(&mut project).await;
    assert_eq!(found[0], (MODE + 1, vec![Because::Instruction { line: MODE - 1 }]));

    project.write("list.txt", &format!("two {}", project.salt));
    let found = rebuilt(&mut project).await;
    assert_eq!(found[0], (LIST, file("list.txt", FileChange::Content)));
}
