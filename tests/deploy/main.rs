//! The deploy suite: charts into the cluster of a real node, by the command. `cargo xtask test deploy`
//! starts engine and node, provides Helm and kubectl, and names them in the environment.

mod application;
mod browser;
mod failures;
mod harness;
#[path = "../verify/images.rs"]
#[expect(dead_code, reason = "archives take more forms than a page needs")]
mod images;
mod mission;
mod page;
mod pods;
mod probes;
mod secrets;
mod trouble;
mod walk;
