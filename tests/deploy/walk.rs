//! The commands of `docs/deploy.md`, in their order.

use crate::harness::{Place, said, top};
use std::os::unix::fs::PermissionsExt;

/// `loadline` as it is typed there, in a namespace of the test's own and at a node port that is free:
/// other tests have the ones that are the application's.
const WRAPPER: &str = r#"#!/bin/sh
set -- "$@"
case "$1 $*" in
  up*|load*) ;;
  "deploy "*cohere-stand-in|"deploy deploy backend"*) set -- "$@" --namespace NAMESPACE ;;
  deploy*) set -- "$@" --namespace NAMESPACE --set frontend.service.nodePort=0 ;;
  *) set -- "$@" --namespace NAMESPACE ;;
esac
exec PROGRAM "$@"
"#;

fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(top().join("docs/deploy.md")).unwrap();
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if let Some(command) = line.strip_prefix("    ").filter(|_| !fenced) {
            found.push(command.to_owned());
        }
    }
    found
}

#[test]
fn the_walk_through_a_deployment_can_be_made_as_it_is_written() {
    let commands = commands();
    assert!(commands.len() >= 13, "{commands:#?}");
    let place = Place::of(top(), "walk");
    let programs = place.home.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let wrapper = programs.join("loadline");
    let text = WRAPPER.replace("NAMESPACE", &place.namespace).replace("PROGRAM", env!("CARGO_BIN_EXE_loadline"));
    std::fs::write(&wrapper, text).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut shell = place.in_shell(&format!("set -ex\n{}\n", commands.join("\n")), &programs);
    let output = shell.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("9 journeys passed"), "{said}");
    assert!(said.contains("TOKEN_HOURS"), "{said}");
    assert!(said.contains("backend: went back to revision 1, which runs"), "{said}");
    assert!(said.contains("removed its data, data-database-0"), "{said}");
}
