//! `loadline.toml`, or a guess, resolved into a plan with the origin of each value.
//!
//! Two steps: what was written (syntax only), then what it means. Nothing here talks to an engine
//! or prints; problems are collected, and each knows its place in the file.

mod choose;
mod conditions;
mod deployment;
pub mod document;
mod find;
mod guess;
mod keys;
mod misfit;
mod origin;
mod plan;
mod probes;
mod problem;
mod read;
mod resolve;
mod source;
mod spans;
mod written;

pub use choose::Overrides;
pub use conditions::Conditions;
pub use deployment::{ClusterSecret, Deployment, PodSecurity, Release, SecretKey, ValueSource};
pub use find::{Search, settings as settings_file};
pub use keys::nearest;
pub use origin::{Origin, Origins};
pub use plan::{Allowance, Budgets, BuildArg, ImagePlan, Need, Plan, Probe, RunPolicy, Secret, SecretSource};
pub use probes::{PodProbe, PodProbes, ProbeAction};
pub use problem::{Problem, Wrong};
pub use resolve::{NotSet, deadline, memory, namespace, writable};
pub use source::{Snippet, Source};
pub use spans::{Span, Spans, bare_or_quoted, join};
pub use written::schema;

use crate::types::ImageRef;
use std::path::PathBuf;

/// Asks for an environment variable.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A project, resolved.
#[derive(Debug)]
pub struct Project {
    /// What the verbs see.
    pub plan: Plan,
    /// Where the plan's values come from.
    pub origins: Origins,
    /// The settings file; `None` if the plan was guessed.
    pub settings: Option<PathBuf>,
    /// Build arguments whose environment variable is not set.
    pub not_set: Vec<NotSet>,
}

/// Finds the project that `search` means and resolves it. `rules` are the rules that settings may
/// name.
pub fn load(search: &Search<'_>, rules: &[&str], variables: Variables<'_>) -> Result<Project, Vec<Problem>> {
    match find::settings(search).map_err(|problem| vec![problem])? {
        Some(settings) => read::read(&settings, rules, variables),
        None => guess::guess(search.directory, variables),
    }
}

/// The tag of an image that was given none, and why it is that.
fn default_tag(name: &str) -> Option<(ImageRef, &'static str)> {
    let because = "`:dev`, because Kubernetes pulls `:latest` again although it was loaded";
    format!("{name}:dev").parse().ok().map(|tag| (tag, because))
}
