//! A project with one image that answers, for the command to be tried on from end to end.

use crate::todo::Ran;
use loadline::engine::{Address, Engine};
use std::process::Command;
use tempfile::TempDir;

const DOCKERFILE: &str = "FROM python:3.12-slim
COPY . /
RUN python3 -m py_compile /server.py
USER 1000
EXPOSE 8000
CMD [\"python3\", \"/server.py\"]
";

/// Answers on port 8000, and ends when it is told to.
pub const SERVER: &str = "import http.server, sys, signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')
http.server.HTTPServer(('', 8000), Handler).serve_forever()
";

pub struct Site {
    dir: TempDir,
    pub tag: String,
}

impl Site {
    pub fn new() -> Self {
        Self::tagged(format!("loadline-test-{}:1", hex::encode(rand::random::<[u8; 6]>())))
    }

    pub fn tagged(tag: String) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap(), tag };
        site.write("project/Dockerfile", DOCKERFILE);
        site.write("project/server.py", &format!("# {}\n{SERVER}", site.tag));
        let settings = format!(
            "version = 1\n[image.site]\ndockerfile = \"Dockerfile\"\ntag = \"{}\"\n[image.site.probe]\npath = \"/\"\n",
            site.tag
        );
        site.write("project/loadline.toml", &settings);
        site
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn append_settings(&self, more: &str) {
        let path = self.dir.path().join("project/loadline.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + more).unwrap();
    }

    /// The home of the command's user; the project is in it.
    pub fn home(&self) -> std::path::PathBuf {
        self.dir.path().to_owned()
    }

    /// The command in the project, with a home of its own.
    pub fn command(&self, arguments: &[&str], environment: &[(&str, String)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.args(arguments).current_dir(self.dir.path().join("project")).env_clear();
        command.env("HOME", self.dir.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("LOADLINE_TEACH", "off");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str], environment: &[(&str, String)]) -> Ran {
        Ran::of_output(self.command(arguments, environment).arg("--json").output().unwrap())
    }

    pub fn is_built_verified_and_smoked(&self, environment: &[(&str, String)]) {
        for verb in ["build", "verify", "smoke"] {
            let ran = self.run(&[verb], environment);
            assert_eq!(ran.code, 0, "{verb}: {}", ran.stderr);
        }
    }

    /// Takes the image's name away.
    pub fn remove_from(&self, address: &Address) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { Engine::connect(address).await.unwrap().untag(&self.tag).await.unwrap() });
    }
}
