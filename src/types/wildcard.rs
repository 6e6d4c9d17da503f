//! Wildcards over paths and names.

/// Whether `pattern` is all of `text`: `*` stands for anything but `/`, `**` for anything.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let Some(at) = pattern.find('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(&pattern[..at]) else { return false };
    let (over, pattern) = match pattern[at + 1..].strip_prefix('*') {
        Some(after) => (rest.len(), after),
        None => (rest.find('/').unwrap_or(rest.len()), &pattern[at + 1..]),
    };
    // What is between two `**` is tried from each place; patterns are short.
    (0..=over).any(|skipped| rest.is_char_boundary(skipped) && wildcard(pattern, &rest[skipped..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_folder_and_two_do_not() {
        for (pattern, text) in [
            ("/usr/bin/ping", "/usr/bin/ping"),
            ("/usr/bin/*", "/usr/bin/ping"),
            ("/app/**/*.pem", "/app/a/b/c.pem"),
            ("/app/**", "/app/a/b"),
            ("*_TOKEN", "NPM_TOKEN"),
            ("/ä*", "/äöü"),
        ] {
            assert!(wildcard(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("/usr/bin", "/usr/bin/ping"),
            ("/usr/*", "/usr/bin/ping"),
            ("/app/*.pem", "/app/a/c.pem"),
            ("", "x"),
            ("*_TOKEN", "NPM_TOKEN_FILE"),
        ] {
            assert!(!wildcard(pattern, text), "{pattern} {text}");
        }
    }
}
