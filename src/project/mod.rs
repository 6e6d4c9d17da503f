//! `loadline.toml`, or a guess, resolved into a plan with the origin of each value.

mod plan;

pub use plan::{BuildArg, ImagePlan, Need, Plan, Probe, RunPolicy, Secret, SecretSource};
