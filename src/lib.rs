//! Loadline: container images from source to a cluster. It builds an application's images,
//! verifies that they keep their size budget and run without root, smokes them as a pod would
//! run them, and loads them into a cluster's nodes.
//!
//! `types ← event ← image ← engine ← node ← evidence ← verbs ← report ← cli`: each room is free
//! to use all to its left, and no other (`docs/architecture.md`; a test holds it).

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod blame;
pub mod build;
pub mod chart;
pub mod cli;
pub mod cluster;
pub mod context;
pub mod deploy;
pub mod e2e;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod image;
pub mod load;
pub mod node;
pub mod project;
pub mod report;
pub mod secrets;
pub mod smoke;
pub mod types;
pub mod verify;
