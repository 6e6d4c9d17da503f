//! The verbs that show something, and change nothing that matters.

use super::{BuildOptions, To};
use crate::types::ByteSize;
use clap::Args;
use std::path::PathBuf;

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
    #[command(flatten)]
    pub to: To,
}

/// Show where the bytes of images come from: by line of the Dockerfile, by package and by file
#[derive(Args, Debug)]
#[command(after_help = "\
Every byte of every layer is counted once, to the line that made it; what a later line replaces or
deletes is still in the image, and is listed with both lines.

On a terminal it opens a browser of layers and files (`?` lists its keys); with --print, --top or --json,
with CI set, or where stdin or stdout is no terminal, it prints.

Examples:
  loadline why api
  loadline why api --print
  loadline why api --against baseline
  loadline why --image nginx:alpine --top 20
  docker save shop/api:1 | loadline why --archive -")]
pub struct Why {
    /// The images [default: all of the plan]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// An image of the engine, by reference or id, instead of those of the plan; may be repeated
    #[arg(long = "image", value_name = "REF|ID", conflicts_with = "images")]
    pub refs: Vec<String>,
    /// An archive (docker save, OCI layout) or `-` for stdin, instead; no engine is asked
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["images", "refs"])]
    pub archive: Option<PathBuf>,
    /// Also show what is more or less than in this image; `baseline` is the build before the last
    #[arg(long, value_name = "REF|ID|baseline")]
    pub against: Option<String>,
    /// Print a page, and open no browser on a terminal either
    #[arg(long)]
    pub print: bool,
    /// Print a page with so many of each list [default: 5]
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
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
