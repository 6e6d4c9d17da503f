//! Commands inside a running container.

use super::container::{doing, short};
use super::{Engine, Error};
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;

/// How a command in a container ended.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Its exit code.
    pub code: i64,
    /// What it wrote to both streams, up to a bound.
    pub output: String,
}

impl Engine {
    /// Runs `command` in a container and waits for its end.
    pub async fn exec(&self, id: &str, command: &[&str]) -> Result<Executed, Error> {
        let what = || format!("running `{}` in container `{}`", command.join(" "), short(id));
        let config = ExecConfig {
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let exec = self.api.create_exec(id, config).await.map_err(|error| Error::api(what(), error))?;
        let started = self.api.start_exec(&exec.id, None).await.map_err(|error| Error::api(what(), error))?;
        let output = match started {
            StartExecResults::Attached { output, .. } => collect(output).await,
            StartExecResults::Detached => String::new(),
        };
        let ended = self.api.inspect_exec(&exec.id).await.map_err(|error| Error::api(what(), error))?;
        // An engine that knows no exit code yet has not seen the command's end.
        ended.exit_code.map(|code| Executed { code, output }).ok_or_else(|| {
            Error::broken(doing("running a command in", id), "the engine does not say how the command ended")
        })
    }
}

async fn collect<S, E>(mut parts: S) -> String
where
    S: futures_util::Stream<Item = Result<bollard::container::LogOutput, E>> + Unpin,
{
    const ENOUGH: usize = 64 << 10;
    let mut output = Vec::new();
    while let Some(Ok(part)) = parts.next().await {
        // What is beyond the bound is read on, so that the command can end.
        if output.len() < ENOUGH {
            output.extend_from_slice(&part.into_bytes());
        }
    }
    String::from_utf8_lossy(&output).into_owned()
}
