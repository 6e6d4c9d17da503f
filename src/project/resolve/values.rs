//! Texts that settings hold, read.

use crate::project::keys::nearest;
use crate::project::problem::Wrong;
use crate::types::{ByteSize, ImageRef, parse_duration};
use std::time::Duration;

/// A target: its kind and, for some, which one.
pub fn target(text: &str) -> Result<String, Wrong> {
    let (kind, which) = text.split_once(':').map_or((text, None), |(kind, which)| (kind, Some(which)));
    let good = match kind {
        "minikube" | "kind" => which != Some(""),
        "docker" => which.is_some_and(|which| !which.is_empty()),
        _ => false,
    };
    if good {
        return Ok(text.to_owned());
    }
    let near = nearest(kind, ["minikube", "kind"]).filter(|near| *near != kind).map(str::to_owned);
    Err(Wrong::Target { target: text.to_owned(), nearest: near })
}

/// A size.
pub fn size(text: &str) -> Result<ByteSize, Wrong> {
    Ok(text.parse::<ByteSize>()?)
}

/// A size that something can fit in.
pub fn limit(text: &str) -> Result<ByteSize, Wrong> {
    let size = size(text)?;
    if size.0 == 0 { Err(Wrong::Value { what: "a limit of 0 lets nothing through" }) } else { Ok(size) }
}

/// A memory limit that an engine accepts: moby refuses less (`linuxMinMemory` in its `daemon`).
pub fn memory(text: &str) -> Result<ByteSize, Wrong> {
    let size = size(text)?;
    if size.0 < 6 << 20 {
        Err(Wrong::Value { what: "an engine gives a container no less than 6MiB" })
    } else {
        Ok(size)
    }
}

/// A time in which something can become ready.
pub fn deadline(text: &str) -> Result<Duration, Wrong> {
    let time = duration(text)?;
    if time.is_zero() { Err(Wrong::Value { what: "a deadline of 0 leaves no time to become ready" }) } else { Ok(time) }
}

/// A directory in a container that can be made writable.
pub fn writable(text: &str) -> Result<String, Wrong> {
    let what = match text {
        text if !text.starts_with('/') => "a writable path is the container's, and begins with `/`",
        text if text.split('/').all(|part| matches!(part, "" | "." | "..")) => {
            "`/` itself stays read-only: name the directories in it that are written to"
        }
        text => return Ok(text.to_owned()),
    };
    Err(Wrong::Value { what })
}

/// A duration.
pub fn duration(text: &str) -> Result<Duration, Wrong> {
    Ok(parse_duration(text)?)
}

/// A name that an image can be given.
pub fn tag(text: &str) -> Result<ImageRef, Wrong> {
    let reference: ImageRef = text.parse()?;
    if reference.digest().is_some() {
        return Err(Wrong::TagWithDigest { tag: text.to_owned() });
    }
    Ok(reference)
}

/// The path of a probe.
pub fn url_path(text: &str) -> Result<String, Wrong> {
    let good = text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if good {
        Ok(text.to_owned())
    } else {
        Err(Wrong::Value { what: "a probe's path begins with `/` and has no space" })
    }
}

/// A user by number, and perhaps a group.
pub fn user(text: &str) -> Result<String, Wrong> {
    let number = |part: &str| part.parse::<u32>().is_ok() && part.bytes().all(|b| b.is_ascii_digit());
    let good = match text.split_once(':') {
        None => number(text),
        Some((user, group)) => number(user) && number(group),
    };
    if good { Ok(text.to_owned()) } else { Err(Wrong::Value { what: "a user is a number, or two as `uid:gid`" }) }
}

/// Whether `name` can be a repository's last part, and so name an image.
pub fn is_image_name(name: &str) -> bool {
    !name.contains(['/', ':', '@']) && format!("{name}:dev").parse::<ImageRef>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_checked() {
        for good in ["minikube", "minikube:two", "kind", "kind:x", "docker:ssh://host", "docker:ctx"] {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in ["", "docker", "docker:", "minikube:", "k3d"] {
            assert!(target(bad).is_err(), "{bad}");
        }
        let Err(Wrong::Target { nearest, .. }) = target("minkube") else { panic!("is no target") };
        assert_eq!(nearest.as_deref(), Some("minikube"));
    }

    #[test]
    fn users_are_numbers() {
        assert!(user("1000").is_ok() && user("1000:1000").is_ok());
        for bad in ["", "app", "1000:", "+1", "1:2:3"] {
            assert!(user(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn image_names_are_repository_parts() {
        assert!(is_image_name("api") && is_image_name("my-app_2"));
        for bad in ["", "Api", "a/b", "a:b", "-a", "a b"] {
            assert!(!is_image_name(bad), "{bad}");
        }
    }
}
