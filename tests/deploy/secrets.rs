//! The secrets verb, and that no value of a secret shows anywhere.

use crate::harness::{Place, Ran, detail, kubectl, said, salt, top, variable};
use std::path::Path;
use std::process::Output;

const SETTINGS: &str = r#"
version = 1
target = "minikube"

[release.app]
chart = "chart"

[release.app.set]
secretName = "app-secrets"

[secret.app-secrets]
POSTGRES_PASSWORD = { generate = 32, fixed = true }
DATABASE_URL = { text = "postgresql://todo:${POSTGRES_PASSWORD}@database:5432/todo" }
BETTER_AUTH_SECRET = { generate = 48 }
COHERE_API_KEY = { env = "COHERE_API_KEY" }
"#;

fn place(name: &str) -> Place {
    let place = Place::made(name, &[("loadline.toml", SETTINGS)]);
    copy(&top().join("fixtures/failures/chart"), &place.directory.join("chart"));
    place
}

pub fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// A key's value, as the cluster has it, in base64.
fn value(place: &Place, key: &str) -> String {
    place.kubectl(&["get", "secret", "app-secrets", "--output", &format!("jsonpath={{.data.{key}}}")])
}

fn details(ran: &Ran) -> String {
    ran.failure()["details"].to_string()
}

#[test]
fn t045_secrets_are_made_kept_and_rotated() {
    let place = place("secrets");
    let missing = place.here(&["secrets"]);
    assert_eq!(missing.code, Some(1), "{}", missing.stderr);
    assert!(detail(missing.failure(), "COHERE_API_KEY").contains("the environment has no COHERE_API_KEY"));
    let nothing = kubectl(&["get", "namespace", &place.namespace, "--ignore-not-found"]);
    assert_eq!(nothing, "", "nothing is written if a key has no value");

    let key = [("COHERE_API_KEY", "q8Xv2LmW0sTz5BhN")];
    place.here_with(&["secrets"], &key).fine();
    let (auth, password) = (value(&place, "BETTER_AUTH_SECRET"), value(&place, "POSTGRES_PASSWORD"));
    assert!(auth.len() >= 64 && password.len() >= 42);
    assert_ne!(value(&place, "DATABASE_URL"), "");
    // What the environment does not say any more stays, and what was made is not made again.
    place.here(&["secrets"]).fine();
    assert_eq!(
        (value(&place, "BETTER_AUTH_SECRET"), value(&place, "COHERE_API_KEY").is_empty()),
        (auth.clone(), false)
    );
    place.here(&["secrets", "--check"]).fine();

    place.here(&["secrets", "--rotate", "app-secrets/BETTER_AUTH_SECRET"]).fine();
    assert_ne!(value(&place, "BETTER_AUTH_SECRET"), auth);
    assert_eq!(value(&place, "POSTGRES_PASSWORD"), password);
    let fixed = place.here(&["secrets", "--rotate", "app-secrets/POSTGRES_PASSWORD"]);
    assert_eq!(fixed.code, Some(2), "{}", fixed.stderr);
    let hint = fixed.failure()["hint"].as_str().unwrap().to_owned();
    assert_eq!(hint, "known: app-secrets/BETTER_AUTH_SECRET");
}

#[test]
fn secrets_that_are_none_are_refused() {
    let place = place("weak");
    let with = |value: &str| place.here_with(&["secrets", "--check"], &[("COHERE_API_KEY", value)]);
    for (value, why) in
        [("", "empty"), ("<your key>", "placeholder"), ("abc", "weak"), ("changeme-changeme-1", "placeholder")]
    {
        let ran = with(value);
        assert_eq!(ran.code, Some(1), "{value}");
        assert!(detail(ran.failure(), "COHERE_API_KEY").contains(why), "{}", details(&ran));
        assert!(value.is_empty() || !ran.events.iter().any(|event| event.to_string().contains(value)));
    }
}

/// A Helm that notes its arguments, and the environment it is run in, before it does its work.
fn noting_helm(place: &Place, notes: &Path) -> std::ffi::OsString {
    use std::os::unix::fs::PermissionsExt;
    let directory = place.home.path().join("bin");
    std::fs::create_dir_all(&directory).unwrap();
    let helm = directory.join("helm");
    let real = variable("LOADLINE_TEST_HELM", "a Helm 4");
    std::fs::write(&helm, format!("#!/bin/sh\necho \"$@\" >>{}\nexec {real} \"$@\"\n", notes.display())).unwrap();
    std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).unwrap();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([directory].into_iter().chain(std::env::split_paths(&rest))).unwrap()
}

/// All files below `directory` that hold `text`.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let output = std::process::Command::new("grep").args(["-rlaF", text]).arg(directory).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_canary_in_a_secret_is_seen_nowhere() {
    let place = place("canary");
    place.run(&["load", "--image", "python:3.12-slim"]).fine();
    let canary = format!("canary{}{}", salt(), salt());
    let arguments = tempfile::NamedTempFile::new().unwrap();
    let run = |words: &[&str], json: bool| -> Output {
        let words = [words, &["--namespace", &place.namespace]].concat();
        let mut command = if json { place.command(&words) } else { place.command_for_people(&words) };
        command.env("COHERE_API_KEY", &canary).env("PATH", noting_helm(&place, arguments.path()));
        command.output().unwrap()
    };
    let mut said_all = String::new();
    for words in [
        &["secrets", "--check"][..],
        &["secrets"],
        &["deploy", "--dry-run"],
        &["deploy"],
        &["deploy", "--set=app.command=[\"sh\",\"-c\",\"exit 3\"]"],
        &["config"],
        &["rollback", "app"],
    ] {
        for json in [true, false] {
            let output = run(words, json);
            said_all += &said(&output);
            assert!(!said(&output).contains(&canary), "loadline {words:?}");
        }
    }
    assert!(said_all.contains("COHERE_API_KEY") && said_all.contains("revision"), "{said_all}");
    let noted = std::fs::read_to_string(arguments.path()).unwrap();
    assert!(noted.contains("upgrade") && !noted.contains(&canary), "{noted}");
    // What is kept between runs, and what Helm keeps of the release.
    assert_eq!(holding(place.home.path(), &canary), Vec::<String>::new());
    assert_eq!(holding(&place.directory, &canary), Vec::<String>::new());
    let all = place.kubectl(&["get", "all,configmaps,events", "--output", "yaml"]);
    assert!(!all.contains(&canary));
    let releases = place.object(&["get", "secrets", "--selector", "owner=helm"]);
    let releases = releases["items"].as_array().unwrap();
    assert!(!releases.is_empty());
    for release in releases {
        let packed = release["data"]["release"].as_str().unwrap();
        let script = "base64 -d | base64 -d | gzip -d";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let packed = packed.to_owned();
        let feeding = std::thread::spawn(move || std::io::Write::write_all(&mut input, packed.as_bytes()));
        let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        feeding.join().unwrap().unwrap();
        assert!(text.contains("manifest") && !text.contains(&canary));
    }
    // It is where it belongs.
    let kept = value(&place, "COHERE_API_KEY");
    assert!(!kept.is_empty());
}
