//! Planted faults in files: each is named with its line, and nothing else is.

use crate::images::*;
use loadline::types::{Finding, Severity};
use loadline::verify::{Policy, Source, check};
use serde_json::{Value, json};

const DOCKERFILE: &str = "FROM base\nCOPY app /app\nARG NPM_TOKEN\nRUN work\n";

/// Made when it is needed: nobody should find one in this file.
fn key() -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n", "Mi0A".repeat(16), "Qk1B".repeat(16))
}

fn image(base: &[Item], copied: &[Item], worked: &[Item], arguments: &str) -> Image {
    let own = [
        directory("etc/", 0o755),
        file("etc/passwd", 0o644, "app:x:1000:1000::/:/bin/sh\n"),
        directory("bin/", 0o755),
        file("bin/sh", 0o755, "ELF"),
    ];
    let layers = [layer(&[&own, base].concat()), layer(copied), layer(worked)];
    let run = json!({"User": "1000:1000", "Env": ["PATH=/bin"], "Cmd": ["sh"], "Healthcheck": {"Test": ["CMD", "sh"]}});
    let mut image = Image::new(run, &layers);
    image.history = json!([
        {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created_by": "COPY app /app # buildkit"},
        {"created_by": "ARG NPM_TOKEN", "empty_layer": true},
        {"created_by": format!("RUN {arguments}/bin/sh -c work # buildkit")},
    ]);
    image
}

/// The findings about files, the base's pinning aside.
fn found(image: &Image) -> Vec<Finding> {
    let source = Source { file: "Dockerfile".into(), text: DOCKERFILE.into(), ..Source::default() };
    let rules = [("base.unpinned".to_owned(), None)].into();
    let policy = Policy { dockerfile: Some(source), rules, ..Policy::default() };
    let verdict = check(&image.facts(), &policy);
    assert!(verdict.passed && verdict.findings.iter().all(|finding| finding.severity == Severity::Warn));
    verdict.findings
}

/// Rule, line and what is found, of each finding.
fn told(findings: &[Finding]) -> Vec<(&str, Option<u32>, &str)> {
    let line = |finding: &Finding| finding.place.as_ref().and_then(|place| place.line);
    findings.iter().map(|finding| (finding.rule.as_str(), line(finding), finding.found.as_str())).collect()
}

#[test]
fn an_image_without_faults_has_nothing_to_find() {
    let clean = image(
        &[
            file("usr/bin/su", 0o4755, "ELF"),
            file("var/lib/apt/lists/x", 0o644, "of the base"),
            directory("tmp/", 0o1777),
        ],
        &[
            file("app/main.py", 0o644, "if line == '-----BEGIN PRIVATE KEY-----':\n    pass\n"),
            file("app/.env.example", 0o644, "API_KEY=\n"),
            file("app/settings.toml", 0o644, "url = 'postgres://app:$PASSWORD@db'\n"),
            file("app/.npmrc", 0o644, "//registry/:_authToken=${NPM_TOKEN}\n"),
        ],
        &[directory("data/", 0o1777), file("usr/bin/own", 0o755, "ELF")],
        "|1 MODE=fast ",
    );
    assert_eq!(told(&found(&clean)), []);
}

#[test]
fn a_key_that_a_later_line_deletes_is_named_with_both_lines() {
    let image = image(&[], &[file("app/id", 0o600, &key())], &[file("app/.wh.id", 0o644, "")], "");
    let findings = found(&image);
    let text = "`/app/id` holds a private key; line 4 replaces or deletes it, and it is in the image all the same";
    assert_eq!(told(&findings), [("secret.file", Some(2), text)]);
    assert_eq!(findings[0].details, ["put there by: COPY app /app"]);
    assert!(findings[0].hint.as_ref().unwrap().contains(".dockerignore"));
}

#[test]
fn each_planted_file_is_named_by_what_it_gives_away() {
    let url = "url = 'postgres://app:hunter2@db/x'\n";
    for (path, content, what) in [
        ("app/.env", "MODE=x\n", "an environment"),
        ("app/.env.production", url, "a URL with a password"),
        ("app/settings.yaml", url, "a URL with a password"),
        ("root/.npmrc", "//registry/:_authToken=abcdef\n", "credentials of a package registry or a host"),
        ("root/.netrc", "machine h login a password abc\n", "credentials of a package registry or a host"),
        ("srv/notes.txt", &format!("{}_{}", "ghp", "Ab1".repeat(12)), "a GitHub token"),
    ] {
        for line in [2, 4] {
            let planted = [file(path, 0o644, content)];
            let image = if line == 2 { image(&[], &planted, &[], "") } else { image(&[], &[], &planted, "") };
            let text = format!("`/{path}` holds {what}");
            assert_eq!(told(&found(&image)), [("secret.file", Some(line), text.as_str())]);
        }
    }
}

#[test]
fn what_a_package_ships_is_no_secret() {
    let lists = [
        file("var/lib/dpkg/info/ssl.list", 0o644, "/.\n/usr/share/ssl/test.key\n"),
        file("usr/share/ssl/test.key", 0o644, &key()),
    ];
    let modules = [file("app/node_modules/https/test/key.pem", 0o644, &key())];
    assert_eq!(told(&found(&image(&lists, &modules, &[], ""))), []);
}

#[test]
fn arguments_in_the_history_are_named_once() {
    let findings = found(&image(&[], &[], &[], "|2 NPM_TOKEN=abcdef MODE=x "));
    let text = "the argument `NPM_TOKEN` has a value, and a secret's name";
    assert_eq!(told(&findings), [("secret.history", Some(3), text)]);
    assert!(!format!("{findings:?}").contains("abcdef"), "values are never told");
}

#[test]
fn loose_files_and_caches_are_named_by_the_line_that_adds_them() {
    let worked = [
        file("usr/bin/own", 0o4755, "ELF"),
        file("usr/bin/group", 0o2755, "ELF"),
        directory("data/", 0o777),
        file("data/open", 0o666, "x"),
        file("var/lib/apt/lists/index", 0o644, &"x".repeat(5000)),
        file("root/.cache/pip/http/a", 0o644, &"x".repeat(3000)),
    ];
    let findings = found(&image(&[], &[], &worked, ""));
    let expected = [
        ("file.cache", Some(4), "3 KB in `~/.cache/pip`"),
        ("file.cache", Some(4), "5 KB in `/var/lib/apt/lists`"),
        ("file.setuid", Some(4), "`/usr/bin/group`, `/usr/bin/own`"),
        ("file.writable", Some(4), "`/data`, `/data/open`"),
    ];
    let mut all = told(&findings);
    all.sort_unstable();
    assert_eq!(all, expected);
    // What is deleted again is not seen by a container.
    let again = [file("usr/bin/.wh.own", 0o644, "")];
    assert_eq!(told(&found(&image(&[], &[file("usr/bin/own", 0o4755, "ELF")], &again, ""))), []);
}

#[test]
fn rules_are_raised_and_switched_off() {
    let image = image(&[], &[file("app/id", 0o600, &key())], &[], "");
    let with = |level: Option<Severity>| {
        let rules = [("secret.file".to_owned(), level)].into();
        check(&image.facts(), &Policy { rules, ..Policy::default() })
    };
    assert!(!with(Some(Severity::Error)).passed);
    let off: Vec<Value> = with(None).findings.iter().map(|finding| json!(finding.rule)).collect();
    assert!(!off.contains(&json!("secret.file")), "{off:?}");
}

#[test]
fn what_builds_or_installs_is_named_by_the_line_that_adds_it() {
    let base = [file("usr/bin/apt-get", 0o755, "ELF")];
    let worked = [
        file("usr/bin/gcc-12", 0o755, "ELF"),
        link("usr/bin/gcc", "gcc-12"),
        file("opt/go/bin/go", 0o755, "ELF"),
        file("app/.venv/bin/pip", 0o755, "#!/usr/bin/python3\n"),
        file("app/go", 0o755, "ELF"),
        file("usr/bin/npm", 0o644, "not to be run"),
    ];
    let findings = found(&image(&base, &[], &worked, ""));
    let text = "`/app/.venv/bin/pip`, `/opt/go/bin/go`, `/usr/bin/gcc`, `/usr/bin/gcc-12`";
    assert_eq!(told(&findings), [("file.tool", Some(4), text)]);
}
