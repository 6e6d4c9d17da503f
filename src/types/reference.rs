//! Image references, as the docker CLI normalises them (the grammar is the distribution
//! project's `reference`; `ubuntu` means `docker.io/library/ubuntu:latest`).

use crate::types::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A name with a tag, a digest, or both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What was given is no image reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an image reference: {why}")]
pub struct ReferenceError {
    text: String,
    why: &'static str,
}

impl ImageRef {
    /// The registry, `docker.io` if none was written.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository inside the registry, such as `library/ubuntu`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one was written or implied.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository under another tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        let name = format!("{}/{}:{tag}", self.domain, self.path);
        name.parse()
    }

    /// Everything spelled out, as containerd names images: `docker.io/library/ubuntu:latest`.
    pub fn canonical(&self) -> String {
        self.suffixed(format!("{}/{}", self.domain, self.path))
    }

    /// Repository without tag and digest, as a person writes it: what it says is read as the same again.
    pub fn familiar_name(&self) -> String {
        match (self.domain.as_str(), self.path.split_once('/')) {
            ("docker.io", Some(("library", name))) if !name.contains('/') => name.to_owned(),
            ("docker.io", Some((first, _))) if !is_registry(first) => self.path.clone(),
            (domain, _) => format!("{domain}/{}", self.path),
        }
    }

    fn suffixed(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name = format!("{name}:{tag}");
        }
        if let Some(digest) = &self.digest {
            name = format!("{name}@{digest}");
        }
        name
    }
}

/// What stands before the first slash of a name is a registry, and no part of a repository.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn valid_domain(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b))
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
}

/// `[a-z0-9]+` runs joined by `.`, `_`, `__` or any number of `-`.
fn valid_component(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|s| !s.is_empty());
    edge(text.bytes().next())
        && edge(text.bytes().last())
        && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

fn valid_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !text.is_empty()
        && text.len() <= 128
        && word(text.as_bytes()[0])
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

impl FromStr for ImageRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |why| ReferenceError { text: text.to_owned(), why };
        let (name, digest) = match text.split_once('@') {
            None => (text, None),
            Some((name, digest)) => {
                (name, Some(digest.parse().map_err(|_| wrong("the digest after `@` is not valid"))?))
            }
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (name, None),
        };
        if tag.as_deref().is_some_and(|tag| !valid_tag(tag)) {
            return Err(wrong("a tag is up to 128 letters, digits, `_`, `.` and `-`"));
        }
        let (domain, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first, rest.to_owned()),
            _ => ("docker.io", name.to_owned()),
        };
        let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
        let path = if domain == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
        if !valid_domain(domain) {
            return Err(wrong("the registry is no host and port"));
        }
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(wrong("the repository must be lower case"));
        }
        if path.len() > 255 || !path.split('/').all(valid_component) {
            return Err(wrong("a repository is lower-case letters and digits, joined by `.`, `_`, `-` and `/`"));
        }
        let tag = if tag.is_none() && digest.is_none() { Some("latest".to_owned()) } else { tag };
        Ok(Self { domain: domain.to_owned(), path, tag, digest })
    }
}

impl TryFrom<String> for ImageRef {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<ImageRef> for String {
    fn from(reference: ImageRef) -> Self {
        reference.to_string()
    }
}

/// As a person writes it: `ubuntu:latest`, `ghcr.io/a/b:1`.
impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.suffixed(self.familiar_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<ImageRef>().unwrap().canonical()
    }

    #[test]
    fn references_are_normalised_as_docker_does() {
        assert_eq!(canonical("ubuntu"), "docker.io/library/ubuntu:latest");
        assert_eq!(canonical("index.docker.io/a/b"), "docker.io/a/b:latest");
        assert_eq!(canonical("localhost:5000/x__y/z-1.0:v1"), "localhost:5000/x__y/z-1.0:v1");
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(canonical(&format!("a/b@{digest}")), format!("docker.io/a/b@{digest}"));
        assert_eq!("docker.io/library/ubuntu:1".parse::<ImageRef>().unwrap().to_string(), "ubuntu:1");
    }

    #[test]
    fn names_that_are_shown_are_read_as_the_same_image() {
        for (text, shown) in [
            ("library/a/b", "library/a/b:latest"),
            ("docker.io/localhost/a", "docker.io/localhost/a:latest"),
            ("docker.io/a.b/c:1", "docker.io/a.b/c:1"),
            ("library/a.b", "a.b:latest"),
        ] {
            let name: ImageRef = text.parse().unwrap();
            assert_eq!(name.to_string(), shown);
            assert_eq!(shown.parse::<ImageRef>().unwrap(), name);
        }
    }

    #[test]
    fn bad_references_say_why() {
        let error = |text: &str| text.parse::<ImageRef>().unwrap_err().to_string();
        assert_eq!(error("Ubuntu"), "`Ubuntu` is not an image reference: the repository must be lower case");
        for bad in ["", ":", "a:", "a//b", "-a", "a_-b", "a@sha256:1", "a:b c", "a:-x", "h:x/y"] {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }
}
