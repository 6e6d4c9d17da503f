//! An engine over SSH: a real `sshd`, a real `ssh`, and the docker CLI at the far end.

use crate::harness::address;
use crate::site::Site;
use crate::sshd::Sshd;
use loadline::engine::Address;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

fn socket() -> String {
    let Address::Unix(path) = address() else { panic!("the engine under test has a socket") };
    path.display().to_string()
}

/// At its far end the engine under test is the default one.
fn to_the_engine() -> Sshd {
    Sshd::start(&format!("DOCKER_HOST=unix://{}", socket()))
}

fn environment(sshd: &Sshd) -> [(&'static str, String); 2] {
    [("DOCKER_HOST", format!("ssh://root@127.0.0.1:{}", sshd.port())), ("PATH", sshd.path())]
}

#[test]
fn the_command_builds_verifies_and_smokes_over_ssh() {
    let (sshd, site) = (to_the_engine(), Site::new());
    // Larger than what any pipe or window on the way holds.
    site.write("project/large", &site.tag.repeat(200_000));
    site.is_built_verified_and_smoked(&environment(&sshd));
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
    site.remove_from(&address());
}

#[test]
fn the_address_may_name_the_far_ends_socket() {
    let (sshd, site) = (Sshd::start("DOCKER_HOST=unix:///nowhere"), Site::new());
    let host = format!("ssh://root@127.0.0.1:{}{}", sshd.port(), socket());
    let ran = site.run(&["build"], &[("DOCKER_HOST", host), ("PATH", sshd.path())]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    site.remove_from(&address());
}

/// What a build says that cannot reach its engine.
fn refused(site: &Site, environment: &[(&str, String)]) -> String {
    let output = site.command(&["build"], environment).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    said
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

#[test]
fn a_host_that_is_not_known_or_does_not_let_us_in_is_said_with_the_words_of_ssh() {
    let (sshd, site) = (to_the_engine(), Site::new());
    let by_hand = format!("`ssh -l root -p {} 127.0.0.1` failed:", sshd.port());
    sshd.configure_client("user", false);
    let said = refused(&site, &environment(&sshd));
    assert_says(&said, &[&by_hand, "Host key verification failed", "hint:", "accept the host's key"]);
    sshd.configure_client("stranger", true);
    let said = refused(&site, &environment(&sshd));
    assert_says(&said, &[&by_hand, "Permission denied (publickey)", "hint:"]);
    let closed = [("DOCKER_HOST", "ssh://127.0.0.1:1".to_owned()), ("PATH", sshd.path())];
    assert_says(&refused(&site, &closed), &["`ssh -p 1 127.0.0.1` failed:", "Connection refused"]);
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
}

#[test]
fn a_far_end_without_docker_or_without_an_engine_is_said() {
    let site = Site::new();
    let sshd = Sshd::start("PATH=/nowhere");
    let said = refused(&site, &environment(&sshd));
    assert_says(&said, &["`docker` cannot be run on 127.0.0.1 over SSH:", "not found", "install the docker CLI there"]);
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
    let sshd = Sshd::start("DOCKER_HOST=unix:///nowhere.sock");
    let said = refused(&site, &environment(&sshd));
    assert_says(
        &said,
        &["`docker system dial-stdio` on 127.0.0.1 ended with 1:", "/nowhere.sock", "docker version` must"],
    );
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
}

#[test]
fn without_ssh_that_is_said() {
    let site = Site::new();
    let said = refused(&site, &[("DOCKER_HOST", "ssh://far".into()), ("PATH", "/nowhere".into())]);
    assert_says(&said, &["cannot run `ssh`", "No such file or directory", "openssh-client"]);
}

/// A build in its first step, which takes longer than any test.
fn building(site: &Site, sshd: &Sshd) -> (Child, BufReader<std::process::ChildStdout>) {
    site.write("project/Dockerfile", &format!("FROM python:3.12-slim\nRUN echo {}; sleep 600\n", site.tag));
    let mut command = site.command(&["build", "--json"], &environment(sshd));
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("step-log") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the build ended");
    }
    (child, lines)
}

fn signal(signal: &str, whom: String) {
    assert!(Command::new("kill").args([signal, "--", &whom]).status().unwrap().success());
}

#[test]
fn ctrl_c_ends_the_engines_work_and_every_ssh() {
    let (sshd, site) = (to_the_engine(), Site::new());
    let (mut child, lines) = building(&site, &sshd);
    // As a terminal does: everything that is in its foreground gets it.
    signal("-INT", format!("-{}", child.id()));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
}

#[test]
fn a_killed_run_leaves_no_ssh() {
    let (sshd, site) = (to_the_engine(), Site::new());
    let (mut child, _lines) = building(&site, &sshd);
    signal("-KILL", child.id().to_string());
    child.wait().unwrap();
    assert_eq!(sshd.clients_left(), [] as [String; 0]);
}
