//! The todo application, by the command, as its team runs it: the rows of the mission that an
//! engine alone can prove.

use crate::harness::{address, engine};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a run of the command came to.
pub struct Ran {
    pub code: i32,
    pub events: Vec<Value>,
    pub stderr: String,
}

impl Ran {
    /// What `output` of a run with `--json` says.
    pub fn of_output(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let events = stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
        Self {
            code: output.status.code().unwrap_or(-1),
            events: events.collect(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// All events of a kind, of one image.
    pub fn of(&self, kind: &str, image: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == kind && event["image"] == image).collect()
    }

    /// The only event of a kind, of one image.
    pub fn one(&self, kind: &str, image: &str) -> &Value {
        let found = self.of(kind, image);
        assert_eq!(found.len(), 1, "{kind} of {image} in {:#?}\n{}", self.events, self.stderr);
        found[0]
    }

    /// The names of the steps of `image` that were not taken from the cache.
    fn ran_steps(&self, image: &str) -> Vec<String> {
        let ended = self.of("step-finished", image).into_iter().filter(|event| event["cached"] == false);
        ended.map(|event| event["step"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// A copy of the application, whose files a test may change. Its images have names of its own,
/// which go with it.
pub struct Todo {
    dir: PathBuf,
    name: String,
}

impl Todo {
    /// A copy called `name`, made anew.
    pub fn copy(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::remove_dir_all(&dir).ok();
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["loadline.toml", "dockerfiles", "fixtures/todo", "k8s/charts"] {
            copy(&top.join(part), &dir.join(part));
        }
        let todo = Self { dir, name: name.to_owned() };
        for image in ["frontend", "backend"] {
            todo.edit("loadline.toml", &format!("todo-{image}:dev"), &todo.tag(image));
        }
        todo
    }

    pub fn tag(&self, image: &str) -> String {
        format!("{}-{image}:dev", self.name)
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Replaces `old` in a file, which must have it.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(old), "{path} has no `{old}`");
        fs::write(self.path(path), text.replace(old, new)).unwrap();
    }

    /// The command, to be run here.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.env("LOADLINE_TEACH", "off");
        command.args(arguments).current_dir(&self.dir).env("DOCKER_HOST", address().to_string());
        command.env("XDG_STATE_HOME", self.dir.join("state")).env("XDG_CACHE_HOME", self.dir.join("cache"));
        command
    }

    /// Runs the command here, with `--json`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of_output(self.command(arguments).arg("--json").output().unwrap())
    }
}

impl Drop for Todo {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).ok();
        for image in ["frontend", "backend"] {
            crate::harness::untag(self.tag(image));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name();
        // What a developer's own runs leave beside the sources.
        if !["node_modules", ".next", "out", ".venv", "__pycache__"].iter().any(|made| name == *made) {
            copy(&entry.path(), &to.join(&name));
        }
    }
}

/// The first build of both images, shared by the tests that look at it.
pub fn built() -> &'static (Todo, Ran) {
    static BUILT: OnceLock<(Todo, Ran)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let todo = Todo::copy("todo");
        let ran = todo.run(&["build"]);
        (todo, ran)
    })
}

async fn assert_built(image: &str) {
    let (_, ran) = built();
    assert_eq!(ran.code, 0, "{:#?}\n{}", ran.of("failed", image), ran.stderr);
    let event = ran.one("built", image);
    let tag = event["tags"][0].as_str().unwrap();
    assert!(event["id"].as_str().unwrap().starts_with("sha256:"));
    engine().await.inspect(tag).await.unwrap();
}

#[tokio::test]
async fn t017_frontend_image_builds() {
    assert_built("frontend").await;
}

#[tokio::test]
async fn t018_backend_image_builds() {
    assert_built("backend").await;
}

#[tokio::test]
async fn t019_both_images_build_and_then_come_from_the_cache() {
    let (todo, first) = built();
    // With nothing kept of the first build, the engine is asked.
    let mut command = todo.command(&["build", "--json"]);
    let again = Ran::of_output(command.env("XDG_STATE_HOME", todo.path("no-state")).output().unwrap());
    assert_eq!(again.code, 0, "{}", again.stderr);
    for image in ["frontend", "backend"] {
        let (before, after) = (first.one("built", image), again.one("built", image));
        assert_eq!(before["id"], after["id"]);
        assert_eq!(after["cached"], after["steps"]);
    }
}

#[tokio::test]
async fn t022_both_health_endpoints_answer() {
    let (todo, _) = built();
    let ran = todo.run(&["smoke"]);
    assert_eq!(ran.code, 0, "{:#?}\n{}", ran.events, ran.stderr);
    for image in ["frontend", "backend"] {
        let smoked = ran.one("smoked", image);
        assert_eq!((&smoked["passed"], &smoked["answer"]), (&true.into(), &"200".into()));
        assert_eq!(smoked["findings"], serde_json::json!([]), "uvicorn and nginx leave when asked to");
    }
}

#[tokio::test]
async fn mission_cached_layers() {
    built();
    let todo = Todo::copy("todo-edited");
    // The engine may have built an earlier run's change.
    let salt = hex::encode(rand::random::<[u8; 6]>());
    todo.edit("fixtures/todo/frontend/app/page.tsx", "\"use client\";", &format!("\"use client\";\n// {salt}"));
    todo.edit("fixtures/todo/backend/todo_api/__init__.py", "\"\"\"The", &format!("\"\"\"{salt}: The"));
    let ran = todo.run(&["build"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for image in ["frontend", "backend"] {
        let steps = ran.ran_steps(image);
        assert!(steps.iter().any(|step| step.starts_with("COPY")), "{image} ran {steps:?}");
        let dependencies = ["npm ci", "pip install", "uv pip sync"];
        let wrong = steps.iter().find(|step| dependencies.iter().any(|one| step.contains(one)));
        assert_eq!(wrong, None, "a source change ran a dependency step of {image}");
    }
}

#[tokio::test]
async fn mission_context() {
    let (_, first) = built();
    let todo = Todo::copy("todo-littered");
    for part in ["frontend", "backend"] {
        let litter = [".env", ".env.local", "secrets/key.pem", "node_modules/x/index.js", ".git/config", "notes.log"];
        for path in litter {
            let path = todo.path(&format!("fixtures/todo/{part}/{path}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "COHERE_API_KEY=not-for-an-image\n".repeat(40_000)).unwrap();
        }
    }
    let ran = todo.run(&["build"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for image in ["frontend", "backend"] {
        let event = ran.one("built", image);
        let sent = event["sent"].as_u64().unwrap();
        assert!(sent < 1_000_000, "{sent} bytes of the context of {image} were sent");
        // Nothing of it can be in the image: it is the one that was built without.
        assert_eq!(event["id"], first.one("built", image)["id"]);
    }
}

#[tokio::test]
async fn two_clean_builds_give_the_same_layers() {
    let (_, first) = built();
    let todo = Todo::copy("todo-again");
    let ran = todo.run(&["build", "--no-cache"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let engine = engine().await;
    for image in ["frontend", "backend"] {
        let before = engine.inspect(first.one("built", image)["tags"][0].as_str().unwrap()).await.unwrap();
        let after = engine.inspect(&todo.tag(image)).await.unwrap();
        assert_eq!(before.root_fs, after.root_fs, "{image}");
        // BuildKit before 0.11 writes the time of the build into the config, so there the id differs.
        if std::env::var("LOADLINE_TEST_ENGINE").is_ok_and(|kind| kind == "containerd") {
            assert_eq!(before.engine_id, after.engine_id, "{image}");
        }
    }
}
