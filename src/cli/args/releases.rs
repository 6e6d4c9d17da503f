//! The verbs about what runs in the cluster: `deploy`, `secrets`, `rollback`, `undeploy`.

use crate::cli::args::To;
use clap::Args;
use serde_json::Value;

/// Which cluster a verb is about.
#[derive(Args, Debug)]
pub struct In {
    /// The kubeconfig's context [default: the settings', else the target's own]
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The namespace [default: the settings']
    #[arg(long, short, value_name = "NAMESPACE", value_parser = crate::project::namespace)]
    pub namespace: Option<String>,
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
  loadline deploy --set api.replicas=2 --roll-back")]
pub struct Deploy {
    /// The releases [default: all of the settings, but those on request]
    #[arg(value_name = "RELEASE")]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Show what would change of what runs, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub options: DeployOptions,
}

/// A value of a release, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseValue {
    /// The release.
    pub release: String,
    /// Where the value belongs, from the outermost key on.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
}

/// `RELEASE.KEY.KEY=VALUE`. A value that is JSON is that, all else is text.
fn release_value(text: &str) -> Result<ReleaseValue, String> {
    let (place, value) = text.split_once('=').unwrap_or_default();
    let mut parts = place.split('.').map(str::to_owned);
    let release = parts.next().unwrap_or_default();
    let path: Vec<String> = parts.collect();
    if release.is_empty() || path.is_empty() || path.iter().any(String::is_empty) {
        return Err("write RELEASE.KEY=VALUE, such as api.replicas=2".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok(ReleaseValue { release, path, value })
}

/// How releases are deployed, by `deploy` and by `up --deploy`.
#[derive(Args, Debug)]
pub struct DeployOptions {
    /// A value of a release, which wins over the settings'; may be repeated
    #[arg(long, value_name = "RELEASE.KEY=VALUE", value_parser = release_value)]
    pub set: Vec<ReleaseValue>,
    /// Go back to the revision before if a release does not become ready
    #[arg(long)]
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
  loadline rollback api
  loadline rollback api web")]
pub struct Rollback {
    /// The releases; those that need others go first
    #[arg(value_name = "RELEASE", required = true)]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Take a release even from a run of helm that may still be under way
    #[arg(long)]
    pub force: bool,
}

/// Remove the releases; data stays
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline undeploy
  loadline undeploy api
  loadline undeploy --data    Also the volume claims, the secrets, and the namespace if it was made here")]
pub struct Undeploy {
    /// The releases [default: all of the settings, the last first]
    #[arg(value_name = "RELEASE", conflicts_with = "data")]
    pub releases: Vec<String>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Also remove the volume claims and the secrets, with all that they hold
    #[arg(long)]
    pub data: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_releases_are_read() {
        let read = |text: &str| release_value(text).map(|one| (one.release, one.path.join("/"), one.value));
        assert_eq!(read("api.replicas=2"), Ok(("api".into(), "replicas".into(), json!(2))));
        assert_eq!(read("api.a.b=x=y"), Ok(("api".into(), "a/b".into(), json!("x=y"))));
        assert_eq!(read("api.a=true"), Ok(("api".into(), "a".into(), json!(true))));
        assert_eq!(read("api.a=\"2\""), Ok(("api".into(), "a".into(), json!("2"))));
        assert_eq!(read("api.a="), Ok(("api".into(), "a".into(), json!(""))));
        for bad in ["", "api", "api=1", "api.=1", ".a=1", "api.a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
