//! A project that is built with Loadline and with `docker buildx bake` alike.

use super::{Bench, SETUP};
use crate::bench::place::{Place, REPOSITORY};
use crate::bench::series::Contender;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const BAKE: &str = "`docker buildx bake`";
/// Each tool's images have names of its own.
const OURS: &str = "ours";
const THEIRS: &str = "bake";

/// Two checks for container-structure-test.
const STRUCTURE: &str = "schemaVersion: 2.0.0
metadataTest:
  user: \"1000:1000\"
fileExistenceTests:
- name: accounts
  path: /etc/passwd
  shouldExist: true
";

/// One image of the project.
pub struct Source {
    pub name: &'static str,
    pub context: PathBuf,
    pub dockerfile: PathBuf,
    pub args: BTreeMap<String, String>,
    /// Files, by their id.
    pub secrets: BTreeMap<String, PathBuf>,
    /// Further lines of its tables in `loadline.toml`.
    pub settings: String,
}

pub struct Project {
    pub directory: PathBuf,
    pub sources: Vec<Source>,
}

impl Project {
    /// Writes the settings of both tools into `directory`.
    pub fn write(directory: PathBuf, sources: Vec<Source>) -> Result<Self> {
        let project = Self { directory, sources };
        let put = |name: &str, text: String| {
            let path = project.directory.join(name);
            fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))
        };
        put("loadline.toml", project.settings())?;
        put("bake.json", project.bake().to_string())?;
        Ok(project)
    }

    fn settings(&self) -> String {
        let mut text = "version = 1\ntarget = \"minikube\"\n".to_owned();
        for source in &self.sources {
            let Source { name, context, dockerfile, args, secrets, settings } = source;
            text += &format!("\n[image.{name}]\ncontext = {context:?}\ndockerfile = {dockerfile:?}\n");
            text += &format!("tag = {:?}\nbudget = \"1GB\"\n", tag(OURS, name));
            text += &format!("[image.{name}.args]\n");
            args.iter().for_each(|(key, value)| text += &format!("{key} = {value:?}\n"));
            text += &format!("[image.{name}.secrets]\n");
            secrets.iter().for_each(|(id, file)| text += &format!("{id} = {{ file = {file:?} }}\n"));
            text += settings;
        }
        text
    }

    fn bake(&self) -> Value {
        let target = |source: &Source| {
            let secrets: Vec<String> =
                source.secrets.iter().map(|(id, file)| format!("id={id},src={}", file.display())).collect();
            json!({
                "context": source.context, "dockerfile": source.dockerfile, "args": source.args,
                "secret": secrets, "tags": [tag(THEIRS, source.name)],
            })
        };
        let targets: BTreeMap<&str, Value> = self.sources.iter().map(|source| (source.name, target(source))).collect();
        let names: Vec<&&str> = targets.keys().collect();
        json!({ "group": { "default": { "targets": names } }, "target": targets })
    }

    pub fn ours(&self, name: &str) -> String {
        tag(OURS, name)
    }

    pub fn theirs(&self, name: &str) -> String {
        tag(THEIRS, name)
    }

    /// Builds with Loadline until it finds nothing to do, and with bake.
    pub fn build(&self, place: &Place) -> Result<()> {
        run::output("building with Loadline", &mut self.loadline(place, &["build"]), SETUP)?;
        run::output("building with bake", &mut self.bake_command(place, &[]), SETUP)?;
        Ok(())
    }

    pub fn loadline(&self, place: &Place, words: &[&str]) -> Command {
        place.loadline(&self.directory, words)
    }

    pub fn bake_command(&self, place: &Place, words: &[&str]) -> Command {
        let mut bake = place.docker(&["buildx", "bake", "--file", "bake.json"]);
        bake.args(words).current_dir(&self.directory);
        bake
    }

    /// The engine's ids of the images with these names.
    pub fn ids(&self, place: &Place, tag: impl Fn(&str) -> String) -> Result<Vec<String>> {
        self.sources.iter().map(|source| place.image_id(&tag(source.name))).collect()
    }

    /// A script that checks each of the peers' images by container-structure-test.
    pub fn structure_tests(&self, place: &Place) -> Result<String> {
        let config = self.directory.join("structure.yaml");
        fs::write(&config, STRUCTURE).with_context(|| format!("writing `{}`", config.display()))?;
        let test = |source: &Source| {
            let tag = self.theirs(source.name);
            format!("'{}' test --image {tag} --config '{}'\n", place.peers.structure_test.display(), config.display())
        };
        Ok(self.sources.iter().map(test).collect())
    }

    /// Removes the images, whose names another row may want.
    pub fn remove(&self, place: &Place) -> Result<()> {
        let tags = self.sources.iter().flat_map(|source| [self.ours(source.name), self.theirs(source.name)]);
        let mut remove = place.docker(&["image", "rm", "--force"]);
        run::output("removing images", remove.args(tags), SETUP).map(drop)
    }
}

fn tag(whose: &str, name: &str) -> String {
    format!("{REPOSITORY}/{whose}-{name}:dev")
}

/// Whether BuildKit has to be asked, and for what reason.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Asked {
    /// It need not.
    No,
    /// A build argument is another one, though no instruction uses it.
    ByArgument,
}

/// What all runs of one tool on the project go by.
struct Runs<'a> {
    bench: &'a Bench,
    project: &'a Project,
    asked: Asked,
    /// The tool's own name for an image.
    tag: fn(&Project, &str) -> String,
    /// What the engine must have after each run.
    ids: Vec<String>,
    count: usize,
}

impl<'a> Runs<'a> {
    fn new(bench: &'a Bench, project: &'a Project, asked: Asked, tag: fn(&Project, &str) -> String) -> Result<Self> {
        let ids = project.ids(&bench.place, |name| tag(project, name))?;
        Ok(Self { bench, project, asked, tag, ids, count: 0 })
    }

    /// The value of the argument in the next run.
    fn next(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    fn check(&self) -> Result<()> {
        let found = self.project.ids(&self.bench.place, |name| (self.tag)(self.project, name))?;
        ensure!(found == self.ids, "the engine has {found:?}, not {:?}", self.ids);
        Ok(())
    }
}

/// `loadline build`.
pub struct Build<'a>(Runs<'a>);

impl<'a> Build<'a> {
    pub fn new(bench: &'a Bench, project: &'a Project, asked: Asked) -> Result<Self> {
        Runs::new(bench, project, asked, Project::ours).map(Self)
    }
}

impl Contender for Build<'_> {
    fn name(&self) -> &str {
        "Loadline"
    }

    fn commands(&mut self) -> Vec<Command> {
        let mut build = self.0.project.loadline(&self.0.bench.place, &["build"]);
        if self.0.asked == Asked::ByArgument {
            build.args(["--build-arg", &format!("RUN={}", self.0.next())]);
        }
        vec![build]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let images = self.0.project.sources.len();
        let unasked = said.lines().filter(|line| line.contains("nothing to build")).count();
        let expected = if self.0.asked == Asked::No { images } else { 0 };
        ensure!(unasked == expected, "{unasked} of {images} images were built without asking, not {expected}");
        self.0.check()?;
        Ok(None)
    }
}

/// `docker buildx bake`.
pub struct Bake<'a>(Runs<'a>);

impl<'a> Bake<'a> {
    pub fn new(bench: &'a Bench, project: &'a Project, asked: Asked) -> Result<Self> {
        Runs::new(bench, project, asked, Project::theirs).map(Self)
    }
}

impl Contender for Bake<'_> {
    fn name(&self) -> &str {
        BAKE
    }

    fn commands(&mut self) -> Vec<Command> {
        let set = match self.0.asked {
            Asked::No => Vec::new(),
            Asked::ByArgument => vec!["--set".to_owned(), format!("*.args.RUN={}", self.0.next())],
        };
        let words: Vec<&str> = set.iter().map(String::as_str).collect();
        vec![self.0.project.bake_command(&self.0.bench.place, &words)]
    }

    fn check(&mut self, _said: &str) -> Result<Option<String>> {
        self.0.check()?;
        Ok(None)
    }
}

/// The todo application, as the checkout has it.
pub fn todo(directory: PathBuf, checkout: &Path) -> Result<Project> {
    let source = |name: &'static str, settings: &str| {
        let mut args = BTreeMap::from([("SOURCE_DATE_EPOCH".to_owned(), "1735689600".to_owned())]);
        for variable in ["NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"] {
            args.extend(std::env::var(variable).ok().map(|value| (variable.to_owned(), value)));
        }
        let ca = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        Source {
            name,
            context: checkout.join("fixtures/todo").join(name),
            dockerfile: checkout.join("dockerfiles").join(format!("{name}.Dockerfile")),
            args,
            secrets: ca.exists().then_some(("ca".to_owned(), ca)).into_iter().collect(),
            settings: settings.to_owned(),
        }
    };
    Project::write(directory, vec![source("frontend", FRONTEND), source("backend", BACKEND)])
}

const FRONTEND: &str = r#"
[image.frontend.probe]
path = "/health"
port = 8080
[image.frontend.run]
user = "1000:1000"
writable = ["/tmp"]
env = { API_URL = "http://backend:8000" }
"#;

const BACKEND: &str = r#"
[image.backend.probe]
path = "/health"
port = 8000
[image.backend.run]
user = "1000:1000"
writable = ["/tmp"]
[image.backend.run.env]
DATABASE_URL = "postgresql://todo:only-for-the-probe@db:5432/todo"
BETTER_AUTH_SECRET = "only-for-the-probe-only-for-the-probe"
[image.backend.needs.db]
image = "postgres:16-alpine"
ready = "pg_isready -h 127.0.0.1 -U todo -d todo"
env = { POSTGRES_USER = "todo", POSTGRES_PASSWORD = "only-for-the-probe", POSTGRES_DB = "todo" }
"#;
