//! What moby's patternmatcher makes of a pattern that is no plain name: a regular expression in
//! the syntax of Go's `regexp`. It is pieced together without regard to classes and escapes, so
//! that `\d` is a digit and `[a*]` is "a class, then a bracket"; whoever builds with Docker gets
//! just that, and so here the same text is made and then translated, by Go's rules, to the syntax
//! of the `regex` crate.

use super::glob::Malformed;
use regex::bytes::{Regex, RegexBuilder};
use std::fmt::Write as _;
use std::str::Chars;

/// Enough for a pattern of tens of thousands of wildcards; a bound on memory all the same.
const SIZE_LIMIT: usize = 64 << 20;

/// The expression for a pattern, in Go's syntax, as patternmatcher's `compile` writes it.
pub(super) fn go_expression(pattern: &str) -> String {
    let mut out = String::from("^");
    // Go's scanner drops a byte order mark in front.
    let mut chars = pattern.strip_prefix('\u{feff}').unwrap_or(pattern).chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.as_str().starts_with('*') => {
                chars.next();
                skip_if(&mut chars, '/');
                out.push_str(if chars.as_str().is_empty() { ".*" } else { "(.*/)?" });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => out.extend(['\\', c]),
            '\\' => {
                out.push('\\');
                out.extend(chars.next());
            }
            c => out.push(c),
        }
    }
    out.push('$');
    out
}

/// Compiles an expression in Go's syntax, as far as [`go_expression`] can make use of it.
pub(super) fn compile(go: &str) -> Result<Regex, Malformed> {
    let mut translation = Translation { rest: go.chars(), out: String::with_capacity(go.len() * 2) };
    translation.all()?;
    RegexBuilder::new(&translation.out).size_limit(SIZE_LIMIT).build().map_err(|_| Malformed)
}

fn skip_if(chars: &mut Chars, wanted: char) -> bool {
    let found = chars.as_str().starts_with(wanted);
    if found {
        chars.next();
    }
    found
}

struct Translation<'a> {
    rest: Chars<'a>,
    out: String,
}

impl Translation<'_> {
    fn all(&mut self) -> Result<(), Malformed> {
        while let Some(c) = self.rest.next() {
            match c {
                '[' => self.class()?,
                '\\' => self.escape()?,
                '^' => self.out.push_str(r"\A"),
                '$' => self.out.push_str(r"\z"),
                '(' => self.out.push_str("(?:"),
                ')' | '*' | '?' | '.' => self.out.push(c),
                c => self.literal(c),
            }
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        // Writing to a string does not fail.
        let _ = write!(self.out, "\\x{{{:X}}}", u32::from(c));
    }

    /// An escape outside of classes.
    fn escape(&mut self) -> Result<(), Malformed> {
        let next = self.rest.as_str().chars().next().ok_or(Malformed)?;
        let assertion = match next {
            'A' => r"\A",
            'z' => r"\z",
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'Q' => return self.quoted(),
            _ => {
                return match self.set(next)? {
                    Some(set) => {
                        let _ = write!(self.out, "[{set}]");
                        Ok(())
                    }
                    None => self.escaped_char().map(|c| self.literal(c)),
                };
            }
        };
        self.rest.next();
        self.out.push_str(assertion);
        Ok(())
    }

    /// `\Q`: all up to `\E` is literal.
    fn quoted(&mut self) -> Result<(), Malformed> {
        self.rest.next();
        let text = self.rest.as_str();
        let (quoted, rest) = text.split_once(r"\E").unwrap_or((text, ""));
        quoted.chars().for_each(|c| self.literal(c));
        self.rest = rest.chars();
        Ok(())
    }

    /// The sets that an escape can stand for, `next` being the character after the `\`.
    fn set(&mut self, next: char) -> Result<Option<String>, Malformed> {
        let set = match next {
            'd' => "[:digit:]",
            'D' => "[:^digit:]",
            'w' => "[:word:]",
            'W' => "[:^word:]",
            's' => r"\t\n\x0C\r\x20",
            'S' => r"[^\t\n\x0C\r\x20]",
            'p' | 'P' => return self.category(next).map(Some),
            _ => return Ok(None),
        };
        self.rest.next();
        Ok(Some(set.to_owned()))
    }

    /// `\pL`: a Unicode category of one letter. Longer names need braces, which are escaped before
    /// they get here, and so are errors.
    fn category(&mut self, sign: char) -> Result<String, Malformed> {
        self.rest.next();
        let name = self.rest.next().ok_or(Malformed)?.to_ascii_uppercase();
        if "CLMNPSZ".contains(name) { Ok(format!(r"\{sign}{name}")) } else { Err(Malformed) }
    }

    /// The character after a `\` (Go's `parseEscape`).
    fn escaped_char(&mut self) -> Result<char, Malformed> {
        let c = self.rest.next().ok_or(Malformed)?;
        match c {
            '0' => self.octal(0),
            '1'..='7' if self.rest.as_str().starts_with(|c| ('0'..='7').contains(&c)) => self.octal(c as u32 - 48),
            'x' => self.hexadecimal(),
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(Malformed),
        }
    }

    /// Up to two further digits.
    fn octal(&mut self, mut value: u32) -> Result<char, Malformed> {
        for _ in 0..2 {
            match self.rest.as_str().chars().next().and_then(|c| c.to_digit(8)) {
                Some(digit) => value = value * 8 + digit,
                None => break,
            }
            self.rest.next();
        }
        char::from_u32(value).ok_or(Malformed)
    }

    fn hexadecimal(&mut self) -> Result<char, Malformed> {
        let mut digit = || self.rest.next().and_then(|c| c.to_digit(16)).ok_or(Malformed);
        let value = digit()? * 16 + digit()?;
        char::from_u32(value).ok_or(Malformed)
    }

    /// A class, after its `[` (Go's `parseClass`).
    fn class(&mut self) -> Result<(), Malformed> {
        self.out.push('[');
        if skip_if(&mut self.rest, '^') {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest.as_str().starts_with(']') {
            first = false;
            if !self.posix_set()? && !self.escaped_set()? {
                self.range()?;
            }
        }
        self.rest.next();
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]` inside a class.
    fn posix_set(&mut self) -> Result<bool, Malformed> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "word", "xdigit",
        ];
        let Some((name, rest)) = self.rest.as_str().strip_prefix("[:").and_then(|text| text.split_once(":]")) else {
            return Ok(false);
        };
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(Malformed);
        }
        let _ = write!(self.out, "[:{name}:]");
        self.rest = rest.chars();
        Ok(true)
    }

    fn escaped_set(&mut self) -> Result<bool, Malformed> {
        let Some(next) = self.rest.as_str().strip_prefix('\\').and_then(|text| text.chars().next()) else {
            return Ok(false);
        };
        if !"dDwWsSpP".contains(next) {
            return Ok(false);
        }
        self.rest.next();
        if let Some(set) = self.set(next)? {
            self.out.push_str(&set);
        }
        Ok(true)
    }

    /// One character, or two and all between them.
    fn range(&mut self) -> Result<(), Malformed> {
        let low = self.class_char()?;
        let rest = self.rest.as_str();
        let high = if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
            self.rest.next();
            self.class_char()?
        } else {
            low
        };
        if high < low {
            return Err(Malformed);
        }
        self.literal(low);
        self.out.push('-');
        self.literal(high);
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, Malformed> {
        match self.rest.next().ok_or(Malformed)? {
            '\\' => self.escaped_char(),
            c => Ok(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        compile(&go_expression(pattern)).unwrap().is_match(path.as_bytes())
    }

    #[test]
    fn expressions_are_written_as_upstream_does() {
        for (pattern, expression) in [
            ("*.log", r"^[^/]*\.log$"),
            ("a/**/b", "^a/(.*/)?b$"),
            ("a/*/**", "^a/[^/]*/.*$"),
            (r"\*?", r"^\*[^/]$"),
            ("\u{feff}[a]", "^[a]$"),
        ] {
            assert_eq!(go_expression(pattern), expression);
        }
    }

    #[test]
    fn go_syntax_means_what_it_means_in_go() {
        assert!(matches(r"\d", "7") && !matches(r"\d", "d"));
        assert!(matches("[[:upper:]]x", "Ax") && !matches("[[:upper:]]x", ":x"));
        assert!(matches("[[a]", "[") && matches("[a&&b]", "&"));
        assert!(matches("[a*]", "[/^]") && !matches("[a*]", "b"));
        assert!(matches(r"\x41\101", "AA"));
        assert!(matches(r"\Qa*\E", "a[^/]*"));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for bad in [r"\C", r"\8", r"\é", r"\p\{L\}", "[b-a]", "[[:nope:]]", r"\1", "[a"] {
            assert!(compile(&go_expression(bad)).is_err(), "{bad}");
        }
    }
}
