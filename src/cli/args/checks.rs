//! The verbs that check: `verify`, `smoke`, `e2e`.

use crate::cli::args::{In, To};
use crate::cli::values::{address, request_path, variable};
use crate::types::ByteSize;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Check images: size budgets, users, and the other rules
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  loadline verify
  loadline verify api --format github
  loadline verify --image nginx:alpine --budget 60MB
  loadline verify --image shop/api:new --against shop/api:1 --growth 5MB
  docker save shop/api:1 | loadline verify --archive - --numeric-user
  loadline verify --format html > images.html")]
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
    /// What the size must be less than beyond that of --against, such as 5MB
    #[arg(long, value_name = "SIZE", requires = "against")]
    pub growth: Option<ByteSize>,
    /// The image before, by name or id [default: the build before the last]
    #[arg(long, value_name = "REF|ID", value_parser = NonEmptyStringValueParser::new())]
    pub against: Option<String>,
    /// A user's name where Kubernetes needs a number is an error
    #[arg(long)]
    pub numeric_user: bool,
    /// How findings are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "json")]
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Text,
    /// One JSON document
    Json,
    /// Annotations for GitHub Actions
    Github,
    /// JUnit's XML: a suite an image, a case a rule
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A table for a pull request, with the build before
    Markdown,
    /// A page that needs no other file: maps of the bytes, the last build, findings (docs/report.md)
    Html,
}

/// Run images as a pod would, and probe their health
#[derive(Args, Debug)]
#[command(after_help = "\
A container runs with a read-only root, without capabilities, under limits, beside what it needs;
it is probed as the kubelet does, then asked to end. Nothing of it is left behind.

Examples:
  loadline smoke
  loadline smoke api
  loadline smoke --image nginx:alpine --path / --port 80
  loadline smoke api --measure=10 --slow /report")]
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
    #[arg(long, value_name = "TIME", requires = "refs", value_parser = crate::project::deadline)]
    pub deadline: Option<Duration>,
    /// A path that may be written to with --image; may be repeated [default: /tmp]
    #[arg(long = "writable", value_name = "PATH", requires = "refs", value_parser = crate::project::writable)]
    pub writable: Vec<String>,
    /// The memory that it may use with --image [default: 512MiB]
    #[arg(long, value_name = "SIZE", requires = "refs", value_parser = crate::project::memory)]
    pub memory: Option<ByteSize>,
    /// An environment variable of the container with --image; may be repeated
    #[arg(long = "env", short = 'e', value_name = "NAME=VALUE", requires = "refs", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Start each image so often [default: 5] and print what was measured: start-up times against the
    /// probes of its chart, answers, memory, writes, and how it ends while it is busy; it proves nothing
    /// for `load`
    #[arg(long, value_name = "STARTS", num_args = 0..=1, require_equals = true, default_missing_value = "5",
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub measure: Option<u16>,
    /// The path of a request that takes a while, to be under way when the container is asked to end
    #[arg(long, value_name = "PATH", requires = "measure", value_parser = request_path)]
    pub slow: Option<String>,
}

/// Make journeys through the deployed application
#[derive(Args, Debug)]
#[command(after_help = "\
A journey is a list of HTTP requests, each with what its answer must be (docs/journeys.md). The journeys
of a file are made one after the other, files side by side; a step that fails ends its journey only.

Services of which no address is given are looked for in the cluster: by a port of its nodes, or else
through its API.

Examples:
  loadline e2e
  loadline e2e e2e/tasks.toml --url frontend=http://192.168.49.2:30000
  loadline e2e e2e/*.toml --url web=http://127.0.0.1:8080 --url api=http://127.0.0.1:8000
  loadline e2e e2e/tasks.toml --url frontend=http://127.0.0.1:8080 --only 'a task is created'
  loadline e2e --schema > journeys.schema.json")]
pub struct E2e {
    /// Files of journeys [default: the settings']
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub to: To,
    #[command(flatten)]
    pub into: In,
    /// Where a service answers, by the name that steps call it; may be repeated
    #[arg(long = "url", value_name = "NAME=URL", value_parser = address)]
    pub urls: Vec<(String, String)>,
    /// Make only the journey of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Print the JSON schema of files of journeys instead
    #[arg(long, conflicts_with_all = ["files", "urls", "only"])]
    pub schema: bool,
}
