//! `filepath.Clean` and `filepath.Match` of Go on Unix, which ignore files and follow paths are
//! defined by. `glob::matches` is not how patterns match paths (see [`super::pattern`]): upstream
//! uses it to check their syntax, and to resolve wildcards in follow paths.

/// A pattern that Go's `filepath.Match` refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The shortest equal path, by its text alone: no `.`, no empty parts, `..` only in front.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// All but the last part of a clean path, `.` if there is but one.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// Whether `name` as a whole matches `pattern`; `*`, `?` and classes never match `/`.
pub(super) fn matches(pattern: &str, name: &str) -> Result<bool, Malformed> {
    let mut pattern = pattern.as_bytes();
    let mut name = name.as_bytes();
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        match match_after_star(star, chunk, name, rest.is_empty())? {
            Some(left) => name = left,
            // As upstream, without a look at the syntax of what follows.
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// As much of the syntax as patternmatcher checks beforehand: what `Match` sees on its way to a
/// verdict on `.`.
pub(super) fn check(pattern: &str) -> Result<(), Malformed> {
    matches(pattern, ".").map(|_| ())
}

/// Matches `chunk` at the start of `name` or, after a star, as soon as it can be; what is left.
fn match_after_star<'n>(star: bool, chunk: &[u8], name: &'n [u8], last: bool) -> Result<Option<&'n [u8]>, Malformed> {
    let reach = if star { name.iter().position(|b| *b == b'/').unwrap_or(name.len()) } else { 0 };
    for skipped in 0..=reach {
        match match_chunk(chunk, &name[skipped..])? {
            // The last chunk must take all of the name.
            Some(left) if left.is_empty() || !last => return Ok(Some(left)),
            _ => {}
        }
    }
    Ok(None)
}

/// Splits off a piece without stars: whether a star precedes it, the piece, the rest.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|b| **b == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    let (chunk, rest) = pattern.split_at(at.min(pattern.len()));
    (stars > 0, chunk, rest)
}

/// Matches a piece without stars at the start of `name`; what is left of it, if it matches.
fn match_chunk<'n>(mut chunk: &[u8], name: &'n [u8]) -> Result<Option<&'n [u8]>, Malformed> {
    // Once failed, the rest is read for its syntax only.
    let mut left = Some(name);
    while let Some(first) = chunk.first() {
        left = left.filter(|name| !name.is_empty());
        match first {
            b'[' => {
                let got = left.map(first_char);
                let (hit, rest) = match_class(&chunk[1..], got.map(|(c, _)| c))?;
                left = got.filter(|_| hit).map(|(_, rest)| rest);
                chunk = rest;
            }
            b'?' => {
                left = left.filter(|name| name[0] != b'/').map(|name| first_char(name).1);
                chunk = &chunk[1..];
            }
            first => {
                let escaped = *first == b'\\';
                let literal = if escaped { chunk.get(1).ok_or(Malformed)? } else { first };
                left = left.filter(|name| name[0] == *literal).map(|name| &name[1..]);
                chunk = &chunk[1 + usize::from(escaped)..];
            }
        }
    }
    Ok(left)
}

/// Reads a class after its `[`: whether it holds `got`, and what follows the `]`.
fn match_class(mut chunk: &[u8], got: Option<char>) -> Result<(bool, &[u8]), Malformed> {
    let negated = chunk.first() == Some(&b'^');
    if negated {
        chunk = &chunk[1..];
    }
    let mut hit = false;
    let mut ranges = 0;
    while ranges == 0 || chunk.first() != Some(&b']') {
        let (low, rest) = class_char(chunk)?;
        let (high, rest) = match rest.split_first() {
            Some((b'-', rest)) => class_char(rest)?,
            _ => (low, rest),
        };
        hit |= got.is_some_and(|got| low <= got && got <= high);
        chunk = rest;
        ranges += 1;
    }
    Ok((hit != negated, &chunk[1..]))
}

/// A character of a class, escaped or not. Something must follow it.
fn class_char(chunk: &[u8]) -> Result<(char, &[u8]), Malformed> {
    let chunk = match chunk.split_first() {
        None | Some((b'-' | b']', _)) => return Err(Malformed),
        Some((b'\\', [])) => return Err(Malformed),
        Some((b'\\', rest)) => rest,
        Some(_) => chunk,
    };
    let (c, rest) = first_char(chunk);
    if rest.is_empty() { Err(Malformed) } else { Ok((c, rest)) }
}

/// The first character of bytes that begin with a whole one or, after a star has skipped some
/// bytes of one, in its middle: Go then sees U+FFFD, one byte long.
fn first_char(bytes: &[u8]) -> (char, &[u8]) {
    let longest = &bytes[..bytes.len().min(4)];
    let valid = longest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    match valid.chars().next() {
        Some(c) => (c, &bytes[c.len_utf8()..]),
        None => (char::REPLACEMENT_CHARACTER, bytes.get(1..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, cleaned) in [
            ("", "."),
            ("a//b/./c/", "a/b/c"),
            ("a/../..", ".."),
            ("/..//a", "/a"),
            ("../../a", "../../a"),
            ("/", "/"),
            ("a/b/../c", "a/c"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn names_match_as_go_does() {
        for (pattern, name, expected) in [
            ("a*c", "abc", Ok(true)),
            ("a*", "a/b", Ok(false)),
            ("*b*d", "abcd", Ok(true)),
            ("[^a]x", "éx", Ok(true)),
            ("a?c", "aéc", Ok(true)),
            ("\\*", "*", Ok(true)),
            ("[", "a", Err(Malformed)),
            ("[]a]", "a", Err(Malformed)),
            ("x[a-", "a", Err(Malformed)),
            ("a\\", "b", Err(Malformed)),
            ("*?", "é", Ok(true)),
            ("b*[", "a", Ok(false)),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
            assert_eq!(check(pattern).is_err(), expected.is_err(), "{pattern}");
        }
    }
}
