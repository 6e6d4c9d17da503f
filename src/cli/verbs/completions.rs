//! `loadline completions`.

use crate::cli::args::{Cli, Completions};
use crate::cli::session::Session;
use crate::types::Outcome;
use clap::CommandFactory;

/// Prints the completions of the shell that `args` name.
pub fn run(session: &Session, args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "loadline", &mut script);
    session.written(session.terminal.data(&String::from_utf8_lossy(&script)))
}
