//! An SSH server on the loopback with keys of its own, and an `ssh` that knows nothing else.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Sshd {
    dir: TempDir,
    port: u16,
    server: Child,
}

impl Sshd {
    /// The far end's commands run with `environment` (`NAME=value NAME=value`).
    pub fn start(environment: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Where Debian's package has it made by the service, which never ran here.
        fs::create_dir_all("/run/sshd").unwrap();
        for name in ["host", "user", "stranger"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(dir.path().join(name));
            assert!(keygen.status().unwrap().success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = dir.path().display();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/user.pub\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nSetEnv {environment}\nMaxStartups 100\n"
        );
        fs::write(dir.path().join("sshd_config"), settings).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(dir.path().join("sshd_config")).stdin(Stdio::null()).stderr(log);
        let server = command.spawn().expect("`cargo xtask test engine` installs openssh-server");
        let sshd = Self { dir, port, server };
        sshd.configure_client("user", true);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(sshd.dir.path().join("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(20), "sshd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        sshd
    }

    /// Which key the client shows, and whether it knows the server's.
    pub fn configure_client(&self, key: &str, knows_host: bool) {
        let (at, port) = (self.dir.path().display(), self.port);
        let host = fs::read_to_string(self.dir.path().join("host.pub")).unwrap();
        let known = if knows_host { format!("[127.0.0.1]:{port} {host}") } else { String::new() };
        fs::write(self.dir.path().join("known_hosts"), known).unwrap();
        let settings = format!(
            "IdentityFile {at}/{key}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {at}/known_hosts\n\
             GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n"
        );
        fs::write(self.config(), settings).unwrap();
        let ssh = self.bin().join("ssh");
        fs::create_dir_all(self.bin()).unwrap();
        // The real `ssh` reads the real user's files, whatever HOME says.
        fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", self.config().display())).unwrap();
        fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("ssh_config")
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `PATH` with the `ssh` that is a user's of this server.
    pub fn path(&self) -> String {
        format!("{}:{}", self.bin().display(), std::env::var("PATH").unwrap())
    }

    /// Waits until no `ssh` to this server runs; tells those that still do after a while.
    pub fn clients_left(&self) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let left = processes_with(&self.config());
            if left.is_empty() || begun.elapsed() > Duration::from_secs(10) {
                return left;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn processes_with(argument: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(argument.to_str().unwrap())).map(|line| line.replace('\0', " ")).collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
