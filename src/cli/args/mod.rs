//! The command line as it is typed: syntax only.

mod build;
mod checks;
mod looking;
mod nodes;
mod releases;

pub use build::{Build, BuildOptions};
pub use checks::{E2e, Format, Smoke, Verify};
pub use looking::{Cache, Completions, Config, Man, Status, Why};
pub use nodes::{Load, Teach, To, Up};
pub use releases::{Deploy, In, ReleaseValue, Rollback, Secrets, Undeploy};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  loadline build                 Build every image of the project
  loadline build api --no-cache  Build one image anew
  loadline verify                Check sizes and users of what was built last
  loadline verify --image nginx:alpine --budget 60MB --numeric-user
  loadline smoke                 Run what was built last as a pod would, and probe it
  loadline load                  Bring it into the cluster's nodes, once it passed both
  loadline up                    All of these, as far as they are needed
  loadline secrets --check       Say which Kubernetes secrets lack a value, or have a weak one
  loadline deploy                Install the releases, and watch until all of them run
  loadline e2e e2e/*.toml --url web=http://192.168.49.2:30000
                                 Make journeys through what is deployed
  loadline why api               Show where its bytes come from, by line, package and file
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
    /// Write events to stdout, one JSON object a line (docs/events.md); with --quiet just the same
    #[arg(long, global = true, conflicts_with = "progress")]
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
    Deploy(Deploy),
    Secrets(Secrets),
    E2e(E2e),
    Rollback(Rollback),
    Undeploy(Undeploy),
    #[command(hide = true)]
    Teach(Teach),
    Status(Status),
    Why(Why),
    Cache(Cache),
    Config(Config),
    Completions(Completions),
    Man(Man),
}

impl Verb {
    /// Whether what it does is a stream of events; the others answer with a document.
    pub fn streams(&self) -> bool {
        match self {
            Self::Build(_) | Self::Verify(_) | Self::Smoke(_) | Self::Load(_) | Self::Up(_) => true,
            Self::Deploy(_) | Self::Secrets(_) | Self::Rollback(_) | Self::Undeploy(_) => true,
            Self::E2e(e2e) => !e2e.schema,
            _ => false,
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
}
