//! A project in a temporary directory, and the engine that the environment names.

use loadline::build::{Built, Error, Inputs, Options, build};
use loadline::engine::buildkit::BuildKit;
use loadline::engine::{Address, Engine};
use loadline::event::{Event, Events};
use loadline::project::ImagePlan;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A base that is in every engine of the tests, and has a shell.
pub const BASE: &str = "nginx:alpine";

/// The address of the engine under test.
pub fn address() -> Address {
    let host = std::env::var("LOADLINE_TEST_DOCKER_HOST")
        .expect("LOADLINE_TEST_DOCKER_HOST names the engine under test; `cargo xtask test engine` sets it");
    Address::parse(&host, "LOADLINE_TEST_DOCKER_HOST", None).expect("a valid address")
}

pub async fn engine() -> Engine {
    Engine::connect(&address()).await.expect("the engine under test answers")
}

/// A project with one image; its name in the engine goes when this is dropped.
pub struct Project {
    pub dir: TempDir,
    pub plan: ImagePlan,
    pub options: Options,
    pub events: Arc<Mutex<Vec<Event>>>,
    pub cancel: CancellationToken,
    /// Text that no earlier run had.
    pub salt: String,
    /// What decided the last build, if that is certain.
    pub inputs: Mutex<Option<Inputs>>,
}

impl Project {
    pub fn new(dockerfile: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let salt = hex::encode(rand::random::<[u8; 6]>());
        let name = format!("loadline-test-{salt}");
        let plan = ImagePlan {
            context: dir.path().to_owned(),
            dockerfile: dir.path().join("Dockerfile"),
            tags: vec![name.parse().unwrap()],
            ..ImagePlan::undescribed("app")
        };
        let (options, events, cancel) = (Options::default(), Arc::default(), CancellationToken::new());
        let project = Self { dir, plan, options, events, cancel, salt, inputs: Mutex::default() };
        project.write("Dockerfile", &project.salted(dockerfile));
        project
    }

    /// The engine is the same from run to run: without a text of its own in every `RUN`, the second
    /// run's steps would be cached.
    pub fn salted(&self, dockerfile: &str) -> String {
        let salted = |line: &str| match line.strip_prefix("RUN ") {
            None => line.to_owned(),
            Some(rest) => {
                let flags = rest.split(' ').take_while(|word| word.starts_with("--")).count();
                let mut words: Vec<&str> = rest.split(' ').collect();
                let salt = format!(": {};", self.salt);
                words.insert(flags, &salt);
                format!("RUN {}", words.join(" "))
            }
        };
        dockerfile.split('\n').map(salted).collect::<Vec<_>>().join("\n")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(Path::new(path))
    }

    pub async fn build(&self) -> Result<Built, Error> {
        self.build_at(&address()).await
    }

    pub async fn build_at(&self, address: &Address) -> Result<Built, Error> {
        let engine = Engine::connect(address).await.expect("the engine under test answers");
        let buildkit = BuildKit::of_engine(&engine).await.expect("the engine has a BuildKit");
        self.events.lock().unwrap().clear();
        let all = self.events.clone();
        let events = Events::new(move |event| all.lock().unwrap().push(event));
        let done = build(&engine, &buildkit, &self.plan, &self.options, &events, &self.cancel).await?;
        *self.inputs.lock().unwrap() = done.inputs.ok();
        Ok(done.built)
    }

    /// Steps in all, from the cache, and bytes sent, of the last build.
    pub fn counts(&self) -> (usize, usize, u64) {
        let events = self.events.lock().unwrap();
        let built = events.iter().find_map(|event| match event {
            Event::Built { steps, cached, sent, .. } => Some((*steps, *cached, sent.0)),
            _ => None,
        });
        built.expect("the image was built")
    }

    /// Everything that steps of the last build wrote.
    pub fn output(&self) -> String {
        let events = self.events.lock().unwrap();
        let lines = events.iter().filter_map(|event| match event {
            Event::StepLog { text, .. } => Some(format!("{text}\n")),
            _ => None,
        });
        lines.collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        untag(self.plan.tags[0].canonical());
    }
}

/// Takes a name away in the engine, from where nothing can be awaited.
pub fn untag(name: String) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The image is not there when the build was meant to fail.
        runtime.block_on(async { engine().await.untag(&name).await.ok() });
    })
    .join()
    .ok();
}

/// The labels that name a process of this host that has ended.
pub fn dead_process() -> Vec<(String, String)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let labels = [
        ("io.loadline.host", format!("{} {}", boot.trim(), namespace.display())),
        ("io.loadline.pid", pid.to_string()),
        ("io.loadline.pid-started", "1".into()),
    ];
    labels.map(|(name, value)| (name.to_owned(), value)).into()
}
