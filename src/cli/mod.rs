//! The command line: arguments, exit codes, and the only room that prints.

mod args;
mod browse;
mod building;
mod cluster;
mod deployed;
mod engine;
mod facts;
mod gate;
mod kept;
mod page;
mod planned;
mod pods;
mod prepared;
mod reached;
mod render;
mod rendered;
mod session;
mod signals;
mod status;
mod teaching;
mod terminal;
mod unknown;
mod values;
mod verbs;

use crate::types::Outcome;
use clap::Parser;
use std::process::ExitCode;

/// Runs the command that the process's arguments are.
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let session = session::Session::new(cli.global, cli.verb.streams());
    let outcome = verbs::run(&session, &cli.verb);
    session.lessons.begin(&session);
    ExitCode::from(session.finish(outcome).code())
}

/// clap's own text: help and version on stdout, what is wrong on stderr.
fn usage(error: &clap::Error) -> ExitCode {
    // A reader that has gone wanted no more of it.
    let _ = error.print();
    let outcome = if error.use_stderr() { Outcome::Usage } else { Outcome::Fine };
    ExitCode::from(outcome.code())
}
