//! Machines behind SSH: the system's `ssh` runs the command, with Minikube's own key.

use crate::engine::{Output, quoted};
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// What `ssh` exits with when it did not get in, or lost the connection.
pub(super) const NOT_IN: i64 = 255;

/// Who may log in to a machine, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user, who may do all with `sudo` unless he is root.
    pub user: String,
    /// The machine's address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The file with the private key.
    pub key: PathBuf,
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ssh://{}@{}:{}", self.user, self.host, self.port)
    }
}

impl Login {
    /// What a person types to get in.
    pub(super) fn command_line(&self) -> String {
        format!("ssh -i {} -p {} {}@{}", self.key.display(), self.port, self.user, self.host)
    }

    /// Starts `command` there, as root.
    pub(super) fn run(&self, command: &[&str]) -> io::Result<(ChildStdin, Outputs)> {
        // As Minikube does: such machines are made anew all the time, each with a key of its own.
        const OPTIONS: [&str; 8] = [
            "BatchMode=yes",
            "ConnectTimeout=10",
            "IdentitiesOnly=yes",
            "LogLevel=ERROR",
            "ServerAliveInterval=10",
            "ServerAliveCountMax=3",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        ];
        let mut ssh = Command::new("ssh");
        ssh.args(OPTIONS.iter().flat_map(|option| ["-o", option])).arg("-T").arg("-i").arg(&self.key);
        // `--` keeps a host name that starts with `-` from being read as an option.
        ssh.args(["-p", &self.port.to_string(), "-l", &self.user, "--", &self.host, &self.remote(command)]);
        let mut child =
            ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(out), Some(err)) => Ok((input, Outputs { child, out: Some(out), err: Some(err) })),
            _ => Err(io::Error::other("ssh gave no pipes")),
        }
    }

    /// One line for the user's shell there, which takes it apart again.
    fn remote(&self, command: &[&str]) -> String {
        let sudo: &[&str] = if self.user == "root" { &[] } else { &["sudo", "-n"] };
        sudo.iter().chain(command).map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// What a command writes, and how it ends; it is given up when this is dropped.
pub(super) struct Outputs {
    child: Child,
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
}

impl Outputs {
    pub(super) async fn next(&mut self) -> Option<Output> {
        while self.out.is_some() || self.err.is_some() {
            let piece = tokio::select! {
                bytes = read(&mut self.out), if self.out.is_some() => bytes.map(Output::Out),
                bytes = read(&mut self.err), if self.err.is_some() => bytes.map(Output::Err),
            };
            if piece.is_some() {
                return piece;
            }
        }
        None
    }

    pub(super) async fn exit_code(&mut self) -> Option<i64> {
        self.child.wait().await.ok()?.code().map(i64::from)
    }
}

/// The next bytes of `stream`. If there are no more, for which a broken pipe counts too, it is not
/// read again.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>) -> Option<Bytes> {
    let mut bytes = BytesMut::with_capacity(16 << 10);
    match stream.as_mut()?.read_buf(&mut bytes).await {
        Ok(1..) => Some(bytes.freeze()),
        Ok(0) | Err(_) => {
            *stream = None;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str) -> Login {
        Login { user: user.into(), host: "192.168.39.2".into(), port: 22, key: "/home/me/id_rsa".into() }
    }

    #[test]
    fn what_is_to_run_survives_the_shell_there() {
        let remote = login("docker").remote(&["sh", "-c", "echo 'a b' $1\n", "x"]);
        assert_eq!(remote, "'sudo' '-n' 'sh' '-c' 'echo '\\''a b'\\'' $1\n' 'x'");
        assert_eq!(login("root").remote(&["id"]), "'id'");
    }

    #[test]
    fn a_login_is_shown_as_an_address_and_as_a_command() {
        assert_eq!(login("docker").to_string(), "ssh://docker@192.168.39.2:22");
        assert_eq!(login("docker").command_line(), "ssh -i /home/me/id_rsa -p 22 docker@192.168.39.2");
    }
}
