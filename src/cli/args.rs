//! The command line as it is typed: syntax only.

use crate::cli::values::{PassedArg, build_arg, secret, variable};
use crate::project::{BuildArg, Overrides, Secret, SecretSource, Variables};
use crate::types::{ByteSize, ImageId, ImageRef, Platform, parse_duration};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  loadline build                 Build every image of the project
  loadline build api --no-cache  Build one image anew
  loadline verify                Check sizes and users of what was built last
  loadline verify --image nginx:alpine --budget 60MB --numeric-user
  loadline smoke                 Run what was built last as a pod would, and probe it
  loadline load                  Bring it into the cluster's nodes, once it passed both
  loadline up                    All of these, as far as they are needed
  loadline status                Show what is built, proven and loaded, and what is out of date
  loadline config                Show the plan, and where each value comes from

Exit codes:
  0    done, and it holds
  1    a check found something that fails
  2    the command line or the settings are wrong
  3    could not check, or could not reach what must be asked
  4    a step failed: a build, a load, a deployment
  5    refused: evidence is missing or stale
  130  interrupted
With several images the first that applies of 130, 2, 3, 4, 5, 1 wins.";

/// Holds an application's container images to their load line.
#[derive(Debug, Parser)]
#[command(name = "loadline", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The settings file [default: the nearest loadline.toml upwards; else the Dockerfiles here]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write events to stdout, one JSON object a line (docs/events.md)
    #[arg(long, global = true, conflicts_with_all = ["progress", "quiet"])]
    pub json: bool,
    /// Say nothing but errors and what was asked for
    #[arg(long, short, global = true, conflicts_with = "progress")]
    pub quiet: bool,
    /// Colours; `auto` also obeys NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    pub color: When,
    /// Progress: redrawn in place, or one line after the other; `auto` asks the terminal
    #[arg(long, global = true, value_name = "HOW")]
    pub progress: Option<Progress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    Auto,
    Live,
    Plain,
}

/// One verb a variant; each has its file in `cli/verbs/`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Build(Build),
    Verify(Verify),
    Smoke(Smoke),
    Load(Load),
    Up(Up),
    #[command(hide = true)]
    Teach(Teach),
    Status(Status),
    Cache(Cache),
    Config(Config),
    Completions(Completions),
    Man(Man),
}

/// Build images
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline build
  loadline build api web --pull
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

/// Check images: size budgets, users, and the other rules
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline verify
  loadline verify api --format github
  loadline verify --image nginx:alpine --budget 60MB
  docker save shop/api:1 | loadline verify --archive - --numeric-user")]
pub struct Verify {
    /// The images, as last built [default: all of the plan]
    #[arg(value_name = "IMAGE", conflicts_with_all = ["refs", "archive"])]
    pub images: Vec<String>,
    /// An image of the engine, by name or id, instead; may be repeated
    #[arg(long = "image", value_name = "REF|ID", conflicts_with = "archive", value_parser = NonEmptyStringValueParser::new())]
    pub refs: Vec<String>,
    /// An image archive instead (docker save, OCI layout); `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
    /// What the size must be less than, such as 200MB
    #[arg(long, value_name = "SIZE")]
    pub budget: Option<ByteSize>,
    /// A user's name where Kubernetes needs a number is an error
    #[arg(long)]
    pub numeric_user: bool,
    /// How findings are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "json")]
    pub format: Format,
}

/// Run images as a pod would, and probe their health
#[derive(Args, Debug)]
#[command(after_help = "\
A container runs with a read-only root, without capabilities, under limits, beside what it needs;
it is probed as the kubelet does, then asked to end. Nothing of it is left behind.

Examples:
  loadline smoke
  loadline smoke api
  loadline smoke --image nginx:alpine --path / --port 80")]
pub struct Smoke {
    /// The images, as last built [default: all of the plan]
    #[arg(value_name = "IMAGE", conflicts_with = "refs")]
    pub images: Vec<String>,
    /// An image of the engine, by name or id, instead; may be repeated
    #[arg(long = "image", value_name = "REF|ID", value_parser = NonEmptyStringValueParser::new())]
    pub refs: Vec<String>,
    /// The path to probe with --image [default: /health]
    #[arg(long, value_name = "PATH", requires = "refs")]
    pub path: Option<String>,
    /// The port to probe with --image [default: the one that the image exposes]
    #[arg(long, value_name = "PORT", requires = "refs")]
    pub port: Option<u16>,
    /// How long it may take to become ready with --image, such as 1m30s [default: 30s]
    #[arg(long, value_name = "TIME", requires = "refs", value_parser = parse_duration)]
    pub deadline: Option<Duration>,
    /// A path that may be written to with --image; may be repeated [default: /tmp]
    #[arg(long = "writable", value_name = "PATH", requires = "refs")]
    pub writable: Vec<String>,
    /// An environment variable of the container with --image; may be repeated
    #[arg(long = "env", short = 'e', value_name = "NAME=VALUE", requires = "refs", value_parser = variable)]
    pub env: Vec<(String, String)>,
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
    /// An image of the engine, by name, instead; may be repeated
    #[arg(long = "image", value_name = "REF")]
    pub refs: Vec<ImageRef>,
    /// Where to: minikube, minikube:PROFILE, kind, kind:NAME or docker:HOST [default: the settings']
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Load without evidence of `verify` and `smoke`; this is said
    #[arg(long)]
    pub ungated: bool,
}

/// Build, verify, smoke and load
#[derive(Args, Debug)]
#[command(after_help = "\
What is proven already is not done again.

Examples:
  loadline up
  loadline up api --target kind:test")]
pub struct Up {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Where to: minikube, minikube:PROFILE, kind, kind:NAME or docker:HOST [default: the settings']
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// Let the engine learn the digests of images' layers, by a push into nothing
#[derive(Args, Debug)]
pub struct Teach {
    /// The images, by id
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<ImageId>,
}

/// Show what is built, proven and loaded, and what is out of date
#[derive(Args, Debug)]
#[command(after_help = "\
Nothing is changed, and no other run is waited for. What could not be looked at is `unknown`, and
the exit code is 3 then; otherwise it is 0, whatever the state.

Examples:
  loadline status
  loadline status api --target kind:test
  loadline status --json")]
pub struct Status {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Which nodes to ask: minikube, minikube:PROFILE, kind, kind:NAME or docker:HOST [default: the
    /// settings']
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// Show or prune what is remembered of images' layers
#[derive(Args, Debug)]
#[command(after_help = "\
What was read of a layer is kept, so that it need not be read again. It can be pruned at any time:
the next `verify` reads the images anew.

Examples:
  loadline cache
  loadline cache --prune --limit 500MB
  loadline cache --prune --limit 0")]
pub struct Cache {
    /// Remove what was used longest ago, until the rest is below the limit
    #[arg(long)]
    pub prune: bool,
    /// How much may be left, such as 500MB; 0 removes all [default: 2GB]
    #[arg(long, value_name = "SIZE", requires = "prune")]
    pub limit: Option<ByteSize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Text,
    /// One JSON document
    Json,
    /// Annotations for GitHub Actions
    Github,
}

/// Show the plan, and where each value comes from
#[derive(Args, Debug)]
#[command(after_help = "\
What is shown is itself a valid loadline.toml, with the origin of each value as a comment.
Options of `build` may be given, to see the plan that they make.

Examples:
  loadline config
  loadline config api --json
  loadline config --schema > loadline.schema.json")]
pub struct Config {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    #[command(flatten)]
    pub options: BuildOptions,
    /// Print the JSON schema of loadline.toml instead
    #[arg(long)]
    pub schema: bool,
}

/// Print a shell's completions
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Print the manual page, or write one for each verb
#[derive(Args, Debug)]
pub struct Man {
    /// Write loadline.1 and loadline-VERB.1 into this directory instead
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

impl Verb {
    /// Whether what it does is a stream of events; the others answer with a document.
    pub fn streams(&self) -> bool {
        matches!(self, Self::Build(_) | Self::Verify(_) | Self::Smoke(_) | Self::Load(_) | Self::Up(_))
    }
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
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_argument_without_a_value_takes_the_environments_if_it_is_set() {
        let args = ["A=1", "B", "C"].map(|text| build_arg(text).unwrap()).to_vec();
        let options = BuildOptions { target: None, platform: None, tags: vec![], args, secrets: vec![] };
        let overrides = options.overrides(Path::new("/"), &|name| (name == "B").then(|| "2".to_owned()));
        let pairs: Vec<_> = overrides.args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
        assert_eq!(pairs, ["A=1", "B=2"]);
    }
}
