//! Images that a read-only root breaks.

use super::*;

#[tokio::test]
async fn what_a_read_only_root_breaks_is_named_with_the_settings_that_help() {
    let write = "os.makedirs('/srv/state/deep', exist_ok=True)\nopen('/srv/state/deep/file', 'w').close()";
    let mut project = image(write, "RUN mkdir -p /srv/state && chown 1000 /srv/state");
    let text = failed(&project).await;
    let settings = "hint: [image.app.run]\nwritable = [\"/tmp\", \"/srv/state\"]";
    assert_says(&text, &["Read-only file system", "until then it wrote /srv/state/deep", settings]);
    project.plan.run.writable.push("/srv/state".into());
    let report = smoked(&project).await.unwrap();
    assert!(report.passed, "{}", block(&report));
}

#[tokio::test]
async fn what_is_written_beside_files_of_the_image_is_not_to_be_covered() {
    let project = image("open('/app/log', 'w').close()", "RUN mkdir /app && touch /app/code && chown 1000 /app");
    let text = failed(&project).await;
    assert_says(&text, &["beside files of the image", "hint: have it write `/app/log` into a directory of its own"]);
}

#[tokio::test]
async fn what_its_user_may_not_write_even_then_is_named_from_the_log() {
    let project = image("open('/var/lib/state', 'w').close()", "");
    let text = failed(&project).await;
    let hint = "hint: `/var/lib/state` could not be written: add its directory to `writable` in [image.app.run]";
    assert_says(&text, &["Read-only file system", "not ready with one either", "Permission denied", hint]);
}

#[tokio::test]
async fn who_answers_and_logs_that_it_cannot_write_is_tried_with_a_writable_root() {
    let answer = "def answer(request):\n    try:\n        open('/srv/state/x', 'w').close()\n        request.say(200)\n    \
        except OSError as error:\n        print(error)\n        request.say(500)";
    let mut project = image(answer, "RUN mkdir -p /srv/state && chown 1000 /srv/state");
    project.plan.probe.deadline = Duration::from_secs(8);
    let text = failed(&project).await;
    assert_says(&text, &["every answer of GET /health was 500", "writable root: ready with one", "/srv/state"]);
}
