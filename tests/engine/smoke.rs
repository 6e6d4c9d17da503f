//! `smoke` against a real engine: what passes, and every way to fail that we know of. Each test
//! also sees to it that nothing is left behind.

mod failing;
mod hardening;
mod lost;
mod measured;
mod needs;
mod passing;
mod settings;
mod stopping;

use crate::harness::{Project, engine};
use loadline::engine::Engine;
use loadline::event::{Event, Events};
use loadline::project::Need;
use loadline::smoke::{Error, Image, Options, Report, smoke};
use loadline::types::{ByteSize, Explained, Outcome};
use std::time::Duration;

/// A server that handles SIGTERM; `{}` is what `answer` does with each request, and may define
/// what comes before it listens.
const SERVER: &str = r#"
import http.server, os, signal, sys, time
HOST, PORT = "0.0.0.0", 8000
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer(self)
    def say(self, status, body="", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *words):
        pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def answer(request):
    request.say(200, "ok")
"#;
const SERVE: &str = "http.server.ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()\n";

/// An image whose server does as `behaviour` says.
fn server(behaviour: &str) -> Project {
    image(behaviour, "")
}

fn image(behaviour: &str, instructions: &str) -> Project {
    let dockerfile = format!(
        "FROM python:3.12-slim\n{instructions}\nCOPY server.py /server.py\nEXPOSE 8000\nUSER 1000:1000\nCMD [\"python3\", \"-u\", \"/server.py\"]\n"
    );
    let mut project = Project::new(&dockerfile);
    project.write("server.py", &format!("# {}\n{SERVER}{behaviour}\n{SERVE}", project.salt));
    project.plan.run.memory = ByteSize(128 << 20);
    project.plan.run.grace = Duration::from_secs(20);
    project
}

/// Builds the image and smokes it with `engine`; afterwards nothing of it may be left.
async fn smoke_with(engine: &Engine, project: &Project, options: Options) -> Result<Report, Error> {
    let built = project.build().await.expect("the image is built");
    project.events.lock().unwrap().clear();
    let all = project.events.clone();
    let events = Events::new(move |event| all.lock().unwrap().push(event));
    let options = Options { project: project.salt.clone(), ..options };
    let image = Image { id: &built.id, engine_id: &built.engine_id };
    smoke(engine, image, &project.plan, &options, &events, &project.cancel).await
}

async fn smoked(project: &Project) -> Result<Report, Error> {
    let done = smoke_with(&engine().await, project, Options::default()).await;
    assert_eq!(left_behind(project).await, [] as [String; 0]);
    done
}

async fn left_behind(project: &Project) -> Vec<String> {
    let label = format!("io.loadline.project={}", project.salt);
    let engine = engine().await;
    let mut all = engine.containers_labelled(&label).await.unwrap();
    all.extend(engine.networks_labelled(&label).await.unwrap());
    all.into_iter().map(|one| one.name).collect()
}

/// The block that is shown, as one text.
fn block(report: &Report) -> String {
    let failure = report.failure.as_ref().expect("it did not become ready");
    let details = failure.details().into_iter().map(|(name, text)| format!("{name}: {text}\n"));
    let hint = failure.hint().map(|hint| format!("hint: {hint}")).unwrap_or_default();
    format!("{failure}\n{}{hint}", details.collect::<String>())
}

async fn failed(project: &Project) -> String {
    let report = smoked(project).await.unwrap();
    assert!(!report.passed);
    assert_eq!(report.failure.as_ref().map(Explained::outcome), Some(Outcome::Findings));
    assert_eq!(report.findings[0].rule, "probe.ready");
    let event = project.events.lock().unwrap().last().cloned();
    assert!(matches!(event, Some(Event::Smoked { passed: false, .. })), "{event:?}");
    block(&report)
}

fn assert_says(block: &str, all: &[&str]) {
    for part in all {
        assert!(block.contains(part), "`{part}` is not in:\n{block}");
    }
}

fn postgres(password: Option<&str>) -> Need {
    let env = password.map(|password| ("POSTGRES_PASSWORD".to_owned(), password.to_owned()));
    Need {
        name: "db".into(),
        image: "postgres:16-alpine".parse().unwrap(),
        env: env.into_iter().collect(),
        ready: None,
        built_here: false,
    }
}

/// Ready once it has connected to `db`, as an application with a pool is.
const CONNECTS: &str = "import socket\nsocket.create_connection(('db', 5432), 10).close()";

/// Does `act` when the first answer that does not pass was said.
fn when_probing(project: &Project, act: impl FnOnce() + Send + 'static) {
    let events = project.events.clone();
    let probing = move || events.lock().unwrap().iter().any(|event| matches!(event, Event::Probing { .. }));
    tokio::spawn(async move {
        while !probing() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        act();
    });
}
