//! Wildcards over paths and names.

/// Whether `pattern` is all of `text`: `*` stands for anything but `/`, `**` for anything.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let (mut pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Which starts of the text the pattern read so far is all of: as many steps as both are long, where
    // trying each place of each star would take that to the power of their number.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    while let Some((first, rest)) = pattern.split_first() {
        let any = *first == b'*' && rest.first() == Some(&b'*');
        pattern = if any { &rest[1..] } else { rest };
        if *first == b'*' {
            (0..text.len()).for_each(|at| reached[at + 1] |= reached[at] && (any || text[at] != b'/'));
        } else {
            (0..text.len()).rev().for_each(|at| reached[at + 1] = reached[at] && text[at] == *first);
            reached[0] = false;
        }
    }
    reached[text.len()]
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

    #[test]
    fn many_stars_take_no_time() {
        assert!(!wildcard(&"**a".repeat(40), &"ab".repeat(2000)));
        assert!(wildcard(&"**a".repeat(40), &"a".repeat(4000)));
    }
}
