//! The planted failures of `fixtures/failures`: each is told at once, with its cause and the line to
//! change. `docs/failures.md` shows what is printed for each; `BLESS=1` writes it.

use crate::harness::{Place, top, try_kubectl};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What must stand in the block of a failure: in its message, and as the line to change.
struct Expected {
    name: &'static str,
    message: &'static str,
    change: &'static str,
}

const fn expected(name: &'static str, message: &'static str, change: &'static str) -> Expected {
    Expected { name, message, change }
}

const ALL: [Expected; 24] = [
    expected("claim", "storageclass.storage.k8s.io \"not-there\" not found", "storageClass: not-there"),
    expected("command-absent", "no such file or directory", "command: [/usr/local/bin/not-there]"),
    expected("command-mode", "permission denied", "command: [/etc/hostname]"),
    expected("config-map", "configmap \"not-there\" not found", "not-there"),
    expected("crash", "it ends with 1", "command:"),
    expected("crash-init", "it ends with 3", "init:"),
    expected("exec-format", "exec format error", "repository: docker.io/library/loadline-failures-foreign"),
    expected("image-absent", "never-loaded", "tag: never-loaded"),
    expected("image-name", "invalid reference format", "repository: docker.io/library/Python"),
    expected("image-pull", "registry.invalid/app", "repository: registry.invalid/app"),
    expected("memory", "more memory than its limit", "memory: 64Mi"),
    expected("pod-security", "violates PodSecurity \"restricted", "allowPrivilegeEscalation: true"),
    expected("probe-liveness", "404", "path: /not-there"),
    expected("probe-readiness", "404", "path: /not-there"),
    expected("probe-startup", "404", "path: /not-there"),
    expected("quota", "quota", "quota: \"0\""),
    expected("schedule-cpu", "Insufficient cpu", "cpu: \"512\""),
    expected("schedule-node", "node affinity/selector", "nodeSelector:"),
    expected("secret-absent", "secret \"not-there\" not found", "not-there"),
    expected("secret-key", "couldn't find key TOKEN in Secret", "TOKEN"),
    expected("secret-volume", "secret \"not-there\" not found", "secretName: not-there"),
    expected("service-account", "serviceaccount \"not-there\" not found", "serviceAccountName: not-there"),
    expected("user-name", "non-numeric user (nobody)", "user: 0"),
    expected("user-root", "run as root", "user: 0"),
];

/// How many are deployed at once: the node starts pods one after the other anyway.
const AT_ONCE: usize = 4;
/// A verdict that comes later has waited for something that it knew.
const SOON: Duration = Duration::from_secs(40);

/// What a failure came to.
struct Told {
    /// As people see it.
    text: String,
    problems: Vec<String>,
}

fn deploy(place: &Place, expected: &Expected) -> Told {
    let namespace = format!("{}-{}", place.namespace, expected.name);
    let begun = Instant::now();
    let mut command = place.command_for_people(&["deploy", expected.name, "--namespace", &namespace]);
    // Nothing of it is built: a state of its own, and nobody waits for the others.
    let output = command.env("XDG_STATE_HOME", place.home.path().join(expected.name)).output().unwrap();
    let took = begun.elapsed();
    try_kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
    let text = String::from_utf8(output.stderr).unwrap();
    let mut problems = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    must(output.status.code() == Some(4), "it ends with 4");
    must(text.contains(expected.message), &format!("it says `{}`", expected.message));
    let change = text.lines().find(|line| line.trim_start().starts_with("change "));
    must(
        change.is_some_and(|line| line.contains(expected.change)),
        &format!("it says to change `{}`", expected.change),
    );
    must(!text.contains("until the deadline"), "it does not wait for the deadline");
    must(took < SOON, &format!("it takes {took:?}"));
    Told { text: masked(&text, &namespace), problems }
}

/// Without what is another one in each run.
fn masked(text: &str, namespace: &str) -> String {
    let text = text.replace(namespace, "failures");
    let words = text.split_inclusive([' ', '\n', '"', '`', ')', '/']);
    words.map(mask).collect()
}

/// `crash-6d5f8c9b7d-x2x4z` as `crash-…`, and the digits of times as `…`.
fn mask(word: &str) -> String {
    let end = word.trim_end_matches([' ', '\n', '"', '`', ')', '/', ',', ';', ':', '.']);
    let rest = &word[end.len()..];
    let parts: Vec<&str> = end.rsplitn(3, '-').collect();
    if let [pod, set, name] = parts[..]
        && pod.len() == 5
        && (8..=10).contains(&set.len())
        && [pod, set].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        return format!("{name}-…{rest}");
    }
    let time = end.strip_suffix("ms").or_else(|| end.strip_suffix('s')).unwrap_or_default();
    if !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return format!("…s{rest}");
    }
    word.to_owned()
}

#[test]
fn twenty_four_failures_are_told_with_their_cause_and_the_line_to_change() {
    let place = Place::of(&top().join("fixtures/failures"), "f");
    place.run(&["build"]).fine();
    let images = ["python:3.12-slim", "loadline-failures-named-user:dev", "loadline-failures-foreign:dev"];
    for image in images {
        place.run(&["load", "--image", image]).fine();
    }
    let (open, told) = (Mutex::new(ALL.iter()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(next) = open.lock().unwrap().next() else { return };
                    let result = deploy(&place, next);
                    told.lock().unwrap().insert(next.name, result);
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    let mut wrong = String::new();
    for (name, Told { text, problems }) in &told {
        if !problems.is_empty() {
            wrong += &format!("== {name}: not so: {}\n{text}\n", problems.join("; "));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    compare_page(&told);
}

/// The page of the documentation has each failure, with the very lines that do not depend on the run.
fn compare_page(told: &BTreeMap<&str, Told>) {
    let path = top().join("docs/failures.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page(told)).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    for (name, Told { text, .. }) in told {
        let values = std::fs::read_to_string(top().join(format!("fixtures/failures/{name}.yaml"))).unwrap();
        assert!(page.contains(values.trim()), "docs/failures.md does not show {name}.yaml as it is");
        let first = text.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
        assert!(page.contains(first), "docs/failures.md does not show `{first}`; BLESS=1 writes it");
    }
}

fn page(told: &BTreeMap<&str, Told>) -> String {
    let mut page = String::from(
        "# What a deployment that fails is told\n\n\
        Each of these deployments fails for one reason, which is planted by a few values on a chart that works\n\
        otherwise (`fixtures/failures`). Below each is what `loadline deploy` prints. Names that differ from run\n\
        to run are shortened to `…`.\n\n\
        To see one yourself: `cd fixtures/failures && loadline deploy crash`, and `loadline undeploy --data` to\n\
        clean up.\n",
    );
    for (name, Told { text, .. }) in told {
        let values = std::fs::read_to_string(top().join(format!("fixtures/failures/{name}.yaml"))).unwrap();
        let block: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("error:")).collect();
        page += &format!("\n## {name}\n\n```yaml\n{}\n```\n\n```\n{}\n```\n", values.trim(), block.join("\n"));
    }
    page
}
