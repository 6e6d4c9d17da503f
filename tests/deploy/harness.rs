//! The command, the cluster it is pointed at, and namespaces that go with the test.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub fn variable(name: &str, what: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} names {what}; `cargo xtask test deploy` sets it"))
}

pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Text that no earlier run had.
pub fn salt() -> String {
    hex::encode(rand::random::<[u8; 4]>())
}

fn program(name: &str) -> String {
    variable(&format!("LOADLINE_TEST_{}", name.to_uppercase()), name)
}

/// What kubectl answers of the everyday cluster; it must succeed.
pub fn kubectl(words: &[&str]) -> String {
    kubectl_of(&everyday(), words)
}

pub fn try_kubectl(words: &[&str]) -> Output {
    try_kubectl_of(&everyday(), words)
}

fn everyday() -> String {
    variable("LOADLINE_TEST_KUBECONFIG", "a cluster")
}

fn kubectl_of(kubeconfig: &str, words: &[&str]) -> String {
    let output = try_kubectl_of(kubeconfig, words);
    assert!(output.status.success(), "kubectl {words:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn try_kubectl_of(kubeconfig: &str, words: &[&str]) -> Output {
    Command::new(program("kubectl")).env("KUBECONFIG", kubeconfig).args(words).output().unwrap()
}

/// What kubectl answers, as JSON.
pub fn object(words: &[&str]) -> Value {
    serde_json::from_str(&kubectl(&[words, &["--output", "json"]].concat())).expect("JSON")
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// What a run of the command came to.
pub struct Ran {
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        let events = stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
        Self {
            code: output.status.code(),
            events: events.collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == kind).collect()
    }

    /// The release's `deployed`.
    pub fn deployed(&self, release: &str) -> &Value {
        let found = self.of_kind("deployed").into_iter().find(|event| event["release"] == release);
        found.unwrap_or_else(|| panic!("{release} was not deployed: {}", self.stderr))
    }

    /// The only failure.
    pub fn failure(&self) -> &Value {
        let found = self.of_kind("failed");
        assert_eq!(found.len(), 1, "{:#?}\n{}", self.events, self.stderr);
        found[0]
    }

    pub fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

/// A detail of a failure.
pub fn detail<'a>(failure: &'a Value, name: &str) -> &'a str {
    let details = failure["details"].as_array().into_iter().flatten();
    let found = details.into_iter().find(|detail| detail[0] == name);
    found.and_then(|detail| detail[1].as_str()).unwrap_or_default()
}

/// A project, a namespace of its own, and what is kept between runs; all of it goes with the test.
pub struct Place {
    pub namespace: String,
    pub directory: PathBuf,
    pub home: TempDir,
    minikube_home: String,
    kubeconfig: String,
    /// The files are the test's own.
    _files: Option<TempDir>,
}

impl Place {
    /// For the project in `directory`, which the test does not change.
    pub fn of(directory: &Path, name: &str) -> Self {
        Self::with(directory.to_owned(), name, None)
    }

    /// For a project with these files.
    pub fn made(name: &str, files: &[(&str, &str)]) -> Self {
        let own = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = own.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self::with(own.path().to_owned(), name, Some(own))
    }

    fn with(directory: PathBuf, name: &str, files: Option<TempDir>) -> Self {
        let namespace = format!("loadline-test-{name}-{}", salt());
        let minikube_home = variable("LOADLINE_TEST_MINIKUBE_HOME", "a Minikube home");
        let home = tempfile::tempdir().unwrap();
        Self { namespace, directory, home, minikube_home, kubeconfig: everyday(), _files: files }
    }

    /// In the cluster of two nodes instead.
    pub fn on_two_nodes(mut self) -> Self {
        self.minikube_home = variable("LOADLINE_TEST_TWO_NODES_HOME", "the Minikube home of a cluster with two nodes");
        self.kubeconfig = format!("{}/kubeconfig", self.minikube_home);
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.directory.join(path), text).unwrap();
    }

    /// The command, to be run here, as a machine reads it.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.command_for_people(words);
        command.arg("--json");
        command
    }

    pub fn command_for_people(&self, words: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_loadline"));
        command.args(words);
        command
    }

    /// A script, where programs of `first` are found before all others.
    pub fn in_shell(&self, script: &str, first: &Path) -> Command {
        let mut command = self.program("sh");
        let path = path_with_helm();
        let path = std::env::join_paths([first.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
        command.args(["-c", script]).env("PATH", path);
        command
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.directory).env("LOADLINE_TEACH", "off");
        command.env("DOCKER_HOST", variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in"));
        command.env("MINIKUBE_HOME", &self.minikube_home).env("KUBECONFIG", &self.kubeconfig);
        command.env("XDG_STATE_HOME", self.home.path()).env("XDG_CACHE_HOME", self.home.path());
        command.env("PATH", path_with_helm()).env_remove("COHERE_API_KEY");
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&self.command(words).output().unwrap())
    }

    /// A verb about releases, in the namespace of this place.
    pub fn here(&self, words: &[&str]) -> Ran {
        self.run(&[words, &["--namespace", &self.namespace]].concat())
    }

    pub fn here_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = self.command(&[words, &["--namespace", &self.namespace]].concat());
        Ran::of(&command.envs(environment.iter().copied()).output().unwrap())
    }

    pub fn kubectl(&self, words: &[&str]) -> String {
        kubectl_of(&self.kubeconfig, &[&["--namespace", &self.namespace], words].concat())
    }

    pub fn object(&self, words: &[&str]) -> Value {
        let text = self.kubectl(&[words, &["--output", "json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let words = ["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"];
        try_kubectl_of(&self.kubeconfig, &words);
    }
}

/// Helm is found as it is by its users.
fn path_with_helm() -> std::ffi::OsString {
    let helm = PathBuf::from(program("helm"));
    let own = helm.parent().map(Path::to_owned);
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&rest))).unwrap()
}
