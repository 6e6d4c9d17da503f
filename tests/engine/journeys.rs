//! The todo application's own journeys, through its real images on one network: what `e2e` does in a
//! cluster, without one.

use crate::harness::{Project, engine};
use crate::todo::{Ran, built};
use loadline::engine::{ContainerSpec, Engine, Publish, Route};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const FILES: [&str; 5] = ["accounts", "chat", "pages", "privacy", "tasks"];

/// The application while it runs.
struct Running {
    engine: Engine,
    network: String,
    containers: Vec<String>,
    name: String,
    /// Where the frontend answers.
    url: String,
}

impl Running {
    async fn start(cohere: &Project) -> Self {
        let engine = engine().await;
        let name = format!("loadline-test-{}", cohere.salt);
        let network = engine.create_network(&name, &BTreeMap::new()).await.unwrap();
        let mut running = Self { engine, network, containers: Vec::new(), name, url: String::new() };
        let (todo, _) = built();
        let database = [("POSTGRES_USER", "todo"), ("POSTGRES_PASSWORD", "only-for-the-test"), ("POSTGRES_DB", "todo")];
        let backend = [
            ("DATABASE_URL", "postgresql://todo:only-for-the-test@db:5432/todo"),
            ("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcdef"),
            ("COHERE_API_KEY", "any"),
            ("COHERE_API_URL", "http://cohere:8090"),
        ];
        running.add("db", "postgres:16-alpine", &database).await;
        running.add("cohere", &cohere.plan.tags[0].to_string(), &[]).await;
        running.add("backend", &todo.tag("backend"), &backend).await;
        running.add("frontend", &todo.tag("frontend"), &[("API_URL", "http://backend:8000")]).await;
        running.url = running.address(8080).await;
        running
    }

    async fn add(&mut self, alias: &str, image: &str, env: &[(&str, &str)]) {
        let publish = match self.engine.route(Some(&self.network)).await.unwrap() {
            Route::Published { bind, .. } if alias == "frontend" => Some(Publish { port: 8080, address: bind }),
            _ => None,
        };
        let spec = ContainerSpec {
            name: format!("{}-{alias}", self.name),
            image: image.into(),
            env: env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            network: Some(self.network.clone()),
            aliases: vec![alias.into()],
            publish,
            ..ContainerSpec::default()
        };
        let id = self.engine.create_container(&spec).await.unwrap();
        self.containers.push(id.clone());
        self.engine.start_container(&id).await.unwrap();
    }

    /// Where `port` of what was started last answers. A container has its address a moment after it
    /// was started.
    async fn address(&self, port: u16) -> String {
        let route = self.engine.route(Some(&self.network)).await.unwrap();
        let begun = Instant::now();
        loop {
            let state = self.engine.container_state(self.containers.last().unwrap()).await.unwrap();
            if let Some((host, port)) = route.target(&state, port) {
                return format!("http://{host}:{port}");
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it has no address: {state:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Removes all of it, and says what each wrote if the test failed.
    async fn stop(self, failed: bool) {
        for id in self.containers.iter().rev() {
            if failed {
                eprintln!("{:#?}", self.engine.container_log(id, 20).await);
            }
            self.engine.remove_container(id).await.unwrap();
        }
        self.engine.remove_network(&self.network).await.unwrap();
    }

    fn e2e(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.arg("e2e").args(arguments).args(["--json", "--url", &format!("frontend={}", self.url)]);
        Ran::of_output(command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap())
    }
}

/// A small image of the stand-in for Cohere.
async fn cohere() -> Project {
    let command = "CMD [\"python3\", \"-u\", \"/cohere_stand_in.py\", \"--host\", \"0.0.0.0\"]";
    let project = Project::new(&format!("FROM python:3.12-slim\nCOPY cohere_stand_in.py /\nUSER 1000\n{command}\n"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/todo/cohere-stand-in/cohere_stand_in.py");
    std::fs::copy(source, project.path("cohere_stand_in.py")).unwrap();
    project.build().await.unwrap();
    project
}

#[tokio::test]
async fn the_todo_applications_journeys_hold_and_a_wrong_one_does_not() {
    let cohere = cohere().await;
    let ready = "service = \"frontend\"\n[[journey]]\nname = \"it is ready\"\n[[journey.step]]\n\
        request = \"GET /api/tasks\"\nwithin = \"60s\"\nexpect.status = 401\n";
    cohere.write("ready.toml", ready);
    let tasks = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/todo/e2e/tasks.toml"));
    let wrong = tasks.unwrap().replace("title = \"Buy oat milk\", completed = true", "title = \"Buy beer\"");
    cohere.write("wrong.toml", &wrong);

    let running = Running::start(&cohere).await;
    let waited = running.e2e(&[cohere.path("ready.toml").to_str().unwrap()]);
    let files = FILES.map(|file| format!("fixtures/todo/e2e/{file}.toml"));
    let held = running.e2e(&files.each_ref().map(String::as_str));
    let failed = running.e2e(&[cohere.path("wrong.toml").to_str().unwrap()]);
    let good = (waited.code, held.code, failed.code) == (0, 0, 1);
    running.stop(!good).await;

    assert!(good, "{}\n{}\n{}", waited.stderr, held.stderr, failed.stderr);
    let passed = |ran: &Ran| ran.events.iter().filter(|event| event["passed"] == true).count();
    assert_eq!((passed(&held), passed(&failed)), (9, 2));
    assert!(failed.stderr.contains("the journey `a task is edited and completed` failed at step 4 of 5: complete"));
}
