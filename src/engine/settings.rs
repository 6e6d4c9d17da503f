//! What an image says of the containers made from it, and images that are not here yet.

use super::credentials::{Credentials, Login, is_denied};
use super::{Engine, Error};
use crate::types::ImageRef;
use bollard::auth::DockerCredentials;
use bollard::models::ImageConfig;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

/// What an image says of the containers made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// The user; empty means root.
    pub user: String,
    /// The TCP ports that it exposes, in order.
    pub ports: Vec<u16>,
    /// The signal that ends it; `SIGTERM` if none.
    pub stop_signal: Option<String>,
    /// It has a health check.
    pub healthcheck: bool,
    /// Its first process is a shell that runs a line of text.
    pub shell_form: bool,
}

impl Engine {
    /// What `image`, a reference or an id, says of the containers made from it.
    pub async fn image_settings(&self, image: &str) -> Result<ImageSettings, Error> {
        let found = self.api.inspect_image(image).await.map_err(|error| {
            let error = Error::api(format!("inspecting image `{image}`"), error);
            if error.is_not_found() { Error::NoSuchImage { image: image.to_owned() } } else { error }
        })?;
        Ok(found.config.map(settings).unwrap_or_default())
    }

    /// Pulls an image, with the login that `credentials` has for its registry.
    ///
    /// # Errors
    /// The credentials cannot be read, the registry refuses, or the engine does.
    pub async fn pull(&self, image: &ImageRef, credentials: &Credentials) -> Result<(), Error> {
        let doing = || format!("pulling `{image}`");
        let name = format!("{}/{}", image.domain(), image.path());
        let tag = image.digest().map(ToString::to_string).or_else(|| image.tag().map(str::to_owned));
        let options = CreateImageOptionsBuilder::default().from_image(&name).tag(&tag.unwrap_or_default()).build();
        let login = credentials.find(image.domain()).await.map_err(|error| Error::broken(doing(), error))?;
        let mut progress = std::pin::pin!(self.api.create_image(Some(options), None, login.map(header)));
        while let Some(line) = progress.next().await {
            line.map_err(|error| denied(image, Error::api(doing(), error)))?;
        }
        Ok(())
    }
}

/// What the engine is told of a login; it passes it on to the registry.
fn header(login: Login) -> DockerCredentials {
    if login.user.is_empty() {
        return DockerCredentials { identitytoken: Some(login.secret), ..DockerCredentials::default() };
    }
    DockerCredentials { username: Some(login.user), password: Some(login.secret), ..DockerCredentials::default() }
}

fn denied(image: &ImageRef, error: Error) -> Error {
    match error {
        Error::Refused { message, .. } if is_denied(&message) => {
            Error::Denied { image: Box::new(image.clone()), message }
        }
        other => other,
    }
}

fn settings(config: ImageConfig) -> ImageSettings {
    let tcp = |port: String| match port.split_once('/') {
        None | Some((_, "tcp")) => port.split('/').next()?.parse().ok(),
        Some(_) => None,
    };
    let mut ports: Vec<u16> = config.exposed_ports.unwrap_or_default().into_iter().filter_map(tcp).collect();
    ports.sort_unstable();
    let test = config.healthcheck.and_then(|check| check.test).unwrap_or_default();
    let command = config.entrypoint.unwrap_or_default().into_iter().chain(config.cmd.unwrap_or_default());
    let command: Vec<String> = command.take(2).collect();
    ImageSettings {
        user: config.user.unwrap_or_default(),
        ports,
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        healthcheck: test.first().is_some_and(|kind| kind != "NONE"),
        shell_form: matches!(&command[..], [shell, flag] if shell.ends_with("sh") && flag == "-c"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Option<Vec<String>> {
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn only_tcp_ports_can_be_probed() {
        let config = ImageConfig { exposed_ports: words(&["8080/tcp", "53/udp", "80"]), ..ImageConfig::default() };
        assert_eq!(settings(config).ports, [80, 8080]);
    }

    #[test]
    fn a_token_is_sent_as_one() {
        let login = |user: &str| header(Login { user: user.into(), secret: "s".into() });
        assert_eq!((login("").identitytoken.as_deref(), login("").password), (Some("s"), None));
        assert_eq!((login("u").username.as_deref(), login("u").password.as_deref()), (Some("u"), Some("s")));
    }

    #[test]
    fn shells_in_front_are_seen() {
        let of = |command: &[&str]| settings(ImageConfig { cmd: words(command), ..ImageConfig::default() }).shell_form;
        assert!(of(&["/bin/sh", "-c", "python app.py"]));
        assert!(!of(&["python", "-c", "pass"]));
        assert!(!of(&["sh"]));
    }
}
