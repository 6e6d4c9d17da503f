//! Where services answer.

use std::fmt;
use std::str::FromStr;
use url::Url;

/// The address of a service: host, port, and perhaps a path that comes before those of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// What was given is no address that can be asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` {why}")]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |why| AddressError { text: text.to_owned(), why };
        let url: Url = text.parse().map_err(|_| wrong("is no address (http://HOST[:PORT])"))?;
        // What is said repeats the address, and a password must not be said.
        if !url.username().is_empty() || url.password().is_some() {
            let text = url.host_str().unwrap_or_default().to_owned();
            return Err(AddressError { text, why: "comes with a user: send it as a header of the steps instead" });
        }
        match url.scheme() {
            "http" => {}
            "https" => {
                return Err(wrong("is asked over TLS, and journeys speak plain HTTP: give the service's own port"));
            }
            _ => return Err(wrong("is no address (http://HOST[:PORT])")),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has more than host, port and path"));
        }
        Ok(Self(url))
    }
}

impl Address {
    /// The URL of `path`, which begins with `/`.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// `url` as a path here, if it is the URL of something here.
    pub(super) fn inside<'u>(&self, url: &'u str) -> Option<&'u str> {
        url.strip_prefix(&self.to_string()).filter(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_port_and_path() {
        let at = |address: &str, path: &str| address.parse::<Address>().unwrap().at(path);
        assert_eq!(at("http://10.0.0.2:30000", "/a?b"), "http://10.0.0.2:30000/a?b");
        assert_eq!(at("http://[::1]:80/base/", "/a"), "http://[::1]/base/a");
        let address: Address = "http://h:81".parse().unwrap();
        assert_eq!(address.inside("http://h:81/x"), Some("/x"));
        assert_eq!(address.inside("http://h:810/x"), None);
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let why = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert_eq!(why("frontend:80"), "`frontend:80` is no address (http://HOST[:PORT])");
        assert!(why("https://h").contains("plain HTTP"));
        assert!(why("http://h/?a=b").contains("more than"));
        assert!(!why("http://me:secret@h/").contains("secret"));
        assert!(why("").contains("no address"));
    }
}
