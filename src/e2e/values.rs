//! What the places of a journey's texts are filled with.

use super::template::{Part, Place, only_place, parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;

/// All but what RFC 3986 calls unreserved.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Environment variables by name, as far as journeys use them.
pub(super) type Env = BTreeMap<String, String>;

/// What one journey knows.
pub(super) struct Values<'a> {
    random: String,
    env: &'a Env,
    captured: BTreeMap<String, Value>,
}

impl<'a> Values<'a> {
    /// Those at the beginning of a journey.
    pub(super) fn new(env: &'a Env) -> Self {
        Self { random: hex::encode(rand::random::<[u8; 6]>()), env, captured: BTreeMap::new() }
    }

    /// Later steps know `value` as `name`.
    pub(super) fn capture(&mut self, name: &str, value: Value) {
        self.captured.insert(name.to_owned(), value);
    }

    /// `text`, filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        self.filled(text, |value| value)
    }

    /// `text`, filled in with values that stay one part of a URL.
    pub(super) fn fill_url(&self, text: &str) -> String {
        self.filled(text, |value| utf8_percent_encode(&value, RESERVED).to_string())
    }

    /// `json` with its texts filled in. A text that is one place and nothing else becomes what was
    /// captured, such as a number.
    pub(super) fn fill_json(&self, json: &Value) -> Value {
        match json {
            Value::String(text) => match only_place(text) {
                Some(Place::Captured(name)) => self.captured.get(name).cloned().unwrap_or_default(),
                _ => Value::String(self.fill(text)),
            },
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Value::Object(all) => all.iter().map(|(key, value)| (key.clone(), self.fill_json(value))).collect(),
            other => other.clone(),
        }
    }

    fn filled(&self, text: &str, as_part: impl Fn(String) -> String) -> String {
        let filled = parts(text).into_iter().map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Place(place) => as_part(self.value(place)),
        });
        filled.collect()
    }

    /// Reading the file has made sure that there is one.
    fn value(&self, place: Place<'_>) -> String {
        match place {
            Place::Random => self.random.clone(),
            Place::Env(name) => self.env.get(name).cloned().unwrap_or_default(),
            Place::Captured(name) => self.captured.get(name).map(text_of).unwrap_or_default(),
        }
    }
}

/// A JSON value inside a text: a text without quotes, all else as JSON has it.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_filled_in_where_they_have_places() {
        let env = Env::from([("KEY".to_owned(), "a b/c".to_owned())]);
        let mut values = Values::new(&env);
        values.capture("id", json!(17));
        values.capture("title", json!("Milk & bread"));
        assert_eq!(values.fill("{id}: {title} {env:KEY}"), "17: Milk & bread a b/c");
        assert_eq!(values.fill_url("/t/{id}?q={title}&k={env:KEY}"), "/t/17?q=Milk%20%26%20bread&k=a%20b%2Fc");
        let filled = values.fill_json(&json!({ "id": "{id}", "text": "no. {id}", "deep": ["{title}", true] }));
        assert_eq!(filled, json!({ "id": 17, "text": "no. 17", "deep": ["Milk & bread", true] }));
    }

    #[test]
    fn random_text_is_the_same_in_one_journey_only() {
        let env = Env::new();
        let (one, other) = (Values::new(&env), Values::new(&env));
        assert_eq!(one.fill("{random}"), one.fill("{random}"));
        assert_ne!(one.fill("{random}"), other.fill("{random}"));
    }
}
