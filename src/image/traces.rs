//! What the content of a file gives away: private keys, tokens, passwords. Only what it is, is told; values
//! are never kept.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

/// A file that is larger is not searched, in bytes: keys and settings are small.
pub const LARGEST: u64 = 1 << 20;
/// What is no text has a zero within so many bytes.
const TEXT: usize = 1024;

/// How far behind its first line a key begins, in bytes. Without a limit, a file of nothing but first lines
/// would be read to its end for each of them.
const FIELDS: usize = 4096;

/// Something that only few should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "their texts say what they are")]
pub enum Trace {
    #[serde(rename = "k")]
    PrivateKey,
    #[serde(rename = "a")]
    AwsKey,
    #[serde(rename = "h")]
    GitHubToken,
    #[serde(rename = "l")]
    GitLabToken,
    #[serde(rename = "s")]
    SlackToken,
    #[serde(rename = "p")]
    StripeKey,
    #[serde(rename = "n")]
    NpmToken,
    #[serde(rename = "u")]
    UrlPassword,
    #[serde(rename = "r")]
    RegistryPassword,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKey => "a private key",
            Self::AwsKey => "an AWS access key id",
            Self::GitHubToken => "a GitHub token",
            Self::GitLabToken => "a GitLab token",
            Self::SlackToken => "a Slack token",
            Self::StripeKey => "a Stripe key",
            Self::NpmToken => "an npm token",
            Self::UrlPassword => "a URL with a password",
            Self::RegistryPassword => "credentials of a package registry or a host",
        })
    }
}

/// Forms that stand for themselves, in the order of their traces below.
static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)",
        r"|((?:AKIA|ASIA)[0-9A-Z]{16})",
        r"|(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})",
        r"|(glpat-[A-Za-z0-9_-]{20})",
        r"|(xox[abeoprs]-[A-Za-z0-9-]{10})",
        r"|(sk_live_[A-Za-z0-9]{16})",
        r"|(npm_[A-Za-z0-9]{36})",
    ))
    .ok()
});
const OF_FORMS: [Trace; 7] = [
    Trace::PrivateKey,
    Trace::AwsKey,
    Trace::GitHubToken,
    Trace::GitLabToken,
    Trace::SlackToken,
    Trace::StripeKey,
    Trace::NpmToken,
];

/// A URL with a password that is no variable.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/\s:@"']*:[^/\s@$"'{<%]+@"#).ok());
/// Lines by which package managers and clients sign in: npm, netrc, Docker, the AWS tools.
static SIGN_IN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?m-u)^\s*(?:\S+:)?_(?:authToken|auth|password)\s*=\s*[^\s$"'{]{4}"#,
        r#"|\bpassword[ \t]+[^\s$]{3}"#,
        r#"|"auth"\s*:\s*"[A-Za-z0-9+/=]{8}"#,
        r#"|aws_secret_access_key\s*=\s*[^\s$]{8}"#,
    ))
    .ok()
});

/// What the file at `path` with this `content` gives away, each once.
pub fn of(path: &str, content: &[u8]) -> Vec<Trace> {
    if content[..content.len().min(TEXT)].contains(&0) {
        return Vec::new();
    }
    let mut found = by_form(content);
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_in = |form: &Option<Regex>| form.as_ref().is_some_and(|form| form.is_match(content));
    if is_settings(name) && is_in(&URL) {
        found.push(Trace::UrlPassword);
    }
    if signs_in(path, name) && is_in(&SIGN_IN) {
        found.push(Trace::RegistryPassword);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn by_form(content: &[u8]) -> Vec<Trace> {
    let mut found = Vec::new();
    let Some(forms) = FORMS.as_ref() else { return found };
    for hit in forms.captures_iter(content) {
        let Some((place, text)) = (0..OF_FORMS.len()).find_map(|place| Some((place, hit.get(place + 1)?))) else {
            continue;
        };
        let after = &content[text.end()..];
        let real = match OF_FORMS[place] {
            Trace::PrivateKey => has_key(after),
            // What documentation shows.
            Trace::AwsKey => !text.as_bytes().ends_with(b"EXAMPLE") && stands_alone(content, text.start(), after),
            _ => starts_alone(content, text.start()),
        };
        if real {
            found.push(OF_FORMS[place]);
        }
    }
    found
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn starts_alone(content: &[u8], start: usize) -> bool {
    start == 0 || !is_word(content.get(start - 1))
}

fn stands_alone(content: &[u8], start: usize, after: &[u8]) -> bool {
    starts_alone(content, start) && !is_word(after.first())
}

/// Whether a key follows its first line: programs that read keys have that line, too.
fn has_key(after: &[u8]) -> bool {
    let near = &after[..after.len().min(FIELDS)];
    let lines = near.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii);
    // `Proc-Type` and other fields come before the key itself.
    let mut lines = lines.skip_while(|line| line.is_empty() || line.contains(&b':'));
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    lines.next().is_some_and(|line| line.len() >= 32 && line.iter().all(is_base64))
}

/// Files that say how to reach something.
fn is_settings(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "env" | "ini" | "cfg" | "conf" | "toml" | "yaml" | "yml" | "json" | "properties")
        || is_env(name)
        || matches!(name, ".npmrc" | ".yarnrc" | ".netrc" | ".git-credentials" | ".pypirc")
}

fn signs_in(path: &str, name: &str) -> bool {
    matches!(name, ".npmrc" | ".netrc" | "_netrc" | ".pypirc")
        || path.ends_with(".docker/config.json")
        || path.ends_with(".aws/credentials")
}

/// Whether a file of this name holds an environment, and is no template of one.
pub fn is_env(name: &str) -> bool {
    let rest = name.strip_prefix(".env");
    let template = |rest: &str| ["example", "sample", "template", "dist"].iter().any(|word| rest.contains(word));
    rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('.')) && !template(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Vec<Trace> {
        of(path, content.as_bytes())
    }

    /// Made when it is needed: nobody should find one in this file.
    fn key(kind: &str) -> String {
        format!("-----BEGIN {kind}PRIVATE KEY-----\n{}\n{}\n", "Mi0A".repeat(16), "Qk1B".repeat(16))
    }

    #[test]
    fn keys_are_known_by_what_follows_their_first_line() {
        for kind in ["", "RSA ", "EC ", "OPENSSH "] {
            assert_eq!(found("app/any", &key(kind)), [Trace::PrivateKey], "{kind}");
        }
        let encrypted = key("RSA ").replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
        assert_eq!(found("app/key.pem", &encrypted), [Trace::PrivateKey]);
        let code = "if line == '-----BEGIN PRIVATE KEY-----':\n    return parse(lines)\n";
        assert_eq!(found("lib/pem.py", code), []);
        assert_eq!(found("lib/libcrypto.so", &format!("\0{}", key(""))), []);
        assert_eq!(found("app/cert.pem", &key("").replace("PRIVATE KEY", "CERTIFICATE")), []);
    }

    #[test]
    fn many_first_lines_without_a_key_are_none() {
        // If each were read to the end of the file, this would not end for hours.
        let first = "-----BEGIN PRIVATE KEY-----";
        for line in [format!("{first}:\n"), format!("{first} ")] {
            let many = line.repeat(LARGEST as usize / line.len());
            assert_eq!(found("app/any", &many), []);
        }
    }

    #[test]
    fn tokens_are_known_by_their_form() {
        let letters = "Ab1".repeat(12);
        let aws = format!("{}IA{}", "AK", "ABCDEFGH12345678");
        for (text, trace) in [
            (format!("key = {aws}\n"), Trace::AwsKey),
            (format!("gh{}_{letters}", "p"), Trace::GitHubToken),
            (format!("glpat{}{}", "-", &letters[..20]), Trace::GitLabToken),
            (format!("xox{}-{}", "b", &letters[..12]), Trace::SlackToken),
            (format!("sk_{}_{}", "live", &letters[..16]), Trace::StripeKey),
            (format!("npm{}{letters}", "_"), Trace::NpmToken),
        ] {
            assert_eq!(found("app/any.txt", &text), [trace], "{text}");
        }
        assert_eq!(found("doc", &format!("{}IA{}", "AK", "IOSFODNN7EXAMPLE")), [], "of the documentation");
        assert_eq!(found("doc", &format!("x{aws}")), []);
        assert_eq!(found("doc", &format!("{aws}A")), []);
    }

    #[test]
    fn passwords_are_looked_for_where_settings_are() {
        let url = "url = postgres://app:hunter2@db/x\n";
        assert_eq!(found("app/settings.toml", url), [Trace::UrlPassword]);
        assert_eq!(found("app/.env.production", url), [Trace::UrlPassword]);
        assert_eq!(found("app/README", url), []);
        for text in ["u = http://a:$PASSWORD@h", "u = http://a:${P}@h", "u = http://h:8080/a@b", "u = http://a@h"] {
            assert_eq!(found("app/settings.toml", text), [], "{text}");
        }
        assert_eq!(found("root/.npmrc", "//registry/:_authToken=abcdef\n"), [Trace::RegistryPassword]);
        assert_eq!(found("root/.npmrc", "//registry/:_authToken=${NPM_TOKEN}\n"), []);
        assert_eq!(found("root/.netrc", "machine h login a password abc\n"), [Trace::RegistryPassword]);
        assert_eq!(
            found("root/.docker/config.json", r#"{"auths":{"h":{"auth": "YTpiYTpi"}}}"#),
            [Trace::RegistryPassword]
        );
        assert_eq!(found("root/.aws/credentials", "aws_secret_access_key = abcdefgh1\n"), [Trace::RegistryPassword]);
        assert_eq!(found("root/.docker/config.json", r#"{"auths":{"h":{}}}"#), []);
    }

    #[test]
    fn templates_of_environments_are_none() {
        assert_eq!(
            [".env", ".env.local", ".environment", ".env.example", "app.env"].map(is_env),
            [true, true, false, false, false]
        );
    }
}
