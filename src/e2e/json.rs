//! Whether one JSON value holds another.

use crate::project::join;
use serde_json::Value;

/// A place where it does not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The key in the file, below that of the whole expectation.
    pub(super) key: String,
    /// What must be there.
    pub(super) expected: String,
    /// What is there.
    pub(super) found: String,
}

/// All places where `found` does not hold `expected`. Objects may have more than is expected; lists
/// may not. A key that begins with `/` is a JSON Pointer (RFC 6901).
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(expected, Some(found), "", "", &mut all);
    all
}

fn compare(expected: &Value, found: Option<&Value>, key: &str, at: &str, all: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(wanted), Some(found @ (Value::Object(_) | Value::Array(_)))) => {
            for (name, value) in wanted {
                let (inner, at) = member(found, name, at);
                compare(value, inner, &join(key, name), &at, all);
            }
        }
        (Value::Array(wanted), Some(Value::Array(items))) if wanted.len() == items.len() => {
            for (number, (value, item)) in wanted.iter().zip(items).enumerate() {
                compare(value, Some(item), &join(key, &number.to_string()), &format!("{at}/{number}"), all);
            }
        }
        (expected, Some(found)) if equal(expected, found) => {}
        (expected, found) => all.push(Difference {
            key: key.to_owned(),
            expected: format!("{}: {}", if at.is_empty() { "JSON" } else { at }, shown(expected, found)),
            found: found.map_or_else(|| "nothing there".to_owned(), |found| shown(found, Some(expected))),
        }),
    }
}

/// What `found` has as `name`, and the pointer to it.
fn member<'v>(found: &'v Value, name: &str, at: &str) -> (Option<&'v Value>, String) {
    if name.starts_with('/') {
        return (found.pointer(name), format!("{at}{name}"));
    }
    (found.get(name), format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")))
}

fn equal(expected: &Value, found: &Value) -> bool {
    // JSON has one kind of number: 1 and 1.0 are the same.
    expected == found || expected.as_f64().is_some_and(|number| found.as_f64() == Some(number))
}

/// A value; of two lists of different lengths only these.
fn shown(value: &Value, other: Option<&Value>) -> String {
    match (value, other) {
        (Value::Array(items), Some(Value::Array(_))) => format!("a list of {}", items.len()),
        (Value::Object(all), Some(_)) if all.keys().any(|key| key.starts_with('/')) => "an object or a list".into(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(expected: &Value, found: &Value) -> Vec<String> {
        let said = |one: Difference| format!("{}: {}, not {}", one.key, one.expected, one.found);
        differences(expected, found).into_iter().map(said).collect()
    }

    #[test]
    fn objects_may_have_more_and_lists_may_not() {
        let found = json!({ "id": 1, "tags": ["a", "b"], "user": { "name": "Ada", "age": 36 } });
        for holds in [
            json!({}),
            json!({ "id": 1.0, "user": { "name": "Ada" } }),
            json!({ "tags": ["a", "b"] }),
            json!({ "/tags/1": "b", "/user/age": 36 }),
            json!({ "tags": { "/0": "a" } }),
        ] {
            assert_eq!(said(&holds, &found), Vec::<String>::new(), "{holds}");
        }
        let wrong = json!({ "id": "1", "tags": ["a"], "user": { "name": "Bob", "mail": "x" }, "/tags/2": "c" });
        assert_eq!(
            said(&wrong, &found),
            [
                "id: /id: \"1\", not 1",
                "tags: /tags: a list of 1, not a list of 2",
                "user.name: /user/name: \"Bob\", not \"Ada\"",
                "user.mail: /user/mail: \"x\", not nothing there",
                "\"/tags/2\": /tags/2: \"c\", not nothing there",
            ]
        );
        assert_eq!(said(&json!([]), &json!([1])), [": JSON: a list of 0, not a list of 1"]);
        assert_eq!(said(&json!({ "a": 1 }), &json!("x")), [": JSON: {\"a\":1}, not \"x\""]);
    }
}
