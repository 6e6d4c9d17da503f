//! `status` from nothing to all proven, and what each change makes of it.

use crate::harness::{BASE, address, untag};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

/// Enough for the kernel's clock to tick, so that what was built from is certain.
const TICK: Duration = Duration::from_millis(120);

struct Shop {
    dir: TempDir,
    name: String,
}

impl Shop {
    fn new() -> Self {
        let name = format!("loadline-status-{}", hex::encode(rand::random::<[u8; 6]>()));
        let shop = Self { dir: tempfile::tempdir().unwrap(), name };
        shop.write("Dockerfile", &format!("FROM {BASE}\nARG A\nUSER 101\nCOPY *.txt /\n"));
        shop.write("a.txt", &shop.name);
        shop.write("b.txt", "b");
        shop.settings("");
        shop
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.path().join(path), text).unwrap();
    }

    fn settings(&self, more: &str) {
        let head = "version = 1\n[image.app]\ndockerfile = \"Dockerfile\"\n";
        self.write("loadline.toml", &format!("{head}tag = \"{}:dev\"\n{more}", self.name));
    }

    /// Runs the command with a home of its own, in which there is no cluster.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("LOADLINE_TEACH", "off");
        for (variable, place) in [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")] {
            command.env(variable, self.home().join(place));
        }
        command.env("DOCKER_HOST", address().to_string()).output().unwrap()
    }

    /// Outside the context: what lies in a context is sent.
    fn home(&self) -> std::path::PathBuf {
        self.dir.path().with_extension("home")
    }

    fn does(&self, arguments: &[&str]) {
        std::thread::sleep(TICK);
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// The status of the only image, with the engine itself as the node.
    fn status(&self) -> Value {
        let output = self.run(&["status", "--target", &format!("docker:{}", address()), "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["images"][0].take()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let built = self.run(&["status", "--json"]);
        let document: Value = serde_json::from_slice(&built.stdout).unwrap_or_default();
        if let Some(id) = document["images"][0]["built"]["id"].as_str() {
            let short: String = id.trim_start_matches("sha256:").chars().take(12).collect();
            untag(format!("{}:id-{short}", self.name));
        }
        untag(format!("{}:dev", self.name));
        fs::remove_dir_all(self.home()).ok();
    }
}

/// Each part's state: built, verified, smoked, and the node's.
fn states(image: &Value) -> [&str; 4] {
    [&image["built"], &image["verified"], &image["smoked"], &image["nodes"][0]]
        .map(|part| part["state"].as_str().unwrap_or_default())
}

#[test]
fn status_follows_an_image_from_nothing_to_loaded() {
    let shop = Shop::new();
    assert_eq!(states(&shop.status()), ["not-built", "no", "no", "not-asked"]);
    assert!(!shop.home().exists(), "status makes nothing");

    shop.does(&["build"]);
    let built = shop.status();
    assert_eq!(states(&built), ["current", "no", "no", "unnamed"]);
    shop.does(&["build"]);
    assert_eq!(shop.status()["built"]["at"], built["built"]["at"], "what is up to date was not built anew");
    shop.does(&["verify"]);
    assert_eq!(states(&shop.status()), ["current", "yes", "no", "unnamed"]);
    shop.does(&["load", "--ungated", "--target", &format!("docker:{}", address())]);
    assert_eq!(states(&shop.status()), ["current", "yes", "no", "complete"]);

    // No cluster is no reason to hide the rest, and none to say that all is well.
    let output = shop.run(&["status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("now") && text.contains("yes"), "{text}");
    assert!(text.contains("minikube unknown: "), "{text}");
}

#[test]
fn status_says_what_changed() {
    let shop = Shop::new();
    shop.does(&["build"]);
    shop.does(&["verify"]);

    shop.settings("budget = \"900MB\"\n");
    let image = shop.status();
    assert_eq!(states(&image)[..2], ["current", "stale"]);
    assert_eq!(image["verified"]["cause"], "settings");
    shop.settings("budget = \"1KB\"\n");
    assert_eq!(shop.run(&["verify"]).status.code(), Some(1));
    assert_eq!(states(&shop.status())[1], "failed");

    shop.settings("args.A = \"1\"\n");
    let image = shop.status();
    assert_eq!(states(&image)[..2], ["stale", "stale"]);
    assert_eq!(image["built"]["cause"], "settings");
    shop.settings("");

    shop.write("a.txt", "other");
    shop.write("b.txt", "other");
    let image = shop.status();
    assert_eq!(image["built"]["cause"], "files");
    assert_eq!(image["built"]["why"], "a.txt and 1 more changed");
    shop.write("a.txt", &shop.name);
    shop.write("b.txt", "b");
    assert_eq!(states(&shop.status())[0], "current", "it is what was built");

    shop.write("Dockerfile", &format!("FROM {BASE}\nARG A\nUSER 102\nCOPY *.txt /\n"));
    assert_eq!(shop.status()["built"]["why"], "Dockerfile changed");
    shop.does(&["build"]);
    assert_eq!(states(&shop.status())[..2], ["current", "no"]);

    untag(format!("{}:dev", shop.name));
    let image = shop.status();
    assert_eq!(states(&image)[0], "stale");
    let cause = image["built"]["cause"].as_str().unwrap();
    assert!(["gone", "name"].contains(&cause), "{image}");
}
