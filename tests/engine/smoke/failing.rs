//! Images that never become ready: the cause comes first.

use super::*;

#[tokio::test]
async fn a_redirect_without_end_fails() {
    let mut project = server("def answer(request):\n    request.say(301, Location='/health')");
    project.plan.probe.deadline = Duration::from_secs(8);
    assert_says(&failed(&project).await, &["it redirects more than 10 times"]);
}

#[tokio::test]
async fn a_container_that_exits_at_once_is_told_with_its_code_and_log() {
    let project = server("print('starting')\nraise ValueError('no such mode')");
    let begun = std::time::Instant::now();
    let text = failed(&project).await;
    assert!(begun.elapsed() < project.plan.probe.deadline, "it waited for the deadline");
    assert!(text.starts_with("app: exited with 1 after "), "{text}");
    assert_says(
        &text,
        &[
            "last log: ValueError: no such mode",
            "container: exited with 1, user 1000:1000",
            "not ready with one either",
        ],
    );
}

#[tokio::test]
async fn one_that_never_listens_is_told() {
    let mut project = server("time.sleep(600)");
    project.plan.probe.deadline = Duration::from_secs(2);
    let text = failed(&project).await;
    assert!(text.starts_with("app: not ready after 2s: nothing listens on port 8000\n"), "{text}");
    assert_says(
        &text,
        &["last log: it wrote nothing", "container: running, user 1000:1000, ", " of 128 MiB, not killed"],
    );
}

#[tokio::test]
async fn one_that_answers_500_is_told_with_its_answer() {
    let mut project = server("print('up')\ndef answer(request):\n    request.say(500, 'database is away')");
    project.plan.probe.deadline = Duration::from_secs(8);
    let text = failed(&project).await;
    assert!(text.starts_with("app: not ready after 8s: every answer of GET /health was 500\n"), "{text}");
    assert_says(&text, &["last answer: database is away", "last log: up"]);
    assert!(!text.contains("writable root"), "it runs, so a second run would tell nothing: {text}");
}

#[tokio::test]
async fn one_that_answers_late_is_told() {
    let mut project = server("def answer(request):\n    time.sleep(3)\n    request.say(200)");
    project.plan.probe.deadline = Duration::from_secs(4);
    let text = failed(&project).await;
    assert!(text.starts_with("app: not ready after 4s: no answer of GET /health came within 1s\n"), "{text}");
}

#[tokio::test]
async fn one_whose_port_is_taken_inside_is_told() {
    let project = server("import socket\ntaken = socket.socket()\ntaken.bind((HOST, PORT))\ntaken.listen()");
    assert_says(&failed(&project).await, &["exited with 1", "hint: something in the container has taken the port"]);
}

#[tokio::test]
async fn one_that_listens_on_loopback_only_is_told() {
    let mut project = server("HOST = '127.0.0.1'");
    project.plan.probe.deadline = Duration::from_secs(2);
    let text = failed(&project).await;
    assert_says(&text, &["not ready after 2s: it listens on 127.0.0.1:8000 only", "hint: listen on 0.0.0.0"]);
}

#[tokio::test]
async fn one_that_listens_elsewhere_is_told() {
    let mut project = server("PORT = 8080");
    project.plan.probe.deadline = Duration::from_secs(2);
    let text = failed(&project).await;
    assert_says(&text, &["nothing listens on port 8000; it listens on 8080", "set `port = 8080` in [image.app.probe]"]);
}

#[tokio::test]
async fn one_that_is_out_of_memory_is_told() {
    let mut project = server("hog = bytearray(300_000_000)");
    project.plan.run.memory = ByteSize(64 << 20);
    let text = failed(&project).await;
    assert!(text.starts_with("app: killed after "), "{text}");
    assert_says(&text, &["needs more memory than the 64 MiB", "killed for want of memory", "hint: raise `memory`"]);
    assert!(!text.contains("writable root"), "{text}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let project = Project::new("FROM python:3.12-slim\nEXPOSE 80\nCMD [\"/no/such\"]\n");
    let text = failed(&project).await;
    assert!(text.starts_with("app: cannot be started: exec: \"/no/such\""), "{text}");
    assert_says(&text, &["hint: see ENTRYPOINT and CMD"]);
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let project = server("os.environ['DATABASE_URL']");
    assert_says(&failed(&project).await, &["hint: set `DATABASE_URL` in [image.app.run.env]"]);
}

#[tokio::test]
async fn wishes_beyond_the_kubelets_are_kept() {
    let mut project = server("def answer(request):\n    request.say(204)");
    project.plan.probe.status = Some(200);
    project.plan.probe.deadline = Duration::from_secs(2);
    assert_says(&failed(&project).await, &["every answer of GET /health was 204, and `status = 200` is wanted"]);
}
