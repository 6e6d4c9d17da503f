//! What a deployment would change, as text: a line for each value that differs.

use crate::cluster::Difference;
use serde_json::Value;

/// What does not matter: it says how an object came about, not what it is.
const SKIPPED: [&str; 2] =
    ["/metadata/annotations/deployment.kubernetes.io~1revision", "/metadata/annotations/meta.helm.sh"];
/// What stands for a secret's value.
const HIDDEN: &str = "(hidden)";

/// The differences of the release `name`.
pub fn text(name: &str, all: &[Difference]) -> String {
    if all.is_empty() {
        return format!("{name}: nothing would change\n");
    }
    all.iter().map(|one| format!("{name}: {} `{}`\n{}", one.kind, one.name, lines(one))).collect()
}

fn lines(difference: &Difference) -> String {
    let Some(now) = &difference.now else { return "  + all of it is new\n".to_owned() };
    let mut changes = Vec::new();
    compare("", now, &difference.then, &mut changes);
    let secret = difference.kind == "Secret";
    let show = |value: Option<&Value>| match value {
        Some(_) if secret => HIDDEN.to_owned(),
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    };
    let line = |(path, now, then): &(String, Option<&Value>, Option<&Value>)| {
        format!("  {path}: {} → {}\n", show(*now), show(*then))
    };
    changes.iter().filter(|(path, ..)| !SKIPPED.iter().any(|skipped| path.starts_with(skipped))).map(line).collect()
}

type Change<'a> = (String, Option<&'a Value>, Option<&'a Value>);

fn compare<'a>(path: &str, now: &'a Value, then: &'a Value, changes: &mut Vec<Change<'a>>) {
    match (now, then) {
        (Value::Object(old), Value::Object(new)) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let inside = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(&inside, old, new, changes),
                    (old, new) => changes.push((inside, old, new)),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}/{at}"), old, new, changes);
            }
        }
        (old, new) if old != new => changes.push((path.to_owned(), Some(old), Some(new))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn difference(kind: &str, now: Option<Value>, then: Value) -> Difference {
        Difference { kind: kind.into(), name: "x".into(), now, then }
    }

    #[test]
    fn only_what_differs_is_shown_and_never_a_secret() {
        let now = json!({"spec": {"replicas": 1, "same": [1, 2]}});
        let then = json!({"spec": {"replicas": 2, "same": [1, 2], "new": true}});
        let shown = text("api", &[difference("Deployment", Some(now), then)]);
        assert_eq!(shown, "api: Deployment `x`\n  /spec/new: nothing → true\n  /spec/replicas: 1 → 2\n");
        let secret = difference("Secret", Some(json!({"data": {"A": "b2xk"}})), json!({"data": {"A": "bmV3"}}));
        assert_eq!(text("api", &[secret]), "api: Secret `x`\n  /data/A: (hidden) → (hidden)\n");
        assert!(text("api", &[difference("Service", None, json!({}))]).contains("is new"));
        assert_eq!(text("api", &[]), "api: nothing would change\n");
    }
}
