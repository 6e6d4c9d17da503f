//! Keys that the schema does not know.

use crate::project::spans::{bare_or_quoted, join};
use serde_json::{Map, Value};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A key that is not known where it stands.
#[derive(Debug)]
pub struct UnknownKey {
    /// The key.
    pub key: String,
    /// The table it is in, such as `[image.api]`, or nothing at the top.
    pub table: String,
    /// Where.
    pub span: Range<usize>,
    /// The known key that is spelled most like it.
    pub nearest: Option<String>,
    /// All keys that are known there.
    pub known: Vec<String>,
}

/// All keys of `table` that `schema` does not know.
pub fn unknown_keys(table: &DeTable<'_>, schema: &schemars::Schema) -> Vec<UnknownKey> {
    let mut found = Vec::new();
    Walk { root: schema.as_value(), found: &mut found }.table(table, schema.as_value(), "");
    found.sort_by_key(|unknown| unknown.span.start);
    found
}

struct Walk<'a> {
    root: &'a Value,
    found: &'a mut Vec<UnknownKey>,
}

impl<'a> Walk<'a> {
    fn table(&mut self, table: &DeTable<'_>, schema: &'a Value, path: &str) {
        let shapes = objects(schema, self.root);
        // A table where none may be is for the deserializer to refuse.
        if shapes.is_empty() {
            return;
        }
        for (key, value) in table.iter() {
            let known = shapes.iter().find_map(|shape| shape.get("properties")?.get(key.get_ref().as_ref()));
            let any = || shapes.iter().find_map(|shape| shape.get("additionalProperties"));
            match (known.or_else(any), value.get_ref()) {
                (None, _) => self.found.push(unknown(key.get_ref(), key.span(), path, &shapes)),
                (Some(inner), value) => self.value(value, inner, &join(path, key.get_ref())),
            }
        }
    }

    fn value(&mut self, value: &DeValue<'_>, schema: &'a Value, path: &str) {
        match value {
            DeValue::Table(table) => self.table(table, schema, path),
            DeValue::Array(items) => {
                let shapes = alternatives(schema, self.root);
                let Some(schema) = shapes.iter().find_map(|shape| shape.get("items")) else { return };
                items.iter().for_each(|item| self.value(item.get_ref(), schema, path));
            }
            _ => {}
        }
    }
}

/// What `schema`, a part of `root`, can be, with references and alternatives followed.
pub fn alternatives<'a>(schema: &'a Value, root: &'a Value) -> Vec<&'a Map<String, Value>> {
    let Some(shape) = schema.as_object() else { return Vec::new() };
    if let Some(target) = shape.get("$ref").and_then(Value::as_str) {
        let pointer = target.trim_start_matches('#');
        return root.pointer(pointer).map_or_else(Vec::new, |inner| alternatives(inner, root));
    }
    let several = ["anyOf", "oneOf"].iter().find_map(|key| shape.get(*key)?.as_array());
    several.map_or_else(|| vec![shape], |all| all.iter().flat_map(|one| alternatives(one, root)).collect())
}

/// The tables that `schema` can be.
fn objects<'a>(schema: &'a Value, root: &'a Value) -> Vec<&'a Map<String, Value>> {
    let object =
        |shape: &&Map<String, Value>| shape.contains_key("properties") || shape.contains_key("additionalProperties");
    alternatives(schema, root).into_iter().filter(object).collect()
}

/// A dotted path as TOML writes it.
pub fn shown_path(path: &[String]) -> String {
    path.iter().fold(String::new(), |shown, key| join(&shown, key))
}

fn unknown(key: &str, span: Range<usize>, path: &str, shapes: &[&Map<String, Value>]) -> UnknownKey {
    let properties = shapes.iter().filter_map(|shape| shape.get("properties")?.as_object());
    let known: Vec<String> = properties.flat_map(|all| all.keys().cloned()).collect();
    UnknownKey {
        key: bare_or_quoted(key),
        table: if path.is_empty() { String::new() } else { format!("[{path}]") },
        span,
        nearest: nearest(key, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    }
}

/// The one of `known` that is spelled most like `word`, if one is near enough to be meant.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let near = |candidate: &&str| {
        let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
        distance <= 1 + word.chars().count() / 4
    };
    known.into_iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(&word, &candidate.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let table = DeTable::parse(text).unwrap();
        let unknown = unknown_keys(table.get_ref(), &crate::project::written::schema());
        unknown.into_iter().map(|u| format!("{} {} {}", u.key, u.table, u.nearest.unwrap_or_default())).collect()
    }

    #[test]
    fn every_unknown_key_is_found_at_every_depth() {
        let text = "versoin = 1\n[image.a]\nbudgte = \"1MB\"\nargs.X = { evn = \"Y\" }\n[image.a.needs.db.env]\nANY = \"1\"\n[image.a.run]\nzzz = 1\n[rules]\n\"any.rule\" = \"off\"\n";
        assert_eq!(
            found(text),
            ["versoin  version", "budgte [image.a] budget", "evn [image.a.args.X] env", "zzz [image.a.run] ",]
        );
    }

    #[test]
    fn tables_in_lists_are_looked_into() {
        #[derive(schemars::JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct Outer {
            inner: Vec<Inner>,
        }
        #[derive(schemars::JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct Inner {
            word: String,
        }
        let table = DeTable::parse("[[inner]]\nword = \"a\"\n[[inner]]\nwrod = \"b\"\n").unwrap();
        let unknown = unknown_keys(table.get_ref(), &schemars::schema_for!(Outer));
        let said: Vec<_> = unknown.iter().map(|one| (one.key.as_str(), one.table.as_str())).collect();
        assert_eq!(said, [("wrod", "[inner]")]);
    }

    #[test]
    fn a_table_in_place_of_a_value_is_no_unknown_key() {
        assert_eq!(found("target = { kind = 1 }"), Vec::<String>::new());
    }
}
