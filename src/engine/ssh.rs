//! An engine over SSH, as the docker CLI reaches it: the system's `ssh`, with all that its user
//! has configured, and at the far end `docker system dial-stdio`, whose streams are the connection.

mod error;
mod target;

pub use error::SshError;
pub(super) use target::Target;
pub use target::quoted;

use super::connector::Wire;
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Opens a connection to the engine at `target`.
pub(super) fn dial(target: &Target) -> io::Result<Wire> {
    open(command(target), target)
}

fn open(mut command: Command, target: &Target) -> io::Result<Wire> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| io::Error::other(SshError::NotRun { source }))?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), Some(said)) = streams else {
        return Err(io::Error::other("ssh gave no pipes"));
    };
    let said = AbortOnDropHandle::new(tokio::spawn(last_line(said)));
    let far = FarEnd { target: target.clone(), child, output, said: Some(said), over: false };
    let chunks = Box::pin(unfold(far, |mut far| async { Some((far.next().await?, far)) }));
    Ok(Wire::new(tokio::io::join(StreamReader::new(chunks), Input(Some(input)))))
}

fn command(target: &Target) -> Command {
    let mut command = Command::new("ssh");
    command.args(["-o", "ConnectTimeout=30", "-T"]).args(target.arguments());
    // In a process group of its own: Ctrl-C is for us, and what we then ask of the engine needs the
    // connection. From there ssh cannot ask at the terminal, so it asks a program or not at all.
    command.process_group(0);
    if std::env::var_os("SSH_ASKPASS").is_some() {
        command.env("SSH_ASKPASS_REQUIRE", "force");
    } else {
        command.args(["-o", "BatchMode=yes"]);
    }
    // `--` keeps a host name that starts with `-` from being read as an option.
    command.arg("--").arg(target.host());
    command.args(target.remote_command());
    command
}

/// What the far end sends; how `ssh` ended, if it did not end well.
struct FarEnd {
    target: Target,
    child: Child,
    output: ChildStdout,
    said: Option<AbortOnDropHandle<String>>,
    over: bool,
}

impl FarEnd {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        let mut chunk = BytesMut::with_capacity(CHUNK);
        match self.output.read_buf(&mut chunk).await {
            Ok(0) => {
                self.over = true;
                self.ending().await.map(Err)
            }
            read => Some(read.map(|_| chunk.freeze())),
        }
    }

    async fn ending(&mut self) -> Option<io::Error> {
        let status = match self.child.wait().await {
            Ok(status) if status.success() => return None,
            Ok(status) => status,
            Err(error) => return Some(error),
        };
        // A shared connection of the user's stays behind and keeps the stream open.
        let said = match self.said.take() {
            Some(said) => tokio::time::timeout(Duration::from_secs(1), said).await.ok().and_then(Result::ok),
            None => None,
        };
        Some(io::Error::other(SshError::ended(&self.target, status, said.unwrap_or_default())))
    }
}

/// The last line that says something.
async fn last_line(said: ChildStderr) -> String {
    let mut lines = BufReader::new(said).split(b'\n');
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if !line.is_empty() {
            last = line;
        }
    }
    last
}

/// The way to the far end. Closing it is what tells the engine that nothing more comes.
struct Input(Option<ChildStdin>);

impl Input {
    /// That the far end is gone is told, with the cause, where its answer is read.
    fn unless_gone<T>(result: Poll<io::Result<T>>, gone: T) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(Ok(gone)),
            result => result,
        }
    }
}

impl AsyncWrite for Input {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(pipe) => Self::unless_gone(Pin::new(pipe).poll_write(cx, data), data.len()),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(pipe) => Self::unless_gone(Pin::new(pipe).poll_flush(cx), ()),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        // The pipe's own `shutdown` leaves it open.
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    fn running(script: &str) -> Wire {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        open(command, &Target::parse("far").unwrap()).unwrap()
    }

    #[tokio::test]
    async fn closing_our_side_is_the_end_of_the_far_ones_input() {
        let mut wire = running("cat; echo end");
        wire.write_all(b"all of it, ").await.unwrap();
        wire.shutdown().await.unwrap();
        let mut answer = String::new();
        wire.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "all of it, end\n");
    }

    #[tokio::test]
    async fn why_it_ended_is_told_to_whoever_reads() {
        let mut wire = running("exec <&-; printf 'noise\nno route\n\n' >&2; exit 255");
        let mut answer = Vec::new();
        let error = loop {
            // The far end may be gone already: only reading says so.
            wire.write_all(&[0; 65_536]).await.unwrap();
            if let Err(error) = wire.read_to_end(&mut answer).await {
                break error;
            }
        };
        assert_eq!(error.to_string(), "`ssh far` failed: no route");
    }
}
