//! Commands inside a running container that end by themselves.

use super::attach::{ExecOutput, Output};
use super::{Engine, Error};

/// How much of a command's output is kept, in bytes.
const ENOUGH: usize = 64 << 10;

/// How a command in a container ended.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Its exit code.
    pub code: i64,
    /// What it wrote to both streams, up to a bound.
    pub output: String,
}

impl Engine {
    /// Runs `command` in a container, without input, and waits for its end.
    ///
    /// # Errors
    /// The engine refused or was lost, or there is no such container.
    pub async fn exec(&self, id: &str, command: &[&str]) -> Result<Executed, Error> {
        let (input, mut output) = self.attach(id, command).await?;
        // A command that has ended already takes no end of its input.
        input.close().await.ok();
        let text = collect(&mut output).await?;
        Ok(Executed { code: output.exit_code().await?, output: text })
    }
}

async fn collect(output: &mut ExecOutput) -> Result<String, Error> {
    let mut text = Vec::new();
    while let Some(piece) = output.next().await {
        let (Output::Out(bytes) | Output::Err(bytes)) = piece?;
        // What is beyond the bound is read on, so that the command can end.
        if text.len() < ENOUGH {
            text.extend_from_slice(&bytes);
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
