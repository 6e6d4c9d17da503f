//! The checked-in manifests.

use crate::helm::{CHARTS, objects, render, top, variable};
use std::fs;
use std::process::Command;

/// They are what the charts render, to the letter, by the command that makes them.
#[test]
fn mission_manifests() {
    let mut command = Command::new(variable("LOADLINE_TEST_XTASK", "xtask's own program"));
    command.args(["manifests", "--check"]).env("CARGO_MANIFEST_DIR", top().join("xtask"));
    let output = command.output().expect("xtask starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for chart in CHARTS {
        let text = fs::read_to_string(top().join(format!("k8s/manifests/{chart}.yaml"))).unwrap();
        let mut expected = render(chart, &[]);
        expected.remove("Pod").expect("the chart's test");
        assert_eq!(objects(&text), expected, "{chart}: all but the test, in the namespace that kubectl names");
    }
}
