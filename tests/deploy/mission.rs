//! The rows of the mission that a cluster proves, on the todo application as it is deployed.

use crate::application::{Application, disturb, visit};
use crate::harness::Place;
use serde_json::{Value, json};
use std::time::Duration;

const RELEASES: [&str; 3] = ["database", "backend", "frontend"];

fn environment(container: &Value) -> Vec<&str> {
    container["env"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect()
}

#[tokio::test]
async fn t046_backend_is_deployed() {
    let (app, _visit) = visit().await;
    assert_eq!(app.first.deployed("backend")["workloads"], json!(["Deployment `backend`"]));
    let service = app.place.object(&["get", "service", "backend"]);
    assert_eq!((&service["spec"]["type"], &service["spec"]["ports"][0]["port"]), (&json!("ClusterIP"), &json!(8000)));
    let container = &app.pod("backend")["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"cpu": "500m", "memory": "512Mi"}));
    let image = container["image"].as_str().unwrap();
    assert!(image.contains("todo-backend:id-"), "the tag of the id, which never moves: {image}");
    assert_eq!(container["imagePullPolicy"], "Never");
}

#[tokio::test]
async fn t047_frontend_is_deployed() {
    let (app, _visit) = visit().await;
    let service = app.place.object(&["get", "service", "frontend"]);
    assert_eq!((&service["spec"]["type"], &service["spec"]["ports"][0]["port"]), (&json!("NodePort"), &json!(80)));
    let container = &app.pod("frontend")["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"cpu": "200m", "memory": "256Mi"}));
    assert!(environment(container).contains(&"API_URL"), "{container}");
}

#[tokio::test]
async fn t048_t049_t050_t051_pods_are_ready_and_their_probes_pass() {
    let (app, _visit) = visit().await;
    for release in RELEASES {
        let pod = app.pod(release);
        let statuses = pod["status"]["containerStatuses"].as_array().unwrap();
        assert_eq!((statuses.len(), &statuses[0]["ready"]), (1, &json!(true)), "{release}");
        assert_eq!((&statuses[0]["started"], &statuses[0]["restartCount"]), (&json!(true), &json!(0)), "{release}");
        let container = &pod["spec"]["containers"][0];
        for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
            assert!(container[probe].is_object(), "{release} has no {probe}");
        }
    }
}

#[tokio::test]
async fn t052_the_pods_answer_for_their_health() {
    let (app, _visit) = visit().await;
    let ask =
        "python3 -c 'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:8000/health\").read().decode())'";
    assert!(app.shell("backend", ask).contains("\"database\":\"ok\""));
    app.journeys(&["the frontend answers"]).fine();
}

#[tokio::test]
async fn t054_t055_t056_a_task_is_created_edited_and_deleted() {
    let (app, _visit) = visit().await;
    let ran = app.journeys(&["a task is created", "a task is edited and completed", "a task is deleted"]).fine();
    assert_eq!(ran.of_kind("journey-finished").len(), 3, "{}", ran.stderr);
}

#[tokio::test]
async fn t057_the_chatbot_works_on_tasks() {
    let (app, _visit) = visit().await;
    app.journeys(&["the chatbot creates, lists, completes and deletes a task"]).fine();
}

#[tokio::test]
async fn t058_one_user_never_sees_anothers_tasks() {
    let (app, _visit) = visit().await;
    app.journeys(&["one user never sees another's tasks"]).fine();
}

#[tokio::test]
async fn all_journeys_of_the_settings_hold() {
    let (app, _visit) = visit().await;
    let ran = app.journeys(&[]).fine();
    let finished = ran.of_kind("journey-finished");
    assert!(finished.len() >= 9 && finished.iter().all(|one| one["passed"] == true), "{finished:#?}");
}

/// An account with one task, made before something happens to the pods.
struct Kept<'a> {
    app: &'a Application,
    email: String,
}

impl<'a> Kept<'a> {
    fn new(app: &'a Application, name: &str) -> Self {
        let kept = Self { app, email: format!("{name}-{}@example.com", crate::harness::salt()) };
        kept.make(
            "sign up, and add a task",
            &["request = \"POST /api/auth/sign-up\"", "expect.status = 201", "capture.token = \"json:/token\""],
            &["request = \"POST /api/tasks\"", "json = { title = \"Kept\" }", "expect.status = 201"],
        );
        kept
    }

    /// The task is there; asked for until it is, for half a minute.
    fn holds(&self) {
        self.make(
            "sign in, and see the task",
            &["request = \"POST /api/auth/sign-in\"", "within = \"60s\"", "capture.token = \"json:/token\""],
            &["request = \"GET /api/tasks\"", "within = \"30s\"", "expect.json = [{ title = \"Kept\" }]"],
        );
    }

    fn make(&self, name: &str, first: &[&str], second: &[&str]) {
        let account = format!("json = {{ email = \"{}\", name = \"Ada\", password = \"kept-p4ssword\" }}", self.email);
        let account = if first[0].contains("sign-in") { account.replace("name = \"Ada\", ", "") } else { account };
        let text = format!(
            "service = \"frontend\"\n[[journey]]\nname = \"{name}\"\n[[journey.step]]\n{}\n{account}\n\
             [[journey.step]]\n{}\nheaders.Authorization = \"Bearer {{token}}\"\n",
            first.join("\n"),
            second.join("\n")
        );
        let file = self.app.place.home.path().join(format!("{}.toml", crate::harness::salt()));
        std::fs::write(&file, text).unwrap();
        self.app.place.here(&["e2e", file.to_str().unwrap()]).fine();
    }
}

#[tokio::test]
async fn t059_data_survives_the_backends_pod() {
    let (app, _alone) = disturb().await;
    survives(app, "backend");
}

#[tokio::test]
async fn t060_data_survives_the_databases_pod() {
    let (app, _alone) = disturb().await;
    survives(app, "database");
}

fn survives(app: &Application, release: &str) {
    let kept = Kept::new(app, release);
    let before = app.pod(release)["metadata"]["uid"].clone();
    app.place.kubectl(&["delete", "pod", &app.pod_name(release), "--timeout=60s"]);
    let kind = if release == "database" { "statefulset" } else { "deployment" };
    app.place.kubectl(&["rollout", "status", &format!("{kind}/{release}"), "--timeout=60s"]);
    assert_ne!(app.pod(release)["metadata"]["uid"], before, "it is another pod");
    kept.holds();
}

#[tokio::test]
async fn mission_pod_security() {
    let (app, _visit) = visit().await;
    let namespace = crate::harness::object(&["get", "namespace", &app.place.namespace]);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    for release in ["backend", "frontend"] {
        let pod = app.pod(release);
        let container = &pod["spec"]["containers"][0];
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(pod["spec"]["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
        assert_eq!(pod["spec"]["serviceAccountName"], release);
        // Not what was asked for, but what is.
        assert_eq!(app.shell(release, "id -u").trim(), "1000", "{release}");
        let held = app.shell(release, "grep CapEff /proc/1/status");
        assert!(held.trim().ends_with("0000000000000000"), "{release}: {held}");
        let written = app.shell(release, "touch /etc/x 2>/dev/null && echo written || echo refused");
        assert_eq!(written.trim(), "refused", "{release}");
    }
}

#[tokio::test]
async fn mission_pod_health() {
    let (app, _visit) = visit().await;
    for release in ["backend", "frontend"] {
        let deployment = app.place.object(&["get", "deployment", release]);
        assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
        assert_eq!(deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 30);
    }
}

#[tokio::test]
async fn secrets_are_files_of_the_backend_and_nowhere_else() {
    let (app, _visit) = visit().await;
    let listed = app.shell("backend", "ls /run/secrets/app");
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["BETTER_AUTH_SECRET", "COHERE_API_KEY", "DATABASE_URL"]);
    let secret = app.place.object(&["get", "secret", "app-secrets"]);
    for (key, value) in secret["data"].as_object().unwrap() {
        let value = decoded(value.as_str().unwrap());
        for release in ["backend", "frontend"] {
            // Of the first process, and of all others that may be seen.
            let environments = app.shell(release, "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'");
            assert!(!environments.contains(&value), "{key} is in the environment of {release}");
            assert!(!app.pod(release).to_string().contains(&value), "{key} is in the pod of {release}");
        }
        let files = app.shell("frontend", &format!("grep -rlF '{value}' /run /tmp /etc /srv 2>/dev/null || true"));
        assert_eq!(files.trim(), "", "{key}");
    }
}

fn decoded(text: &str) -> String {
    use std::io::Write;
    let mut child = std::process::Command::new("base64")
        .arg("-d")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn no_request_fails_during_a_rolling_restart() {
    let (app, _alone) = disturb().await;
    let address = app.address();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asking = {
        let (stop, address) = (stop.clone(), address.clone());
        std::thread::spawn(move || ask_until(&stop, &address))
    };
    for release in ["backend", "frontend"] {
        app.place.kubectl(&["rollout", "restart", &format!("deployment/{release}")]);
        app.place.kubectl(&["rollout", "status", &format!("deployment/{release}"), "--timeout=120s"]);
    }
    // Until what was there before is gone: it still drains.
    tokio::time::sleep(Duration::from_secs(8)).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (asked, failed) = asking.join().unwrap();
    assert!(asked > 100, "{asked} requests");
    assert_eq!(failed, Vec::<String>::new(), "of {asked}");
}

/// Asks for the backend's answer through the frontend, one connection after the other; says how often,
/// and what was no answer of it.
fn ask_until(stop: &std::sync::atomic::AtomicBool, address: &str) -> (usize, Vec<String>) {
    use std::io::{Read, Write};
    let host = address.trim_start_matches("http://");
    let (mut asked, mut failed) = (0, Vec::new());
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let mut answer = String::new();
        let result = std::net::TcpStream::connect(host).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            write!(stream, "GET /api/openapi.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        });
        asked += 1;
        if result.is_err() || !answer.starts_with("HTTP/1.1 200") || !answer.contains("Todo") {
            failed.push(format!("{result:?} {}", answer.lines().next().unwrap_or_default()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    (asked, failed)
}

#[tokio::test]
async fn a_second_deploy_finds_nothing_to_change_and_a_change_makes_a_revision() {
    let (app, _alone) = disturb().await;
    let sets = ["--set=backend.cohere.apiUrl=http://cohere-stand-in:8000"];
    let port = app.place.object(&["get", "service", "frontend"])["spec"]["ports"][0]["nodePort"].clone();
    let port = format!("--set=frontend.service.nodePort={port}");
    let again = app.place.here(&["up", "--deploy", sets[0], &port]).fine();
    for release in RELEASES {
        assert_eq!(again.deployed(release)["changed"], false, "{release}: {}", again.stderr);
    }
    assert!(again.of_kind("release-started").is_empty());

    let revision = again.deployed("backend")["revision"].as_u64().unwrap();
    let env = "--set=backend.env.TOKEN_HOURS=\"2\"";
    let dry =
        app.place.command_for_people(&["deploy", "backend", "--dry-run", sets[0], env, "-n", &app.place.namespace]);
    let dry = { dry }.output().unwrap();
    let text = String::from_utf8(dry.stdout).unwrap();
    assert!(text.contains("backend: Deployment `backend`") && text.contains("TOKEN_HOURS"), "{text}");
    let changed = app.place.here(&["deploy", "backend", sets[0], env]).fine();
    assert_eq!(changed.deployed("backend")["revision"], revision + 1);
    assert_eq!(app.pod("backend")["spec"]["containers"][0]["env"].to_string().matches("TOKEN_HOURS").count(), 1);
    let back = app.place.here(&["rollback", "backend"]).fine();
    assert!(back.stderr.is_empty() || back.stderr.contains("went back"), "{}", back.stderr);
    assert!(!app.pod("backend").to_string().contains("TOKEN_HOURS"), "it runs what ran before");
}

#[tokio::test]
async fn a_pod_that_could_not_do_what_was_proven_is_refused_before_anything_is_changed() {
    let (app, _visit) = visit().await;
    let before = app.pod("backend")["metadata"]["uid"].clone();
    let ran = app.place.here(&["deploy", "backend", "--set=backend.writable=[\"/data\"]", "--set=backend.user=2000"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let failure = ran.failure();
    assert!(crate::harness::detail(failure, "pod.writable").contains("`/tmp` is read-only"), "{failure}");
    assert!(crate::harness::detail(failure, "settings.drift").contains("`run.user` is 2000"), "{failure}");
    assert!(ran.of_kind("release-started").is_empty());
    assert_eq!(app.pod("backend")["metadata"]["uid"], before);
}

#[test]
fn what_is_removed_leaves_its_data_unless_that_is_asked_for() {
    let place = Place::of(crate::harness::top(), "removal");
    place.run(&["load", "--image", "postgres:16-alpine"]).fine();
    let key = [("COHERE_API_KEY", "q8Xv2LmW0sTz5BhN")];
    let sql =
        |text: &str| place.kubectl(&["exec", "database-0", "--", "psql", "-U", "todo", "-d", "todo", "-Atc", text]);
    place.here_with(&["deploy", "database"], &key).fine();
    sql("create table kept (n int); insert into kept values (41)");
    let ran = place.here(&["undeploy"]).fine();
    assert!(notes(&ran).contains("database: removed; its data stays in data-database-0"), "{}", notes(&ran));
    let left =
        place.object(&["get", "statefulsets,services,secrets", "--selector", "app.kubernetes.io/managed-by=Helm"]);
    assert_eq!(left["items"], json!([]));
    // It comes back with its password and its data.
    place.here(&["deploy", "database"]).fine();
    assert_eq!(sql("select n from kept").trim(), "41");
    let ran = place.here(&["undeploy", "--data"]).fine();
    assert!(notes(&ran).contains("database: removed; removed its data, data-database-0"), "{}", notes(&ran));
    let gone = crate::harness::try_kubectl(&["get", "namespace", &place.namespace]);
    assert!(!gone.status.success(), "the namespace was made here, and went");
}

fn notes(ran: &crate::harness::Ran) -> String {
    let notes = ran.of_kind("note").into_iter().filter_map(|note| note["text"].as_str());
    notes.collect::<Vec<_>>().join("\n")
}
