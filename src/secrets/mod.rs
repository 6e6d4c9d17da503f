//! `secrets`: the values of Kubernetes secrets, from where the settings say they come from. No value
//! is ever part of a message, an event or what is kept between runs.

mod check;

pub use check::{Fault, faults};

use crate::cluster::SecretData;
use crate::project::{ClusterSecret, SecretKey, ValueSource, Variables};
use rand::Rng;
use rand::distr::Alphanumeric;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// What became of a secret's keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// All keys that have a value, with it.
    pub data: SecretData,
    /// Those that were made now.
    pub made: Vec<String>,
    /// Those whose value differs from what the cluster has.
    pub changed: Vec<String>,
    /// Those that have no value, and why.
    pub missing: Vec<Missing>,
}

/// A key without a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// The key.
    pub key: String,
    /// Why.
    pub why: Why,
}

/// Why a key has no value.
#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    /// The environment variable is not set.
    Unset(String),
    /// The file cannot be read.
    Unread(PathBuf, io::ErrorKind),
    /// It is made of another key that has none, or of itself.
    Of(String),
}

/// The values of `secret`, where the cluster has `there` of it. What was generated is kept, but for
/// the keys in `rotated`; what comes from nowhere now stays as it is in the cluster.
pub fn prepare(
    secret: &ClusterSecret,
    there: Option<&SecretData>,
    rotated: &[String],
    variables: Variables<'_>,
) -> Prepared {
    let kept = |key: &str| there.and_then(|there| there.0.get(key)).filter(|value| !value.is_empty()).cloned();
    let mut prepared = Prepared::default();
    for SecretKey { name, value } in &secret.keys {
        let found = match value {
            ValueSource::Env(variable) => {
                variables(variable).map(String::into_bytes).ok_or_else(|| Why::Unset(variable.clone()))
            }
            ValueSource::File(path) => read(path).map_err(|error| Why::Unread(path.clone(), error.kind())),
            ValueSource::Generate { length, .. } => match kept(name).filter(|_| !rotated.contains(name)) {
                Some(value) => Ok(value),
                None => {
                    prepared.made.push(name.clone());
                    Ok(generate(*length))
                }
            },
            ValueSource::Text(_) => continue,
        };
        match found.or_else(|why| kept(name).ok_or(why)) {
            Ok(value) => drop(prepared.data.0.insert(name.clone(), value)),
            Err(why) => prepared.missing.push(Missing { key: name.clone(), why }),
        }
    }
    compose(secret, &mut prepared);
    let changed = prepared
        .data
        .0
        .iter()
        .filter(|(key, value)| there.and_then(|there| there.0.get(*key)).is_none_or(|there| there != *value));
    prepared.changed = changed.map(|(key, _)| key.clone()).collect();
    prepared
}

/// Fills texts, which may be made of other texts.
fn compose(secret: &ClusterSecret, prepared: &mut Prepared) {
    let text = |key: &SecretKey| match &key.value {
        ValueSource::Text(text) => Some((key.name.clone(), text.clone())),
        _ => None,
    };
    let mut open: BTreeMap<String, String> = secret.keys.iter().filter_map(text).collect();
    loop {
        let filled: Vec<(String, Vec<u8>)> =
            open.iter().filter_map(|(key, text)| Some((key.clone(), fill(text, &prepared.data).ok()?))).collect();
        if filled.is_empty() {
            break;
        }
        for (key, value) in filled {
            open.remove(&key);
            prepared.data.0.insert(key, value);
        }
    }
    for (key, text) in open {
        let of = fill(&text, &prepared.data).err().unwrap_or_default();
        prepared.missing.push(Missing { key, why: Why::Of(of) });
    }
}

/// `text` with the values of keys; the key that has none if one has none.
fn fill(text: &str, data: &SecretData) -> Result<Vec<u8>, String> {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let Some((key, rest)) = part.split_once('}') else {
            filled.extend([b"${", part.as_bytes()].concat());
            continue;
        };
        filled.extend(data.0.get(key).ok_or_else(|| key.to_owned())?);
        filled.extend(rest.as_bytes());
    }
    Ok(filled)
}

/// A file's content without the end of its last line, which editors add.
fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    let mut bytes = std::fs::read(path)?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(bytes)
}

/// Letters and digits: they need no escaping in an address.
fn generate(length: usize) -> Vec<u8> {
    rand::rng().sample_iter(Alphanumeric).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(keys: &[(&str, ValueSource)]) -> ClusterSecret {
        let keys = keys.iter().map(|(name, value)| SecretKey { name: (*name).into(), value: value.clone() });
        ClusterSecret { name: "app".into(), keys: keys.collect() }
    }

    fn there(keys: &[(&str, &str)]) -> SecretData {
        SecretData(keys.iter().map(|(key, value)| ((*key).into(), value.as_bytes().to_vec())).collect())
    }

    fn text(data: &SecretData, key: &str) -> String {
        String::from_utf8(data.0[key].clone()).unwrap()
    }

    #[test]
    fn what_was_generated_is_kept_until_it_is_rotated() {
        let secret = secret(&[
            ("P", ValueSource::Generate { length: 32, fixed: false }),
            ("U", ValueSource::Text("db://${P}@h".into())),
        ]);
        let first = prepare(&secret, None, &[], &|_| None);
        assert_eq!((first.made.as_slice(), text(&first.data, "P").len()), (["P".to_owned()].as_slice(), 32));
        assert_eq!(text(&first.data, "U"), format!("db://{}@h", text(&first.data, "P")));
        let again = prepare(&secret, Some(&first.data), &[], &|_| None);
        assert_eq!((again.data, again.changed, again.made), (first.data.clone(), vec![], vec![]));
        let rotated = prepare(&secret, Some(&first.data), &["P".into()], &|_| None);
        assert_eq!(rotated.changed, ["P", "U"]);
    }

    #[test]
    fn the_environment_and_files_win_over_the_cluster_and_fall_back_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "from file\n").unwrap();
        let secret = secret(&[("E", ValueSource::Env("VAR".into())), ("F", ValueSource::File(file))]);
        let old = there(&[("E", "old"), ("F", "old")]);
        let set = prepare(&secret, Some(&old), &[], &|name| (name == "VAR").then(|| "new".into()));
        assert_eq!((text(&set.data, "E"), text(&set.data, "F")), ("new".into(), "from file".into()));
        assert_eq!(text(&prepare(&secret, Some(&old), &[], &|_| None).data, "E"), "old");
        let missing = prepare(&secret, None, &[], &|_| None).missing;
        assert_eq!(missing, [Missing { key: "E".into(), why: Why::Unset("VAR".into()) }]);
    }

    #[test]
    fn texts_that_wait_for_each_other_are_missing() {
        let of = |key: &str| ValueSource::Text(format!("${{{key}}}"));
        let prepared = prepare(&secret(&[("A", of("B")), ("B", of("A")), ("C", of("A"))]), None, &[], &|_| None);
        assert_eq!(prepared.missing.len(), 3);
        assert!(prepared.data.0.is_empty());
    }

    #[test]
    fn no_value_is_shown() {
        let shown = format!("{:?}", there(&[("KEY", "canary")]));
        assert!(shown.contains("KEY") && !shown.contains("canary"), "{shown}");
    }
}
