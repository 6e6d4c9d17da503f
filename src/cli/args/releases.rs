//! The verbs about what runs in the cluster: `deploy`, `secrets`, `rollback`, `undeploy`.

use crate::cli::args::To;
use clap::Args;

/// Which cluster a verb is about.
#[derive(Args, Debug)]
pub struct In {
    /// The kubeconfig's context [default: the settings', else the target's own]
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
}

/// Install or upgrade the releases, and watch until all of them run
#[derive(Args, Debug)]
#[command(after_help = "\
A release that runs an image of the plan wants passing evidence of `verify` and `smoke` for exactly
that image, and that every node of the target has it. It gets the tag of the image's id, which never
moves. What will never become ready ends the wait at once: with its cause, its last log lines and the
line to change.

Examples:
  loadline deploy
  loadline deploy api --dry-run
  loadline deploy --roll-back")]
pub struct Deploy {
    /// The releases [default: all of the settings]
    #[arg(value_name = "RELEASE")]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Show what would change of what runs, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go back to the revision before if a release does not become ready
    #[arg(long, conflicts_with = "dry_run")]
    pub roll_back: bool,
}

/// Create, check and rotate the Kubernetes secrets
#[derive(Args, Debug)]
#[command(after_help = "\
Values come from where the settings say: the environment, files outside of the project, or made once
and kept. None is ever shown. Without an option the secrets are written into the cluster.

Examples:
  loadline secrets --check
  COHERE_API_KEY=… loadline secrets
  loadline secrets --rotate app-secrets/BETTER_AUTH_SECRET")]
pub struct Secrets {
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Only say what is missing, empty, a placeholder or weak
    #[arg(long)]
    pub check: bool,
    /// Make this one anew; may be repeated
    #[arg(long, value_name = "SECRET/KEY", conflicts_with = "check")]
    pub rotate: Vec<String>,
}

/// Go back to the revision of a release that ran before
#[derive(Args, Debug)]
#[command(after_help = "\
Also frees a release that a run of helm left in the middle (`pending-…`).

Examples:
  loadline rollback
  loadline rollback api")]
pub struct Rollback {
    /// The releases [default: all of the settings, the last first]
    #[arg(value_name = "RELEASE")]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
}

/// Remove the releases; data stays
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline undeploy
  loadline undeploy --data    Also the secrets, the claims and the namespace")]
pub struct Undeploy {
    /// The releases [default: all of the settings, the last first]
    #[arg(value_name = "RELEASE", conflicts_with = "data")]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Also remove the namespace with its secrets and its data
    #[arg(long)]
    pub data: bool,
}
