//! The todo application in a cluster: a changed line until the new pod answers, and all of it from
//! nothing until its journeys pass.

use super::{Bench, SETUP};
use crate::bench::cluster::Cluster;
use crate::bench::node::{CLUSTER, Node};
use crate::bench::place::REPOSITORY;
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, Series, rounds};
use crate::bench::steps::Steps;
use crate::paths::checkout;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const CHANGE: &str = "a line of the backend changed, until the new pod answers";
const OWN: &str =
    "Loadline's own share of that: all but the builder's work, the smoke test's containers and the rollout";
pub const EMPTY: &str = "from images on the node to passed journeys, in an empty cluster";

/// The namespaces: Loadline's is that of the settings.
const OURS: &str = "todo";
const THEIRS: &str = "todo-by-hand";
/// What is changed: the title of the API, which it says itself.
const SOURCE: &str = "fixtures/todo/backend/todo_api/main.py";
const TITLE: &str = "title=\"Todo\"";
/// For Cohere's stand-in.
const KEY: &str = "the-stand-in-takes-any-key";

/// A copy of the application, which may be changed.
struct Copy {
    top: PathBuf,
    /// The source as it was.
    source: String,
    count: Cell<usize>,
}

impl Copy {
    fn new(bench: &Bench) -> Result<Self> {
        let top = bench.place.directory("application")?;
        for part in ["dockerfiles", "fixtures/todo", "k8s/charts"] {
            let to = top.join(part);
            fs::create_dir_all(&to).with_context(|| format!("creating `{}`", to.display()))?;
            let from = checkout().join(part).join(".");
            let mut copy = Command::new("cp");
            run::output("copying the application", copy.arg("-r").arg(from).arg(to), SETUP)?;
        }
        let settings = read(&checkout().join("loadline.toml"))?;
        let changed = settings
            .replace("\"todo-frontend:dev\"", &format!("\"{REPOSITORY}/frontend:dev\""))
            .replace("\"todo-backend:dev\"", &format!("\"{REPOSITORY}/backend:dev\""))
            .replace("\ntarget = \"minikube\"", &format!("\ntarget = \"kind:{CLUSTER}\""));
        ensure!(changed.matches(REPOSITORY).count() == 3, "loadline.toml is not as the benchmarks know it");
        write(&top.join("loadline.toml"), &changed)?;
        let source = read(&top.join(SOURCE))?;
        ensure!(source.contains(TITLE), "`{SOURCE}` does not contain `{TITLE}`");
        Ok(Self { top, source, count: Cell::new(0) })
    }

    /// Gives the API a title that it never had; says which.
    fn change(&self) -> Result<String> {
        self.count.set(self.count.get() + 1);
        let title = format!("Todo {}", self.count.get());
        write(&self.top.join(SOURCE), &self.source.replace(TITLE, &format!("title=\"{title}\"")))?;
        Ok(title)
    }

    fn loadline(&self, bench: &Bench, cluster: &Cluster, words: &[&str]) -> Command {
        let mut command = self.command(bench, cluster, &bench.place.loadline);
        command.args(words);
        command
    }

    fn command(&self, bench: &Bench, cluster: &Cluster, program: &Path) -> Command {
        let mut command = cluster.within(bench.place.command(program));
        command.env("COHERE_API_KEY", KEY).current_dir(&self.top);
        command
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing `{}`", path.display()))
}

/// That the backend says `title`, and that nothing older of it is left.
fn answers(cluster: &Cluster, namespace: &str, title: &str) -> Result<()> {
    cluster.runs(namespace, "backend")?;
    let said = cluster.ask(namespace, "backend:8000", "/api/openapi.json")?;
    ensure!(said.contains(&format!("\"{title}\"")), "the backend does not say `{title}`, but: {said:.200}");
    Ok(())
}

/// `loadline up backend --deploy`.
struct Up<'a> {
    bench: &'a Bench,
    cluster: &'a Cluster<'a>,
    copy: &'a Copy,
    title: String,
    steps: Vec<Steps>,
}

impl Contender for Up<'_> {
    fn name(&self) -> &str {
        "Loadline (which also verifies and smokes it)"
    }

    fn prepare(&mut self) -> Result<()> {
        self.title = self.copy.change()?;
        Ok(())
    }

    fn commands(&mut self) -> Vec<Command> {
        vec![self.copy.loadline(self.bench, self.cluster, &["up", "backend", "--deploy", "--json"])]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        answers(self.cluster, OURS, &self.title)?;
        self.steps.push(Steps::of(said)?);
        self.bench.place.wait_for_background()?;
        Ok(None)
    }
}

/// What a script does with the peers; nothing is checked, and nobody smokes it.
struct ByHand<'a> {
    bench: &'a Bench,
    cluster: &'a Cluster<'a>,
    copy: &'a Copy,
    title: String,
}

impl ByHand<'_> {
    fn repository() -> String {
        format!("{REPOSITORY}/by-hand-backend")
    }

    /// A file for bake, a namespace with the secret, and the database.
    fn set_up(&self) -> Result<()> {
        let (top, ca) = (&self.copy.top, "/etc/ssl/certs/ca-certificates.crt");
        let secrets: Vec<String> = Path::new(ca).exists().then(|| format!("id=ca,src={ca}")).into_iter().collect();
        let mut args = json!({ "SOURCE_DATE_EPOCH": "1735689600" });
        for variable in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"] {
            if let Ok(value) = std::env::var(variable) {
                args[variable] = json!(value);
            }
        }
        let target = json!({
            "context": top.join("fixtures/todo/backend"),
            "dockerfile": top.join("dockerfiles/backend.Dockerfile"),
            "args": args, "secret": secrets,
        });
        write(&top.join("bake.json"), &json!({ "target": { "backend": target } }).to_string())?;
        self.cluster.kubectl(&["create", "namespace", THEIRS])?;
        let literals = [
            "POSTGRES_PASSWORD=only-for-the-benchmark",
            "DATABASE_URL=postgresql://todo:only-for-the-benchmark@database:5432/todo",
            "BETTER_AUTH_SECRET=only-for-the-benchmark-only-for-the-benchmark",
        ];
        let key = format!("COHERE_API_KEY={KEY}");
        let literals = literals.into_iter().chain([key.as_str()]).map(|one| format!("--from-literal={one}"));
        let literals: Vec<String> = literals.collect();
        let mut words = vec!["--namespace", THEIRS, "create", "secret", "generic", "app-secrets"];
        words.extend(literals.iter().map(String::as_str));
        self.cluster.kubectl(&words)?;
        let mut helm = self.cluster.within(self.bench.place.command(&self.cluster.helm));
        helm.args(["upgrade", "--install", "database"]).arg(top.join("k8s/charts/database"));
        run::output("installing the database", helm.args(["--namespace", THEIRS, "--wait"]), SETUP)?;
        Ok(())
    }
}

impl Contender for ByHand<'_> {
    fn name(&self) -> &str {
        "`bake`, `kind load`, `helm upgrade --wait` in a row"
    }

    fn prepare(&mut self) -> Result<()> {
        self.title = self.copy.change()?;
        Ok(())
    }

    fn commands(&mut self) -> Vec<Command> {
        // A tag that no image had, or no pod would be replaced.
        let (repository, tag) = (Self::repository(), self.title.replace(' ', "-").to_lowercase());
        let kind = self.bench.place.peers.kind.display();
        let script = format!(
            "docker buildx bake --file bake.json --set backend.tags={repository}:{tag} backend
            '{kind}' load docker-image {repository}:{tag} --name {CLUSTER}
            helm upgrade --install backend k8s/charts/backend --namespace {THEIRS} --wait \
              --set image.repository=docker.io/{repository} --set image.tag={tag}"
        );
        let mut shell = self.copy.command(self.bench, self.cluster, Path::new("sh"));
        shell.args(["-euc", &script]);
        vec![shell]
    }

    fn check(&mut self, _said: &str) -> Result<Option<String>> {
        answers(self.cluster, THEIRS, &self.title)?;
        Ok(None)
    }
}

pub fn change(bench: &Bench, node: &Node, cluster: &Cluster) -> Result<Vec<Row>> {
    let copy = start(bench, node, cluster)?;
    let mut ours = Up { bench, cluster, copy: &copy, title: String::new(), steps: Vec::new() };
    let mut theirs = ByHand { bench, cluster, copy: &copy, title: String::new() };
    theirs.set_up()?;
    let mut up = copy.loadline(bench, cluster, &["up", "--deploy"]);
    run::output("deploying with Loadline", &mut up, SETUP)?;
    bench.place.wait_for_background()?;
    let all = rounds(bench.samples, &mut [&mut ours, &mut theirs])?;
    cluster.remove(OURS)?;
    cluster.remove(THEIRS)?;
    // The first round warms up.
    let steps = ours.steps.split_off(1);
    // The peers do less: that it is as fast is no goal.
    let mut row = Row::new("change", CHANGE, all);
    row.ours.notes.push(Steps::median(&steps).to_string());
    let own = Series {
        name: "Loadline".to_owned(),
        ms: steps.iter().map(Steps::own).collect(),
        peaks: row.ours.peaks.clone(),
        notes: Vec::new(),
    };
    let own =
        Row { at_least: vec![goal("500 ms", Measure::Within { ms: 500.0 })], ..Row::new("change-own", OWN, vec![own]) };
    Ok(vec![row, own])
}

/// The application, its images built and on the node.
fn start(bench: &Bench, node: &Node, cluster: &Cluster) -> Result<Copy> {
    node.reset()?;
    cluster.remove(OURS)?;
    cluster.remove(THEIRS)?;
    let copy = Copy::new(bench)?;
    for words in [&["up"][..], &["load", "--image", "postgres:16-alpine"]] {
        run::output("bringing the images to the node", &mut copy.loadline(bench, cluster, words), SETUP)?;
    }
    bench.place.wait_for_background()?;
    node.keep_all()?;
    Ok(copy)
}

/// All of the application into a cluster that has nothing of it.
struct Whole<'a> {
    bench: &'a Bench,
    cluster: &'a Cluster<'a>,
    copy: &'a Copy,
}

impl Contender for Whole<'_> {
    fn name(&self) -> &str {
        "Loadline"
    }

    fn prepare(&mut self) -> Result<()> {
        self.cluster.remove(OURS)
    }

    fn commands(&mut self) -> Vec<Command> {
        let program = self.bench.place.loadline.display();
        let script = format!(
            "'{program}' deploy cohere-stand-in
            '{program}' up --deploy --set backend.cohere.apiUrl=http://cohere-stand-in:8000
            '{program}' e2e"
        );
        let mut shell = self.copy.command(self.bench, self.cluster, Path::new("sh"));
        shell.args(["-euc", &script]);
        vec![shell]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let passed = said.lines().find(|line| line.contains("journeys passed"));
        let passed = passed.context("no journey passed")?;
        for deployment in ["backend", "frontend"] {
            self.cluster.runs(OURS, deployment)?;
        }
        let journeys = passed.trim().split(" in ").next().unwrap_or_default().to_owned();
        Ok(Some(journeys))
    }
}

pub fn empty(bench: &Bench, node: &Node, cluster: &Cluster) -> Result<Vec<Row>> {
    let copy = start(bench, node, cluster)?;
    let all = rounds(bench.samples, &mut [&mut Whole { bench, cluster, copy: &copy }])?;
    cluster.remove(OURS)?;
    let at_least = vec![goal("60 s", Measure::Within { ms: 60_000.0 })];
    Ok(vec![Row { at_least, ..Row::new("empty", EMPTY, all) }])
}
