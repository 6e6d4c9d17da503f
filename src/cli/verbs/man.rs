//! `loadline man`.

use crate::cli::args::{Cli, Man};
use crate::cli::session::Session;
use crate::types::{Explained, Outcome};
use clap::{Command, CommandFactory};
use std::path::{Path, PathBuf};

/// A page could not be made or kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the manual page `{}`", page.display())]
struct PageError {
    page: PathBuf,
    source: std::io::Error,
}

impl Explained for PageError {
    fn outcome(&self) -> Outcome {
        Outcome::StepFailed
    }
}

/// Prints `loadline(1)`, or writes all pages into a directory.
pub fn run(session: &Session, args: &Man) -> Outcome {
    let command = command();
    let written = match &args.out {
        Some(directory) => pages(&command, directory),
        None => match page(&command) {
            Ok(text) => return session.written(session.terminal.data(&text)),
            Err(source) => Err(PageError { page: "loadline.1".into(), source }),
        },
    };
    written.map_or_else(|error| session.failed(None, &error), |()| Outcome::Fine)
}

/// The command, with the global options in every verb and each verb called by its full name.
fn command() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn page(command: &Command) -> std::io::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn pages(command: &Command, directory: &Path) -> Result<(), PageError> {
    std::fs::create_dir_all(directory).map_err(|source| PageError { page: directory.to_owned(), source })?;
    keep(command, directory)?;
    let verbs = command.get_subcommands().filter(|verb| verb.get_name() != "help");
    verbs.into_iter().try_for_each(|verb| keep(verb, directory))
}

fn keep(command: &Command, directory: &Path) -> Result<(), PageError> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let path = directory.join(format!("{name}.1"));
    let failed = |source| PageError { page: path.clone(), source };
    let text = page(command).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)
}
