//! `up` of images that run beside each other, by the command, into another engine.

use crate::harness::{address, untag};
use crate::todo::Ran;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// `web`, which is smoked beside `api`; both are this file's own.
struct Pair {
    dir: TempDir,
    salt: String,
}

const SERVER: &str = "import http.server, sys, signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')
http.server.HTTPServer(('', 8000), Handler).serve_forever()
";

impl Pair {
    fn new() -> Self {
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

    fn tag(&self, name: &str) -> String {
        format!("loadline-test-{}-{name}:1", self.salt)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.path().join(path), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let home = self.dir.path().join(".home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.env("LOADLINE_TEACH", "off");
        command.args(arguments).arg("--json").current_dir(self.dir.path());
        command.env("DOCKER_HOST", address().to_string()).env("XDG_STATE_HOME", &home).env("XDG_CACHE_HOME", &home);
        Ran::of_output(command.output().unwrap())
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
    assert!(Path::new(&pair.dir.path().join(".home")).exists());
}
