//! The todo application, from its sources to pods: the rows of the mission that a node proves.

use crate::harness::{kubectl, on_node, salt, variable};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// What a run of the command came to.
pub struct Ran {
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub stderr: String,
}

/// The project of this repository, with a state of its own; one run at a time, as its tags are the
/// same for all.
pub struct Todo {
    home: TempDir,
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::const_new(());

impl Todo {
    pub async fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), _turn: TURN.lock().await }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &variable("LOADLINE_TEST_MINIKUBE_HOME", "a Minikube home"))
    }

    fn command(&self, arguments: &[&str], minikube_home: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.env("LOADLINE_TEACH", "off");
        command.args(arguments).arg("--json").current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("DOCKER_HOST", variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in"));
        command.env("MINIKUBE_HOME", minikube_home);
        command.env("XDG_STATE_HOME", self.home.path()).env("XDG_CACHE_HOME", self.home.path());
        command
    }

    /// As a person at a terminal runs it: the engine is taught afterwards.
    pub fn run_teaching(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments, &variable("LOADLINE_TEST_MINIKUBE_HOME", "a Minikube home"));
        Ran::of(command.env_remove("LOADLINE_TEACH").env_remove("CI"))
    }

    /// What was learned of engines, and who teaches them.
    pub fn digests(&self) -> PathBuf {
        self.home.path().join("loadline/digests/v1")
    }

    /// Starts the command and does not wait for it.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments, &variable("LOADLINE_TEST_MINIKUBE_HOME", "a Minikube home"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Loses the evidence, so that all checks are made again.
    pub fn forget(&self) {
        for project in std::fs::read_dir(self.home.path().join("loadline")).unwrap().flatten() {
            std::fs::remove_dir_all(project.path().join("evidence")).ok();
        }
    }

    /// Files that a killed run left half-written.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.to_string_lossy().ends_with(".tmp") => found.push(path),
                    path if entry.file_name().to_string_lossy().starts_with("new-") => found.push(path),
                    _ => {}
                }
            }
        }
        found
    }

    fn run_with(&self, arguments: &[&str], minikube_home: &str) -> Ran {
        Ran::of(&mut self.command(arguments, minikube_home))
    }
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Self {
            code: output.status.code(),
            events: stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn one(&self, kind: &str, image: &str) -> &Value {
        let found = self.events.iter().find(|event| event["event"] == kind && event["image"] == image);
        found.unwrap_or_else(|| panic!("no {kind} of {image}:\n{}", self.stderr))
    }

    fn has(&self, kind: &str, image: &str) -> bool {
        self.events.iter().any(|event| event["event"] == kind && event["image"] == image)
    }
}

#[tokio::test]
async fn t042_the_cluster_is_there() {
    let ready = kubectl("get nodes -o jsonpath='{.items[0].status.conditions[?(@.type==\"Ready\")].status}'").await;
    assert_eq!(ready.trim(), "True");
    let todo = Todo::new().await;
    let ran = todo.run(&["up"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test]
async fn t043_a_cluster_that_is_not_there_names_the_command_that_starts_it() {
    let todo = Todo::new().await;
    let home = tempfile::tempdir().unwrap();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/minikube/two-nodes/profiles/two/config.json");
    // No other test's cluster is called so.
    let profile = home.path().join(".minikube/profiles/lost");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::copy(recorded, profile.join("config.json")).unwrap();
    let arguments = ["load", "--image", "nginx:alpine", "--target", "minikube:lost"];
    let ran = todo.run_with(&arguments, home.path().to_str().unwrap());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("`minikube start -p lost`"), "{}", ran.stderr);
}

#[tokio::test]
async fn t044_images_in_every_node() {
    let todo = Todo::new().await;
    let ran = todo.run(&["up"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for image in ["frontend", "backend"] {
        let id = ran.one("loaded", image)["id"].as_str().unwrap().to_owned();
        let template = "crictl inspecti -o go-template --template '{{.status.id}}'";
        assert_eq!(on_node(&format!("{template} todo-{image}:dev")).await.trim(), id);
        // The kubelet starts it without asking any registry.
        let pod = format!("todo-{image}-{}", salt());
        kubectl(&format!(
            "run {pod} --image=todo-{image}:dev --image-pull-policy=Never --restart=Never --command -- sleep 60"
        ))
        .await;
        kubectl(&format!("wait --for=condition=Ready --timeout=60s pod/{pod}")).await;
        let running = kubectl(&format!("get pod {pod} -o jsonpath='{{.status.containerStatuses[0].imageID}}'")).await;
        kubectl(&format!("delete pod {pod} --grace-period=0 --force")).await;
        assert_eq!(running.trim(), id, "{image}");
    }
}

#[tokio::test]
async fn a_second_up_does_nothing_and_each_change_makes_it_do_what_is_needed() {
    let todo = Todo::new().await;
    assert_eq!(todo.run(&["up"]).code, Some(0));
    // The first may have met files too young to be certain of; the second has not.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(todo.run(&["up"]).code, Some(0));
    let idle = todo.run(&["up"]);
    assert_eq!(idle.code, Some(0), "{}", idle.stderr);
    for image in ["frontend", "backend"] {
        assert!(idle.has("up-to-date", image), "{}", idle.stderr);
        assert_eq!(idle.one("loaded", image)["sent"], 0, "the node was asked, and had it");
        assert!(!idle.has("smoked", image) && !idle.has("verified", image));
    }
    // Gone behind our back: loaded again, nothing else is done.
    let id = idle.one("loaded", "frontend")["id"].as_str().unwrap();
    let names = format!("docker.io/library/todo-frontend:dev docker.io/library/todo-frontend:id-{}", &id[7..19]);
    on_node(&format!("ctr -n k8s.io images rm {names} {id}")).await;
    let again = todo.run(&["up"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.one("loaded", "frontend")["sent"].as_u64().unwrap() > 0);
    assert_eq!(again.one("loaded", "backend")["sent"], 0);
    assert!(again.has("up-to-date", "frontend") && !again.has("smoked", "frontend"));
}

#[tokio::test]
async fn load_refuses_what_was_not_checked_unless_told_to() {
    let todo = Todo::new().await;
    assert_eq!(todo.run(&["load", "frontend"]).code, Some(5), "nothing was built");
    assert_eq!(todo.run(&["build", "frontend"]).code, Some(0));
    let refused = todo.run(&["load", "frontend"]);
    assert_eq!(refused.code, Some(5));
    assert!(refused.stderr.contains("`loadline verify frontend`"), "{}", refused.stderr);
    assert_eq!(todo.run(&["verify", "frontend"]).code, Some(0));
    let refused = todo.run(&["load", "frontend"]);
    assert!(refused.stderr.contains("no passing evidence of `smoke`"), "{}", refused.stderr);
    assert_eq!(todo.run(&["load", "frontend", "--ungated"]).code, Some(0));
    assert_eq!(todo.run(&["smoke", "frontend"]).code, Some(0));
    assert_eq!(todo.run(&["load", "frontend"]).code, Some(0));
}
