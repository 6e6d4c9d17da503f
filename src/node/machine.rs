//! The machine that a node is: a container of an engine, or one behind SSH. What runs on it is
//! reached by running a command there.

use super::Error;
use super::ssh::{self, Login};
use crate::engine::{self, Engine, ExecInput, ExecOutput, MachineState, Output};
use std::io;
use tokio::io::AsyncWriteExt;

/// A machine, with the command that starts it.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) start: String,
    pub(super) place: Place,
}

/// Where a machine is.
#[derive(Clone)]
pub(super) enum Place {
    /// A container of this engine, by the machine's name.
    Container(Engine),
    /// Whoever logs in there is on it.
    Ssh(Login),
}

/// Where a command on a machine reads from. Dropping it ends the command's input.
pub(super) enum Input {
    Exec(ExecInput),
    Ssh(tokio::process::ChildStdin),
}

/// What a command on a machine writes.
pub(super) enum Outputs {
    Exec(ExecOutput),
    Ssh(ssh::Outputs),
}

impl Machine {
    /// How it is reached.
    pub(super) fn by(&self) -> String {
        match &self.place {
            Place::Container(engine) => format!("container `{}` of {}", self.name, engine.address()),
            Place::Ssh(login) => login.to_string(),
        }
    }

    /// The command that makes room on it.
    pub(super) fn prune(&self) -> String {
        match &self.place {
            Place::Container(_) => format!("docker exec {} crictl rmi --prune", self.name),
            Place::Ssh(login) => format!("{} sudo crictl rmi --prune", login.command_line()),
        }
    }

    /// That a machine behind SSH runs shows when it is logged in to.
    pub(super) async fn must_run(&self) -> Result<(), Error> {
        let Place::Container(engine) = &self.place else { return Ok(()) };
        let (node, start) = (self.name.clone(), self.start.clone());
        match engine.machine_state(&self.name).await.map_err(|source| Error::engine(&self.name, source))? {
            Some(MachineState::Running) => Ok(()),
            Some(MachineState::Paused) => Err(Error::Paused { resume: format!("docker unpause {node}"), node }),
            Some(MachineState::Stopped) => Err(Error::Stopped { node, start }),
            None => Err(Error::NoMachine { node, start, engine: engine.address().to_string() }),
        }
    }

    /// Runs `command` there, as root.
    pub(super) async fn run(&self, command: &[&str]) -> Result<(Input, Outputs), Error> {
        match &self.place {
            Place::Container(engine) => {
                let attached = engine.attach(&self.name, command).await;
                let (input, output) = attached.map_err(|source| Error::engine(&self.name, source))?;
                Ok((Input::Exec(input), Outputs::Exec(output)))
            }
            Place::Ssh(login) => {
                let started = login.run(command);
                let (input, output) = started.map_err(|source| Error::NoSsh {
                    node: self.name.clone(),
                    to: login.to_string(),
                    source,
                })?;
                Ok((Input::Ssh(input), Outputs::Ssh(output)))
            }
        }
    }
}

impl Input {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Exec(input) => input.write(bytes).await,
            Self::Ssh(input) => input.write_all(bytes).await,
        }
    }

    /// Tells the command that nothing more comes.
    pub(super) async fn close(self) -> io::Result<()> {
        match self {
            Self::Exec(input) => input.close().await,
            // The pipe closes as it is dropped.
            Self::Ssh(mut input) => input.shutdown().await,
        }
    }
}

impl Outputs {
    /// The next piece; `None` when the command has closed its streams.
    pub(super) async fn next(&mut self) -> Option<Result<Output, engine::Error>> {
        match self {
            Self::Exec(output) => output.next().await,
            Self::Ssh(output) => output.next().await.map(Ok),
        }
    }

    /// To be asked when [`Outputs::next`] has ended; `None` if it cannot be known.
    pub(super) async fn exit_code(&mut self) -> Option<i64> {
        match self {
            Self::Exec(output) => output.exit_code().await.ok(),
            Self::Ssh(output) => output.exit_code().await,
        }
    }
}
