//! Findings that are accepted for a time.

use crate::images::*;
use loadline::project::Allowance;
use loadline::types::{Place, Severity};
use loadline::verify::{Policy, Source, Verdict, check};
use serde_json::json;

fn allowance(rule: &str, image: Option<&str>, only: &[&str]) -> Allowance {
    Allowance {
        rule: rule.into(),
        image: image.map(str::to_owned),
        only: only.iter().map(|one| (*one).to_owned()).collect(),
        reason: "known".into(),
        until: "2027-01-31".parse().unwrap(),
        place: Place { file: "loadline.toml".into(), line: Some(9) },
    }
}

fn policy(allowed: Vec<Allowance>, lapsed: Vec<Allowance>) -> Policy {
    let source = Source { file: "Dockerfile".into(), text: "FROM a@x\nRUN work\n".into(), ..Source::default() };
    let rules = [("healthcheck.missing".to_owned(), None), ("base.unpinned".to_owned(), None)].into();
    Policy { dockerfile: Some(source), rules, allowed, lapsed, ..Policy::default() }
}

/// An image with two programs that give other rights, a variable with a secret, and a root user.
fn verdict(policy: &Policy) -> Verdict {
    let base = layer(&[file("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\n"), file("bin/sh", 0o755, "ELF")]);
    let work = layer(&[file("usr/bin/one", 0o4755, "ELF"), file("usr/bin/two", 0o4755, "ELF")]);
    let mut image = Image::new(json!({"User": "0", "Cmd": ["/bin/sh"], "Env": ["DB_PASSWORD=hunter2"]}), &[base, work]);
    image.history = json!([{"created_by": "ADD"}, {"created_by": "RUN /bin/sh -c work # buildkit"}]);
    check(&image.facts(), policy)
}

fn rules(verdict: &Verdict) -> Vec<(&str, Severity)> {
    verdict.findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect()
}

#[test]
fn what_is_accepted_is_not_found_and_is_told() {
    let all = [("user.root", Severity::Error), ("secret.env", Severity::Warn), ("file.setuid", Severity::Warn)];
    assert_eq!(rules(&verdict(&policy(vec![], vec![]))), all);
    let allowed = vec![
        allowance("user.root", Some("api"), &[]),
        allowance("secret.env", None, &["DB_*"]),
        allowance("file.setuid", None, &["/usr/**"]),
    ];
    let verdict = verdict(&policy(allowed, vec![]));
    assert!(verdict.passed && verdict.findings.is_empty(), "{:?}", verdict.findings);
    let told: Vec<_> = verdict.accepted.iter().map(|one| (one.by.rule.as_str(), one.what.join(" "))).collect();
    let expected = [("user.root", ""), ("secret.env", "DB_PASSWORD"), ("file.setuid", "/usr/bin/one /usr/bin/two")];
    assert_eq!(told, expected.map(|(rule, what)| (rule, what.to_owned())));
}

#[test]
fn one_file_that_is_accepted_leaves_the_others_found() {
    let verdict = verdict(&policy(vec![allowance("file.setuid", None, &["/usr/bin/one"])], vec![]));
    let found = verdict.findings.iter().find(|finding| finding.rule == "file.setuid").unwrap();
    assert_eq!(found.found, "`/usr/bin/two`");
    // What names a file accepts nothing that is about none.
    let narrow = policy(vec![allowance("user.root", None, &["/usr/bin/one"])], vec![]);
    assert!(rules(&self::verdict(&narrow)).contains(&("user.root", Severity::Error)));
}

#[test]
fn one_that_nothing_of_its_image_needs_is_found() {
    let allowed = vec![allowance("file.cache", Some("api"), &[]), allowance("file.cache", None, &[])];
    // What `verify` does not look at may need it.
    let elsewhere = [allowance("stop.exit-code", Some("api"), &[]), allowance("pod.user", Some("api"), &[])];
    let verdict = verdict(&policy([allowed, elsewhere.to_vec()].concat(), vec![]));
    let unused: Vec<_> = verdict.findings.iter().filter(|finding| finding.rule == "allow.unused").collect();
    assert_eq!(unused.len(), 1, "one for every image may be needed by another");
    assert_eq!(unused[0].place.as_ref().unwrap().to_string(), "loadline.toml:9");
}

#[test]
fn one_that_is_over_accepts_nothing_and_says_so() {
    let verdict = verdict(&policy(vec![], vec![allowance("file.setuid", None, &[])]));
    let found = verdict.findings.iter().find(|finding| finding.rule == "file.setuid").unwrap();
    assert_eq!(found.details, ["an allowance of it ended on 2027-01-31 (loadline.toml:9): known"]);
    assert_eq!(verdict.accepted, []);
}

#[test]
fn evidence_is_of_the_allowances_in_force() {
    let (none, some) = (policy(vec![], vec![]), policy(vec![allowance("user.root", None, &[])], vec![]));
    assert_ne!(none.digest(), some.digest());
    assert_eq!(none.digest(), policy(vec![], vec![allowance("user.root", None, &[])]).digest());
}
