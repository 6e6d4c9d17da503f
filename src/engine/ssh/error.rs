//! How a connection over SSH can fail.

use super::Target;
use crate::types::{Explained, Outcome};
use std::io;
use std::process::ExitStatus;

/// What `ssh` itself ends with when it fails; everything else is the far command's.
const SSH_FAILED: i32 = 255;
/// What a shell says of a command that it does not find, or may not run.
const NOT_FOUND: [i32; 2] = [127, 126];

/// An engine could not be reached over SSH. What `ssh` or the far end said last is in it.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// There is no `ssh` here.
    #[error("cannot run `ssh`, by which engines at ssh:// addresses are reached")]
    NotRun {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No connection to the host, or it does not let us in.
    #[error("`{by_hand}` failed: {said}")]
    NoConnection {
        /// The command, as a person would type it.
        by_hand: String,
        /// What it said last.
        said: String,
    },
    /// The far end has no docker CLI.
    #[error("`docker` cannot be run on {host} over SSH: {said}")]
    NoDocker {
        /// The far end.
        host: String,
        /// How a person would try it.
        by_hand: String,
        /// What its shell said last.
        said: String,
    },
    /// The far end's docker CLI does not reach its engine.
    #[error("`docker system dial-stdio` on {host} ended with {code}: {said}")]
    NoEngine {
        /// The far end.
        host: String,
        /// How a person would try it.
        by_hand: String,
        /// What it ended with.
        code: i32,
        /// What it said last.
        said: String,
    },
}

impl SshError {
    pub(super) fn ended(target: &Target, status: ExitStatus, said: String) -> Self {
        let (host, by_hand) = (target.host().to_owned(), target.by_hand());
        let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
        match status.code() {
            None => Self::NoConnection { by_hand, said: status.to_string() },
            Some(SSH_FAILED) => Self::NoConnection { by_hand, said },
            Some(code) if NOT_FOUND.contains(&code) => Self::NoDocker { host, by_hand, said },
            Some(code) => Self::NoEngine { host, by_hand, code, said },
        }
    }
}

impl Explained for SshError {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotRun { .. } => "install OpenSSH's client (`apt install openssh-client`)".into(),
            Self::NoConnection { by_hand, .. } => {
                format!(
                    "`{by_hand} true` must work without asking anything: accept the host's key once, and have ssh-agent hold yours"
                )
            }
            Self::NoDocker { by_hand, .. } => {
                format!("install the docker CLI there, where `{by_hand} docker version` finds it")
            }
            Self::NoEngine { by_hand, .. } => format!("`{by_hand} docker version` must answer"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_client_that_is_killed_is_said_to_be() {
        let target = Target::parse("me@far").unwrap();
        let error = SshError::ended(&target, ExitStatus::from_raw(9), "noise".into());
        assert_eq!(error.to_string(), "`ssh -l me far` failed: signal: 9 (SIGKILL)");
    }
}
