//! A registry on the loopback that lets in one user, whose password no other run has.

use crate::harness::{address, untag};
use crate::site::Site;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const USER: &str = "loadline-tester";

pub struct Registry {
    dir: TempDir,
    /// `127.0.0.1:PORT`, which engines speak plain HTTP with.
    pub host: String,
    pub password: String,
    server: Child,
}

impl Registry {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let password = hex::encode(rand::random::<[u8; 16]>());
        let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let passwords = Command::new("htpasswd").args(["-nbB", USER, &password]).output();
        let passwords = passwords.expect("`cargo xtask test engine` installs apache2-utils").stdout;
        fs::write(dir.path().join("htpasswd"), passwords).unwrap();
        let at = dir.path().display();
        let settings = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {at}/data}}}}\n\
             http: {{addr: \"{host}\"}}\nauth: {{htpasswd: {{realm: test, path: {at}/htpasswd}}}}\n"
        );
        fs::write(dir.path().join("config.yml"), settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(dir.path().join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().expect("`cargo xtask test engine` installs docker-registry");
        let begun = Instant::now();
        while TcpStream::connect(&host).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { dir, host, password, server }
    }

    /// As `docker login` keeps it.
    pub fn encoded(&self) -> String {
        STANDARD.encode(format!("{USER}:{}", self.password))
    }

    /// A directory for `DOCKER_CONFIG` whose `config.json` is `text`.
    pub fn config(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join("configs").join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("config.json"), text).unwrap();
        path.display().to_string()
    }

    /// As after `docker login`.
    pub fn logged_in(&self) -> String {
        self.config("auths", &format!(r#"{{"auths":{{"{}":{{"auth":"{}"}}}}}}"#, self.host, self.encoded()))
    }

    /// A directory for `PATH` with a credential helper `docker-credential-NAME` that knows the password.
    pub fn helper(&self, name: &str) -> PathBuf {
        let bin = self.dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let answer = format!(r#"{{"ServerURL":"{}","Username":"{USER}","Secret":"{}"}}"#, self.host, self.password);
        let script = format!(
            "#!/bin/sh\nread -r server\n[ \"$1 $server\" = 'get {}' ] || {{ echo 'credentials not found in native keychain'; exit 1; }}\necho '{answer}'\n",
            self.host
        );
        let path = bin.join(format!("docker-credential-{name}"));
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        bin
    }

    /// Builds `site`, whose tag is of this registry, and moves the image there from the engine.
    pub fn publish(&self, site: &Site) {
        let ran = site.run(&["build"], &[("DOCKER_HOST", address().to_string())]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let mut push = Command::new("docker");
        push.args(["--config", &self.logged_in(), "push", &site.tag]).env("DOCKER_HOST", address().to_string());
        let output = push.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        untag(site.tag.clone());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
