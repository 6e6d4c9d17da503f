//! What looks like a secret: by name, or by the form of its value. Values are never returned.

use regex::RegexSet;
use std::sync::LazyLock;

/// Forms of known credentials, and what each is.
const FORMS: [(&str, &str); 11] = [
    (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", "an AWS access key id"),
    (r"\bgh[pousr]_[A-Za-z0-9]{36,}", "a GitHub token"),
    (r"\bgithub_pat_[A-Za-z0-9_]{22,}", "a GitHub token"),
    (r"\bglpat-[A-Za-z0-9_-]{20,}", "a GitLab token"),
    (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", "a Slack token"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY", "a private key"),
    (r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+", "a JSON web token"),
    (r"\bsk_live_[A-Za-z0-9]{16,}", "a Stripe key"),
    (r"\bnpm_[A-Za-z0-9]{36}\b", "an npm token"),
    (r"\bAIza[0-9A-Za-z_-]{35}", "a Google API key"),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@$]+@", "a URL with a password"),
];

/// Words that make a name one of a secret.
const WORDS: [&str; 11] = [
    "SECRET",
    "SECRETS",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "PWD",
    "PASS",
];
/// Last words that make it a name of something about a secret.
const ABOUT: [&str; 21] = [
    "FILE",
    "PATH",
    "DIR",
    "NAME",
    "ID",
    "URL",
    "URI",
    "TTL",
    "EXPIRY",
    "EXPIRES",
    "EXPIRATION",
    "LENGTH",
    "SIZE",
    "MODE",
    "TYPE",
    "ALGORITHM",
    "HEADER",
    "ISSUER",
    "ENABLED",
    "COUNT",
    "HOST",
];
/// Keys that everyone may have.
const PUBLIC: [&str; 7] = ["GPG", "PUBLIC", "PGP", "HOST", "PRIMARY", "FOREIGN", "SORT"];

static VALUES: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(FORMS.map(|(form, _)| form)).ok());

/// Why `name` with `value` looks like a secret, in words to put after the name; none if it does
/// not.
pub(super) fn why_secret(name: &str, value: &str) -> Option<String> {
    if value.trim().is_empty() {
        return None;
    }
    let form = VALUES.as_ref().and_then(|forms| forms.matches(value).into_iter().next());
    if let Some(form) = form {
        return Some(format!("holds {}", FORMS[form].1));
    }
    (is_secret_name(name) && !is_harmless(value)).then(|| "has a value, and a secret's name".into())
}

fn is_secret_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    if ABOUT.contains(last) || words.contains(&"PUBLIC") {
        return false;
    }
    // `PWD` and `OLDPWD` are the shell's; `KEY` alone says nothing.
    let by_word = words.iter().any(|word| WORDS.contains(word)) && upper != "PWD";
    let glued = ["SECRET", "PASSWORD", "TOKEN", "APIKEY"].iter().any(|word| last.ends_with(word));
    let key = matches!(*last, "KEY" | "KEYS") && before.last().is_some_and(|word| !PUBLIC.contains(word));
    by_word || glued || key
}

/// A path to a secret, a switch, a small number or a variable is none.
fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    let word = value.to_lowercase();
    value.starts_with('/')
        || value.starts_with("file:")
        || (value.starts_with("${") && value.ends_with('}'))
        || matches!(word.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null")
        || (value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_by_form() {
        let jwt = format!("eyJ{}.eyJ{}.x", "a".repeat(10), "b".repeat(10));
        for (name, value) in [
            ("DB_PASSWORD", "x"),
            ("API_KEY", "abc"),
            ("AWS_SECRET_ACCESS_KEY", "abc"),
            ("NPM_TOKEN", "abc"),
            ("django.secret-key", "abc"),
            ("CLIENTSECRET", "abc"),
            ("PIN_PASSWORD", "123456"),
            ("X", concat!("AK", "IAABCDEFGHIJKLMNOP")),
            ("X", "-----BEGIN RSA PRIVATE KEY-----"),
            ("DATABASE_URL", "postgres://app:hunter2@db/x"),
            ("REDIS", "redis://:hunter2@redis:6379"),
            ("X", &jwt),
        ] {
            assert!(why_secret(name, value).is_some(), "{name}");
        }
        assert!(VALUES.is_some());
    }

    #[test]
    fn what_official_images_set_is_no_secret() {
        for (name, value) in [
            ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
            ("DB_PASSWORD", ""),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/pw"),
            ("TLS_KEY", "/etc/tls/key.pem"),
            ("TOKEN_TTL", "3600"),
            ("USE_TOKEN", "true"),
            ("PWD", "/app"),
            ("NEXT_PUBLIC_API_KEY", "x"),
            ("PATH", "/usr/bin"),
            ("KEYBOARD", "de"),
            ("DATABASE_URL", "postgres://db/x"),
            ("DATABASE_URL", "postgres://app:$PASSWORD@db/x"),
            ("URL", "http://host:8080/a@b"),
        ] {
            assert_eq!(why_secret(name, value), None, "{name}={value}");
        }
    }
}
