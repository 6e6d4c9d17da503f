//! Credentials for registries, found as the docker CLI finds them: the credential helper of the
//! host, the default helper, or `auths` in the CLI's configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What Docker Hub is called in the configuration, by all the names it has elsewhere.
const HUB: &str = "https://index.docker.io/v1/";
const HUB_HOSTS: [&str; 4] = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A user and a password; or a token, with an empty user.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user; empty with a token.
    pub user: String,
    /// The password or token.
    pub secret: String,
}

/// Secrets appear in no output of ours.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How a person gets credentials for `registry` (a reference's domain).
pub fn login_command(registry: &str) -> String {
    if HUB_HOSTS.contains(&registry) { "docker login".to_owned() } else { format!("docker login {registry}") }
}

/// Whether `message`, an engine's or a builder's words, is a registry's refusal to who asked. Many
/// registries answer so, too, for what they do not have.
pub fn is_denied(message: &str) -> bool {
    const WORDS: [&str; 6] = [
        "401 unauthorized",
        "403 forbidden",
        "unauthorized: ",
        "authorization failed",
        "no basic auth credentials",
        "access denied",
    ];
    let message = message.to_lowercase();
    WORDS.iter().any(|word| message.contains(word))
}

/// Why credentials that should be there could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The configuration cannot be read.
    #[error("cannot read registry credentials from {}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The credential helper failed.
    #[error("credential helper `{helper}` failed for {host}: {why}")]
    Helper {
        /// The program.
        helper: String,
        /// The registry.
        host: String,
        /// What it said.
        why: String,
    },
}

/// Where credentials are looked up: the docker CLI's configuration.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    config: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    auths: HashMap<String, Auth>,
    #[serde(rename = "credsStore")]
    default_helper: String,
    #[serde(rename = "credHelpers")]
    helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

#[derive(Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Credentials {
    /// Looks into `config.json` of the directory `config`; there are none without one.
    pub fn new(config: Option<PathBuf>) -> Self {
        Self { config }
    }

    /// The login for the registry `host`, if there is one.
    pub async fn find(&self, host: &str) -> Result<Option<Login>, CredentialsError> {
        let Some(directory) = &self.config else { return Ok(None) };
        let Some(configuration) = read(&directory.join("config.json"))? else { return Ok(None) };
        let names = names_of(host);
        let helper = names.iter().find_map(|name| configuration.helpers.get(*name));
        let default = Some(&configuration.default_helper).filter(|helper| !helper.is_empty());
        if let Some(helper) = helper.or(default) {
            let server = names.first().copied().unwrap_or(host);
            if let Some(login) = ask(helper, server).await? {
                return Ok(Some(login));
            }
        }
        let matching = |(key, _): &(&String, &Auth)| names.iter().any(|name| registry_of(key) == registry_of(name));
        Ok(configuration.auths.iter().find(matching).and_then(|(_, auth)| login(auth)))
    }
}

/// The names under which credentials of `host` may be kept, the likeliest first.
fn names_of(host: &str) -> Vec<&str> {
    if HUB_HOSTS.contains(&host) { std::iter::once(HUB).chain(HUB_HOSTS).collect() } else { vec![host] }
}

/// Keys may be URLs: `https://registry.example/v1/` is `registry.example`.
fn registry_of(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    bare.split('/').next().unwrap_or(bare)
}

fn read(path: &Path) -> Result<Option<Configuration>, CredentialsError> {
    let failed = |source| CredentialsError::Configuration { path: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.into())),
    }
}

fn login(auth: &Auth) -> Option<Login> {
    if !auth.identitytoken.is_empty() {
        return Some(Login { user: String::new(), secret: auth.identitytoken.clone() });
    }
    if !auth.username.is_empty() {
        return Some(Login { user: auth.username.clone(), secret: auth.password.clone() });
    }
    let decoded = String::from_utf8(STANDARD.decode(&auth.auth).ok()?).ok()?;
    let (user, secret) = decoded.split_once(':')?;
    // The CLI ends what it encodes with NUL bytes.
    Some(Login { user: user.to_owned(), secret: secret.trim_end_matches('\0').to_owned() })
}

/// `docker-credential-NAME get`, with the server on its standard input
/// (docker/docker-credential-helpers, "Development").
async fn ask(helper: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    let program = format!("docker-credential-{helper}");
    let failed = |why: String| CredentialsError::Helper { helper: program.clone(), host: server.to_owned(), why };
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input says why by its exit status.
        input.write_all(server.as_bytes()).await.ok();
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let why = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        let unknown = why[0].contains("credentials not found");
        return if unknown { Ok(None) } else { Err(failed(why.join(" ").trim().to_owned())) };
    }
    let answer: HelperAnswer = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let user = if answer.user == "<token>" { String::new() } else { answer.user };
    Ok(Some(Login { user, secret: answer.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(text: &str) -> (Credentials, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        (Credentials::new(Some(dir.path().to_owned())), dir)
    }

    #[tokio::test]
    async fn logins_are_found_by_every_name_of_a_registry() {
        let hub = STANDARD.encode("me:pass:word\0");
        let text = format!(
            r#"{{"auths":{{"{HUB}":{{"auth":"{hub}"}},"https://r.example/v1/":{{"username":"u","password":"p"}},"t.example":{{"identitytoken":"t"}}}}}}"#
        );
        let (credentials, _dir) = configured(&text);
        let hub = Login { user: "me".into(), secret: "pass:word".into() };
        assert_eq!(credentials.find("registry-1.docker.io").await.unwrap(), Some(hub));
        assert_eq!(credentials.find("r.example").await.unwrap(), Some(Login { user: "u".into(), secret: "p".into() }));
        assert_eq!(credentials.find("t.example").await.unwrap(), Some(Login { user: "".into(), secret: "t".into() }));
        assert_eq!(credentials.find("other.example").await.unwrap(), None);
        assert_eq!(Credentials::new(Some("/nowhere".into())).find("r.example").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_broken_configuration_or_helper_is_said() {
        let (credentials, _dir) = configured("{");
        assert!(matches!(credentials.find("x").await, Err(CredentialsError::Configuration { .. })));
        let (credentials, _dir) = configured(r#"{"credHelpers":{"x":"loadline-test-absent"}}"#);
        let error = credentials.find("x").await.unwrap_err().to_string();
        assert!(
            error.starts_with("credential helper `docker-credential-loadline-test-absent` failed for x"),
            "{error}"
        );
        let shown = format!("{:?}", Login { user: "u".into(), secret: "hidden".into() });
        assert!(!shown.contains("hidden"));
    }
}
