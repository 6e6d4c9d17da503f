//! `build`, and what it shares with `config`.

use crate::cli::values::{PassedArg, build_arg, secret};
use crate::project::{BuildArg, Overrides, Secret, SecretSource, Variables};
use crate::types::{ImageRef, Platform};
use clap::Args;
use std::path::Path;

/// Build images
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline build
  loadline build api web --pull
  loadline build api --explain
  loadline build api --target test --tag shop/api:test
  loadline build --build-arg VERSION=1.2 --secret id=npm,src=.npmrc")]
pub struct Build {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[command(flatten)]
    pub options: BuildOptions,
    /// Run every step, whatever the engine has kept
    #[arg(long)]
    pub no_cache: bool,
    /// Ask the registries for newer base images
    #[arg(long)]
    pub pull: bool,
    /// Build nothing: say which steps would run, why, and how long they took last
    #[arg(long)]
    pub explain: bool,
}

/// What `build` takes instead of the settings; `config` shows the plan with it.
#[derive(Args, Clone, Debug)]
pub struct BuildOptions {
    /// Build this stage
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Build for this platform, such as linux/arm64
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<Platform>,
    /// Name the image so, instead of what the settings say; may be repeated
    #[arg(long = "tag", short, value_name = "REF")]
    pub tags: Vec<ImageRef>,
    /// A build argument; without a value the environment's, if it is set there
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]", value_parser = build_arg)]
    pub args: Vec<PassedArg>,
    /// A build secret from a file or an environment variable
    #[arg(long = "secret", value_name = "id=ID,src=FILE|env=VARIABLE", value_parser = secret)]
    pub secrets: Vec<Secret>,
}

impl BuildOptions {
    /// As overrides of a plan. Paths are relative to `directory`; `variable` asks the environment.
    pub fn overrides(&self, directory: &Path, variable: Variables<'_>) -> Overrides {
        let value = |arg: &PassedArg| arg.value.clone().or_else(|| variable(&arg.name));
        let passed = |arg: &PassedArg| value(arg).map(|value| BuildArg { name: arg.name.clone(), value });
        let secret = |secret: &Secret| match &secret.source {
            SecretSource::File(file) => Secret { source: SecretSource::File(directory.join(file)), ..secret.clone() },
            SecretSource::Env(_) => secret.clone(),
        };
        Overrides {
            stage: self.target.clone(),
            platform: self.platform.clone(),
            tags: self.tags.clone(),
            args: self.args.iter().filter_map(passed).collect(),
            secrets: self.secrets.iter().map(secret).collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_without_a_value_takes_the_environments_if_it_is_set() {
        let args = ["A=1", "B", "C"].map(|text| build_arg(text).unwrap()).to_vec();
        let options = BuildOptions { target: None, platform: None, tags: vec![], args, secrets: vec![] };
        let overrides = options.overrides(Path::new("/"), &|name| (name == "B").then(|| "2".to_owned()));
        let pairs: Vec<_> = overrides.args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
        assert_eq!(pairs, ["A=1", "B=2"]);
    }
}
