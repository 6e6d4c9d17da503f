//! The command as a person or a script sees it: its own process, its own HOME, a cleared
//! environment, no engine. What is shown is compared with snapshots; INSTA_UPDATE=always renews
//! them, and with CI set nothing is ever written.

mod browse;
mod generated;
mod journeys;
mod looking;
mod settings;
mod site;
mod verbs;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A project in a directory of its own.
struct Shop {
    _temporary: tempfile::TempDir,
    root: PathBuf,
}

impl Shop {
    /// An empty directory `shop`.
    fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap().join("shop");
        std::fs::create_dir(&root).unwrap();
        Self { _temporary: temporary, root }
    }

    /// One with a Dockerfile for `api` and these settings.
    fn with(settings: &str) -> Self {
        Self::empty().file("api.Dockerfile", "FROM scratch\n").file("loadline.toml", settings)
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.env("LOADLINE_TEACH", "off");
        command.args(args).current_dir(&self.root).env_clear().env("HOME", self.root.join("home"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.ran(self.command(args))
    }

    fn ran(&self, mut command: Command) -> Ran {
        Ran::of(&command.output().unwrap(), &self.root)
    }
}

/// How a command ended and what it wrote.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output, root: &Path) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root.to_str().unwrap(), "$SHOP");
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// All of it, for a snapshot.
    fn all(&self) -> String {
        let part = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("--- {name}\n{text}") };
        format!("exit {}\n{}{}", self.code.unwrap_or(-1), part("stdout", &self.out), part("stderr", &self.err))
    }
}
