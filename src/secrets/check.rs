//! Values that are no secret yet.

use crate::cluster::SecretData;
use std::collections::BTreeSet;
use std::fmt;

/// A secret that is shorter can be guessed in time.
const SHORTEST: usize = 16;
/// One of fewer different characters can be, too.
const FEWEST: usize = 6;
/// What templates and walkthroughs leave where a value belongs.
const PLACEHOLDERS: [&str; 10] = [
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "replaceme",
    "replace-me",
    "your-",
    "your_",
    "example",
    "xxxx",
];
/// Keys with one of these in their names hold something that must not be guessed.
const SECRETIVE: [&str; 5] = ["SECRET", "PASSWORD", "KEY", "TOKEN", "PASSWD"];

/// What is wrong with the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no characters.
    Empty,
    /// It is what a template holds.
    Placeholder,
    /// It can be guessed.
    Weak,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Placeholder => "is still a placeholder",
            Self::Weak => "is weak: fewer than 16 characters, or hardly any different ones",
        })
    }
}

/// The keys of `data` with a fault, in the order of their names.
pub fn faults(data: &SecretData) -> Vec<(String, Fault)> {
    data.0.iter().filter_map(|(key, value)| Some((key.clone(), fault(key, value)?))).collect()
}

fn fault(key: &str, value: &[u8]) -> Option<Fault> {
    let text = String::from_utf8_lossy(value).trim().to_owned();
    if text.is_empty() {
        return Some(Fault::Empty);
    }
    let (lower, upper) = (text.to_lowercase(), key.to_uppercase());
    let bracketed = text.starts_with('<') && text.ends_with('>');
    if bracketed || PLACEHOLDERS.iter().any(|one| lower.contains(one)) {
        return Some(Fault::Placeholder);
    }
    let different = text.chars().collect::<BTreeSet<_>>().len();
    let weak = text.len() < SHORTEST || different < FEWEST;
    (weak && SECRETIVE.iter().any(|one| upper.contains(one))).then_some(Fault::Weak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_no_secret_are_told_from_those_that_are() {
        let cases = [
            ("A_SECRET", "", Some(Fault::Empty)),
            ("A_SECRET", " \n", Some(Fault::Empty)),
            ("COHERE_API_KEY", "<your key>", Some(Fault::Placeholder)),
            ("COHERE_API_KEY", "your-api-key-here-please", Some(Fault::Placeholder)),
            ("DATABASE_URL", "postgresql://u:ChangeMe@h/d", Some(Fault::Placeholder)),
            ("A_SECRET", "hunter2", Some(Fault::Weak)),
            ("A_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Some(Fault::Weak)),
            ("A_SECRET", "q8Xv2LmW0sTz5BhN", None),
            // No key that must not be guessed.
            ("REGION", "eu", None),
        ];
        for (key, value, expected) in cases {
            assert_eq!(fault(key, value.as_bytes()), expected, "{key}={value}");
        }
    }
}
