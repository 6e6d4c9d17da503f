//! The image config (OCI image specification, "Image Configuration", with Docker's additions).

use crate::types::{Digest, ImageId, Platform};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// An image's config. What is absent or null is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// `amd64`, `arm64`, …
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    /// `linux`
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    /// `v7`, …
    #[serde(default)]
    pub variant: Option<String>,
    /// When it was made, in RFC 3339, as it is written.
    #[serde(default)]
    pub created: Option<String>,
    /// How it is run.
    #[serde(default, deserialize_with = "or_default")]
    pub config: RunConfig,
    /// The layers' digests.
    pub rootfs: RootFs,
    /// How it was made, bottom first.
    #[serde(default, deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// How an image is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunConfig {
    /// `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// Environment variables as `NAME=value`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// The program and its first arguments.
    #[serde(deserialize_with = "words")]
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program if there is no entry point.
    #[serde(deserialize_with = "words")]
    pub cmd: Vec<String>,
    /// The working directory; empty is `/`.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// Ports as `8080/tcp`.
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: Vec<String>,
    /// Labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Mount points of anonymous volumes.
    #[serde(deserialize_with = "keys")]
    pub volumes: Vec<String>,
    /// Docker's addition.
    pub healthcheck: Option<HealthCheck>,
    /// Docker's addition: the shell that `RUN` and shell forms use; `/bin/sh -c` if empty.
    #[serde(deserialize_with = "words")]
    pub shell: Vec<String>,
    /// The signal that asks it to stop, such as `SIGQUIT`; SIGTERM if none.
    pub stop_signal: Option<String>,
}

/// Docker's health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthCheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", …]`; empty inherits.
    #[serde(deserialize_with = "words")]
    pub test: Vec<String>,
}

/// The layers' digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// The digest of each layer's uncompressed tar, bottom first.
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// One step of how an image was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct History {
    /// The command, as the builder wrote it.
    #[serde(deserialize_with = "or_default")]
    pub created_by: String,
    /// A remark; BuildKit writes `buildkit.dockerfile.v0`.
    #[serde(deserialize_with = "or_default")]
    pub comment: String,
    /// It made no layer.
    #[serde(deserialize_with = "or_default")]
    pub empty_layer: bool,
}

impl Config {
    /// Reads a config and its image id, which is the digest of exactly these bytes.
    pub fn parse(bytes: &[u8]) -> Result<(ImageId, Self), serde_json::Error> {
        let config = serde_json::from_slice(bytes)?;
        Ok((ImageId(Digest::of(bytes)), config))
    }

    /// The platform it is for, if it says so.
    pub fn platform(&self) -> Option<Platform> {
        let named = !self.os.is_empty() && !self.architecture.is_empty();
        let variant = self.variant.clone().filter(|variant| !variant.is_empty());
        named.then(|| Platform { os: self.os.clone(), architecture: self.architecture.clone(), variant })
    }

    /// The value of the environment variable `name`; the last one counts.
    pub fn env(&self, name: &str) -> Option<&str> {
        let value = |pair: &'_ String| pair.split_once('=').is_some_and(|(key, _)| key == name);
        self.config.env.iter().rev().find(|pair| value(pair)).and_then(|pair| Some(pair.split_once('=')?.1))
    }

    /// What runs: the entry point with the command as its arguments.
    pub fn command(&self) -> Vec<&str> {
        self.config.entrypoint.iter().chain(&self.config.cmd).map(String::as_str).collect()
    }
}

fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Docker reads a single string where a list is meant.
fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::deserialize(from)? {
        None => Vec::new(),
        Some(Words::One(word)) => vec![word],
        Some(Words::Many(words)) => words,
    })
}

fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let map: Option<BTreeMap<String, serde::de::IgnoredAny>> = Option::deserialize(from)?;
    Ok(map.unwrap_or_default().into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_read_with_all_that_docker_writes() {
        let text = format!(
            r#"{{"architecture":"arm","os":"linux","variant":"v7","config":{{"User":"1000:1000",
            "Env":["A=1","A=2=3","B"],"Entrypoint":"/run","Cmd":["a"],"ExposedPorts":{{"80/tcp":{{}}}},
            "Volumes":{{"/data":{{}}}},"Labels":null,"Healthcheck":{{"Test":["CMD","x"],"Interval":5}},
            "StopSignal":"SIGQUIT"}},"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}},
            "history":[{{"created_by":"RUN x","empty_layer":true}},{{}}]}}"#,
            "a".repeat(64)
        );
        let (id, config) = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(id.0, Digest::of(text.as_bytes()));
        assert_eq!(config.platform().unwrap().to_string(), "linux/arm/v7");
        assert_eq!(config.env("A"), Some("2=3"));
        assert_eq!(config.env("B"), None);
        assert_eq!(config.command(), ["/run", "a"]);
        assert_eq!(config.config.exposed_ports, ["80/tcp"]);
        assert_eq!(config.config.volumes, ["/data"]);
        assert!(config.history[0].empty_layer && !config.history[1].empty_layer);
    }

    #[test]
    fn what_is_null_or_absent_is_empty_and_what_is_wrong_is_an_error() {
        let (_, config) = Config::parse(br#"{"config":null,"rootfs":{"diff_ids":null},"history":null}"#).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.platform(), None);
        for bad in ["", "[]", "{}", r#"{"rootfs":{"diff_ids":["sha256:1"]}}"#, r#"{"rootfs":{},"config":{"User":7}}"#] {
            assert!(Config::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
