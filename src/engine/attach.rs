//! A command in a running container, with its streams.

use super::{Engine, Error};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Where a command reads from. Dropping it ends the command's input.
pub struct ExecInput(Pin<Box<dyn AsyncWrite + Send>>);

/// What a command writes, and how it ends.
pub struct ExecOutput {
    id: String,
    doing: String,
    api: Docker,
    stream: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
}

/// A piece of what a command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To its standard output.
    Out(Bytes),
    /// To its standard error.
    Err(Bytes),
}

impl Engine {
    /// Runs `command` in the running container `container`.
    ///
    /// # Errors
    /// The engine refused, or there is no such container. That the command itself is not there
    /// shows only in its output and exit code.
    pub async fn attach(&self, container: &str, command: &[&str]) -> Result<(ExecInput, ExecOutput), Error> {
        let doing = format!("running `{}` in container `{container}`", command.first().unwrap_or(&""));
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let failed = |error| Error::api(&doing, error);
        let id = self.api.create_exec(container, options).await.map_err(failed)?.id;
        let started = self.api.start_exec(&id, Some(StartExecOptions::default())).await.map_err(failed)?;
        match started {
            StartExecResults::Attached { output, input } => {
                Ok((ExecInput(input), ExecOutput { id, doing, api: self.api.clone(), stream: output }))
            }
            StartExecResults::Detached => Err(Error::broken(doing, "the engine did not attach to it")),
        }
    }
}

impl ExecInput {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// The connection broke, or the command reads no more.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    pub(super) fn into_writer(self) -> Pin<Box<dyn AsyncWrite + Send>> {
        self.0
    }

    /// Tells the command that nothing more comes.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn close(mut self) -> io::Result<()> {
        self.0.flush().await?;
        self.0.shutdown().await
    }
}

impl ExecOutput {
    /// The next piece of what the command wrote; `None` when it has closed its streams.
    pub async fn next(&mut self) -> Option<Result<Output, Error>> {
        loop {
            let piece = match self.stream.next().await? {
                Err(error) => return Some(Err(Error::api(&self.doing, error))),
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => Output::Out(message),
                Ok(LogOutput::StdErr { message }) => Output::Err(message),
                Ok(LogOutput::StdIn { .. }) => continue,
            };
            return Some(Ok(piece));
        }
    }

    /// The command's exit code; to be asked when [`ExecOutput::next`] has ended.
    ///
    /// # Errors
    /// The engine was lost, or it does not say.
    pub fn exit_code(&self) -> impl Future<Output = Result<i64, Error>> + Send + use<> {
        // What is asked must not hold the streams: they cannot be shared between threads.
        let (api, id, doing) = (self.api.clone(), self.id.clone(), self.doing.clone());
        async move {
            let found = api.inspect_exec(&id).await.map_err(|error| Error::api(&doing, error))?;
            found.exit_code.ok_or_else(|| Error::broken(doing, "it still runs"))
        }
    }
}
