//! `up` of images that run beside each other, by the command, into another engine.

use crate::harness::{address, engine, untag};
use crate::site::SERVER;
use crate::todo::Ran;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::fs;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// `web`, which is smoked beside `api`; both are this file's own.
pub struct Pair {
    dir: TempDir,
    salt: String,
}

impl Pair {
    pub fn new() -> Self {
        let pair = Self { dir: tempfile::tempdir().unwrap(), salt: hex::encode(rand::random::<[u8; 6]>()) };
        let dockerfile = |extra: &str| {
            format!(
                "FROM python:3.12-slim\nCOPY server.py /server.py\n{extra}USER 1000\nEXPOSE 8000\nCMD [\"python3\", \"/server.py\"]\n"
            )
        };
        pair.write("server.py", SERVER);
        // The needed one takes longer to build than the other takes to be smoked.
        pair.write("api.Dockerfile", &dockerfile(&format!("RUN echo {}; sleep 4\n", pair.salt)));
        pair.write("web.Dockerfile", &dockerfile(&format!("ENV SALT={}\n", pair.salt)));
        let image = |name: &str| {
            format!(
                "[image.{name}]\ndockerfile = \"{name}.Dockerfile\"\ncontext = \".\"\ntag = \"{}\"\n[image.{name}.probe]\npath = \"/\"\n",
                pair.tag(name)
            )
        };
        pair.write("loadline.toml", &format!("version = 1\n{}{}[image.web.needs.api]\n", image("api"), image("web")));
        pair
    }

    pub fn tag(&self, name: &str) -> String {
        format!("loadline-test-{}-{name}:1", self.salt)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.path().join(path), text).unwrap();
    }

    /// Where the state and the cache are.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join(".home")
    }

    /// Changes what both images are made from.
    pub fn change(&self, n: usize) {
        self.write("server.py", &format!("{SERVER}# {n}\n"));
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of_output(self.command(arguments).output().unwrap())
    }

    /// Starts the command and does not wait for it.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let home = self.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.env("LOADLINE_TEACH", "off");
        command.args(arguments).arg("--json").current_dir(self.dir.path());
        command.env("DOCKER_HOST", address().to_string()).env("XDG_STATE_HOME", &home).env("XDG_CACHE_HOME", &home);
        command
    }

    /// Runs the command, and counts how often the context's directory was opened.
    fn opens(&self, arguments: &[&str]) -> (Ran, usize) {
        let watch = inotify::init(CreateFlags::NONBLOCK).unwrap();
        // Two equal events in a row become one: with the ends between them they stay two.
        inotify::add_watch(&watch, self.dir.path(), WatchFlags::OPEN | WatchFlags::CLOSE_NOWRITE).unwrap();
        let ran = self.run(arguments);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        let mut count = 0;
        // What is opened inside of it comes with its name.
        while let Ok(event) = events.next() {
            count += usize::from(event.file_name().is_none() && event.events().contains(ReadFlags::OPEN));
        }
        (ran, count)
    }

    fn at(ran: &Ran, kind: &str, image: &str) -> usize {
        let found = ran.events.iter().position(|event| event["event"] == kind && event["image"] == image);
        found.unwrap_or_else(|| panic!("no {kind} of {image}: {}", ran.stderr))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in ["api", "web"] {
            untag(self.tag(name));
        }
    }
}

#[tokio::test]
async fn what_an_image_needs_is_built_before_it_is_smoked() {
    let pair = Pair::new();
    // The engine itself as the target: nothing moves, which is all that this needs.
    let target = format!("docker:{}", address());
    let ran = pair.run(&["up", "web", "--target", &target]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(Pair::at(&ran, "built", "api") < Pair::at(&ran, "smoke-started", "web"));
    assert!(ran.of("loaded", "api").is_empty(), "only what was asked for is loaded");
    assert_eq!(ran.one("loaded", "web")["sent"], 0);
    assert_eq!(pair.run(&["load", "web", "--target", &target]).code, 0, "its own evidence holds");
}

#[tokio::test]
async fn what_does_not_pass_is_nowhere_though_its_load_began() {
    let pair = Pair::new();
    let target = format!("docker:{}", address());
    let settings = fs::read_to_string(pair.dir.path().join("loadline.toml")).unwrap();
    pair.write("loadline.toml", &settings.replace("[image.api]\n", "[image.api]\nbudget = \"1 KB\"\n"));
    let ran = pair.run(&["up", "api", "--target", &target]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.of("loaded", "api").is_empty());
    assert_eq!(ran.one("verified", "api")["passed"], false);
    assert!(ran.of("failed", "api").is_empty(), "that its load ended is no news: {}", ran.stderr);
    let id = ran.one("built", "api")["id"].as_str().unwrap().to_owned();
    let name = pair.tag("api").replace(":1", &format!(":id-{}", &id["sha256:".len()..][..12]));
    assert!(engine().await.inspect(&name).await.unwrap_err().is_not_found(), "{name}");
}

#[tokio::test]
async fn up_walks_each_context_once() {
    let pair = Pair::new();
    let target = format!("docker:{}", address());
    assert_eq!(pair.run(&["build", "api"]).code, 0);
    // The files were made a moment before: what the first build was of is certain after another.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(pair.run(&["build", "api"]).code, 0);
    // A build that has nothing to do walks once, to find that.
    let (ran, once) = pair.opens(&["build", "api"]);
    assert!(ran.one("up-to-date", "api")["files"].as_u64() > Some(0) && once > 0);
    let (ran, opened) = pair.opens(&["up", "api", "--target", &target]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.of("verified", "api").is_empty() && !ran.of("smoked", "api").is_empty());
    assert_eq!(opened, once, "the steps after the build do not look at its files again");
}

#[tokio::test]
async fn an_id_is_loaded_under_the_names_that_it_has() {
    let pair = Pair::new();
    let target = format!("docker:{}", address());
    let built = pair.run(&["build", "web"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let id = engine().await.inspect(&pair.tag("web")).await.unwrap().engine_id;
    for text in [id.to_string(), id.hex()[..12].to_owned()] {
        let ran = pair.run(&["load", "--image", &text, "--target", &target]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let ran = pair.run(&["load", "--image", "0123456789ab", "--target", &target]);
    assert!(ran.code != 0 && ran.stderr.contains("0123456789ab"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_id_without_a_name_is_refused_with_what_to_do() {
    let pair = Pair::new();
    assert_eq!(pair.run(&["build", "web"]).code, 0);
    let engine = engine().await;
    let id = engine.inspect(&pair.tag("web")).await.unwrap().engine_id.to_string();
    // Another build takes the name.
    pair.change(1);
    assert_eq!(pair.run(&["build", "web"]).code, 0);
    let ran = pair.run(&["load", "--image", &id, "--target", &format!("docker:{}", address())]);
    // A containerd store drops what has lost its last name.
    let kept = engine.untag(&id).await.is_ok();
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.contains("has no name"), kept, "{}", ran.stderr);
    assert_eq!(ran.stderr.contains("`docker tag sha256:"), kept, "{}", ran.stderr);
}

#[tokio::test]
async fn what_the_plan_builds_is_never_pulled() {
    let pair = Pair::new();
    assert_eq!(pair.run(&["build", "web"]).code, 0);
    let ran = pair.run(&["smoke", "web"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("`loadline build api`") && !ran.stderr.contains("pulling"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_step_on_a_build_that_is_out_of_date_is_refused_with_what_changed() {
    let pair = Pair::new();
    assert_eq!(pair.run(&["build", "web"]).code, 0);
    // The files were made a moment before: what the first build was of is certain after another.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(pair.run(&["build", "web"]).code, 0);
    assert_eq!(pair.run(&["verify", "web"]).code, 0);
    let dockerfile = fs::read_to_string(pair.dir.path().join("web.Dockerfile")).unwrap();
    pair.write("web.Dockerfile", &dockerfile.replace("USER 1000", "USER 0"));
    let ran = pair.run(&["verify", "web"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`web.Dockerfile` changed") && ran.stderr.contains("`loadline build web`"),
        "{}",
        ran.stderr
    );
    assert!(pair.home().exists());
}
