//! How values are written on the command line, where no type of the plan says it.

use crate::project::{Secret, SecretSource};

/// `--build-arg`, before the environment is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedArg {
    pub name: String,
    pub value: Option<String>,
}

/// `NAME` or `NAME=VALUE`.
pub fn build_arg(text: &str) -> Result<PassedArg, &'static str> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    if name.is_empty() { Err("a name comes before `=`") } else { Ok(PassedArg { name: name.to_owned(), value }) }
}

/// `id=ID,src=FILE` or `id=ID,env=VARIABLE`, with the docker CLI's other spellings.
pub fn secret(text: &str) -> Result<Secret, String> {
    let (mut id, mut source, mut kind) = (None, None, None);
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is no KEY=VALUE"))?;
        match key {
            "id" => id = Some(value.to_owned()),
            "src" | "source" if kind == Some("env") => source = Some(SecretSource::Env(value.to_owned())),
            "src" | "source" => source = Some(SecretSource::File(value.into())),
            "env" => source = Some(SecretSource::Env(value.to_owned())),
            "type" if matches!(value, "file" | "env") => kind = Some(value),
            _ => return Err(format!("`{part}` is not known (id, src, env, type=file|env)")),
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or("`id` is missing")?;
    match (source, kind) {
        (Some(SecretSource::File(file)), Some("env")) => {
            let source = SecretSource::Env(file.to_string_lossy().into_owned());
            Ok(Secret { id, source, optional: false })
        }
        (Some(source), _) => Ok(Secret { id, source, optional: false }),
        (None, _) => Err("`src` or `env` is missing".to_owned()),
    }
}

/// A path to ask a server for, such as `/report?all=1`.
pub fn request_path(text: &str) -> Result<String, String> {
    match text.parse::<http::uri::PathAndQuery>() {
        Ok(path) if text.starts_with('/') => Ok(path.to_string()),
        _ => Err("a path begins with `/`, and has no blanks".to_owned()),
    }
}

/// `NAME=VALUE`.
pub fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// `NAME=URL`. What is wrong with the URL is said later: here its text would be repeated, and it may
/// hold a password.
pub fn address(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains(['/', ':']) => Ok((name.to_owned(), url.to_owned())),
        _ => Err("write NAME=URL, such as frontend=http://192.168.49.2:30000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_docker_reads_them() {
        let from = |text: &str| secret(text).map(|secret| secret.source);
        assert_eq!(from("id=a,src=b"), Ok(SecretSource::File("b".into())));
        assert_eq!(from("type=env,id=a,src=B"), Ok(SecretSource::Env("B".into())));
        assert_eq!(from("id=a,src=B,type=env"), Ok(SecretSource::Env("B".into())));
        assert_eq!(from("id=a,env=B"), Ok(SecretSource::Env("B".into())));
        for bad in ["", "a", "id=a", "src=b", "id=,src=b", "id=a,src=b,x=y"] {
            assert!(secret(bad).is_err(), "{bad}");
        }
    }
}
