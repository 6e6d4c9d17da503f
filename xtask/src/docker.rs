//! The docker CLI pointed at one engine, and the question whether an engine answers.

use crate::run;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ANSWER: Duration = Duration::from_secs(5);

/// `GET /_ping` on a Unix socket.
pub fn answers(socket: &Path) -> bool {
    ping(socket).is_ok_and(|head| head.contains(" 200 "))
}

fn ping(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut head = [0; 64];
    let length = stream.read(&mut head)?;
    Ok(String::from_utf8_lossy(&head[..length]).into_owned())
}

/// The docker CLI for the engine at `host`.
pub fn cli(host: &str) -> Command {
    for_engine("docker", host)
}

/// A program to which the docker CLI's variables name the engine at `host`.
pub fn for_engine(program: &str, host: &str) -> Command {
    let mut command = Command::new(program);
    command.env("DOCKER_HOST", host);
    for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// The user's own engine, found as the docker CLI finds it: `DOCKER_HOST`, the context, the default socket.
pub fn users_engine() -> Option<String> {
    let mut version = Command::new("docker");
    version.args(["version", "--format", "{{.Server.Version}}"]);
    if let Ok(text) = run::output("looking for Docker", &mut version, Duration::from_secs(15)) {
        return Some(text.trim().to_owned());
    }
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let socket = host.strip_prefix("unix://")?;
    answers(Path::new(socket)).then(|| "unknown version".to_owned())
}
