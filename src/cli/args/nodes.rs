//! The verbs that bring images into nodes: `load`, `up`, `teach`.

use super::releases::{DeployOptions, In};
use crate::types::{ImageId, ImageRef};
use clap::Args;

/// Whose nodes a verb is about.
#[derive(Args, Debug)]
pub struct To {
    /// The nodes: minikube, minikube:PROFILE, kind, kind:NAME or docker:HOST [default: the settings']
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

impl To {
    /// The target that is typed, or else that of the settings.
    pub fn or<'a>(&'a self, settings: &'a str) -> &'a str {
        self.target.as_deref().unwrap_or(settings)
    }
}

/// Bring images into the cluster's nodes, and prove that they arrived
#[derive(Args, Debug)]
#[command(after_help = "\
An image of the plan wants passing evidence of `verify` and `smoke`; any other image wants none.

Examples:
  loadline load
  loadline load api --target minikube:staging
  loadline load --image nginx:alpine --target kind")]
pub struct Load {
    /// The images, as last built [default: all of the plan]
    #[arg(value_name = "IMAGE", conflicts_with = "refs")]
    pub images: Vec<String>,
    /// An image of the engine, by name or id, instead; an id stands for the names that the engine has
    /// for it; may be repeated
    #[arg(long = "image", value_name = "REF|ID")]
    pub refs: Vec<ImageRef>,
    #[command(flatten)]
    pub to: To,
    /// Load without evidence of `verify` and `smoke`; this is said
    #[arg(long)]
    pub ungated: bool,
}

/// Build, verify, smoke and load; with --deploy also deploy
#[derive(Args, Debug)]
#[command(after_help = "\
What is proven already is not done again. With images that are named, only their releases are deployed.

Examples:
  loadline up
  loadline up api --target kind:test
  loadline up --deploy")]
pub struct Up {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[command(flatten)]
    pub to: To,
    /// Then install or upgrade the releases that run them, and watch until all of them run
    #[arg(long)]
    pub deploy: bool,
    #[command(flatten, next_help_heading = "With --deploy")]
    pub into: In,
    #[command(flatten, next_help_heading = "With --deploy")]
    pub options: DeployOptions,
}

/// Let the engine learn the digests of images' layers, by a push into nothing
#[derive(Args, Debug)]
pub struct Teach {
    /// The images, by id
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<ImageId>,
}
