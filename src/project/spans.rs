//! Where each key and value of a TOML document stands, by its dotted path. The items of a list are
//! called by their number, from 0.

use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The places of one key and its value.
#[derive(Clone, Debug)]
pub struct Span {
    /// The key.
    pub key: Range<usize>,
    /// The value; for a table with a header, the header.
    pub value: Range<usize>,
}

/// The places of every key in a document.
#[derive(Debug, Default)]
pub struct Spans(BTreeMap<String, Span>);

impl Spans {
    /// Those of `table`.
    pub fn of(table: &DeTable<'_>) -> Self {
        let mut spans = Self::default();
        spans.walk(table, "");
        spans
    }

    /// That of `path`, if it was written.
    pub fn get(&self, path: &str) -> Option<&Span> {
        self.0.get(path)
    }

    fn walk(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table.iter() {
            let path = join(prefix, key.get_ref());
            self.inside(value, &path);
            self.0.insert(path, Span { key: key.span(), value: value.span() });
        }
    }

    fn inside(&mut self, value: &Spanned<DeValue<'_>>, path: &str) {
        match value.get_ref() {
            DeValue::Table(inner) => self.walk(inner, path),
            DeValue::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    let path = join(path, &number.to_string());
                    self.inside(item, &path);
                    self.0.insert(path, Span { key: item.span(), value: item.span() });
                }
            }
            _ => {}
        }
    }
}

/// The path of `key` inside `prefix`, quoted where TOML would quote it.
pub fn join(prefix: &str, key: &str) -> String {
    let key = bare_or_quoted(key);
    if prefix.is_empty() { key } else { format!("{prefix}.{key}") }
}

/// `key` as TOML writes it.
pub fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_path_whatever_the_notation() {
        let text = "[image.\"a.b\"]\nrun = { user = \"1\" }\nprobe.path = \"/\"\n";
        let table = DeTable::parse(text).unwrap();
        let spans = Spans::of(table.get_ref());
        let value = |path: &str| &text[spans.get(path).unwrap().value.clone()];
        assert_eq!(value("image.\"a.b\".run.user"), "\"1\"");
        assert_eq!(value("image.\"a.b\".probe.path"), "\"/\"");
        assert_eq!(&text[spans.get("image.\"a.b\"").unwrap().key.clone()], "\"a.b\"");
    }

    #[test]
    fn items_of_lists_are_found_by_number() {
        let text = "[[a]]\nx = [1, { y = 2 }]\n[[a]]\n";
        let table = DeTable::parse(text).unwrap();
        let spans = Spans::of(table.get_ref());
        let value = |path: &str| &text[spans.get(path).unwrap().value.clone()];
        assert_eq!((value("a.0"), value("a.0.x.0"), value("a.0.x.1.y")), ("[[a]]", "1", "2"));
        assert_eq!(spans.get("a.1").unwrap().value.start, 25);
        assert!(spans.get("a.2").is_none());
    }
}
