//! Values that are of another kind than the schema wants: all of them, in the words of the file.

use crate::project::keys::{alternatives, shown_path};
use serde_json::{Map, Value};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// From how many characters on text is not repeated.
const LONG: usize = 40;

type Shape<'a> = &'a Map<String, Value>;

/// A value that cannot stand where it does.
#[derive(Debug)]
pub struct Misfit {
    /// Its key.
    pub key: String,
    /// Where it is.
    pub span: Range<usize>,
    /// What it must be: `text`, `a list or text`.
    pub wanted: String,
    /// What it is.
    pub found: String,
    /// What helps.
    pub hint: Option<String>,
}

/// Takes the values that `schema` has no place for out of `table`, so that what is left can be read.
pub fn take_misfits(table: &mut DeTable<'_>, schema: &schemars::Schema) -> Vec<Misfit> {
    let mut walk = Walk { root: schema.as_value(), found: Vec::new() };
    walk.table(table, &alternatives(schema.as_value(), schema.as_value()), &[]);
    walk.found
}

struct Walk<'a> {
    root: &'a Value,
    found: Vec<Misfit>,
}

impl<'a> Walk<'a> {
    fn table(&mut self, table: &mut DeTable<'_>, shapes: &[Shape<'a>], path: &[String]) {
        let mut misfits = Vec::new();
        for (key, value) in table.iter_mut() {
            let key: &str = key.get_ref();
            let known = shapes.iter().find_map(|shape| shape.get("properties")?.get(key));
            // Keys that are not known are told apart from this.
            let schema = known.or_else(|| shapes.iter().find_map(|shape| shape.get("additionalProperties")));
            let path = [path, &[key.to_owned()]].concat();
            if schema.is_some_and(|schema| !self.fits(value, schema, &path)) {
                misfits.push(key.to_owned());
            }
        }
        for key in misfits {
            table.remove(key.as_str());
        }
    }

    /// Whether `value` can stand there; if not, this is noted.
    fn fits(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &'a Value, path: &[String]) -> bool {
        let shapes = alternatives(schema, self.root);
        if takes_anything(schema, &shapes) {
            return true;
        }
        let span = value.span();
        let fitting: Vec<Shape<'a>> = shapes.iter().copied().filter(|shape| holds(shape, value.get_ref())).collect();
        if fitting.is_empty() {
            let description = description(schema, self.root);
            self.found.push(misfit(value.get_ref(), span, &shapes, description, path));
            return false;
        }
        match value.get_mut() {
            DeValue::Table(table) => self.table(table, &fitting, path),
            DeValue::Array(items) => {
                let schema = fitting.iter().find_map(|shape| shape.get("items"));
                let Some(schema) = schema else { return true };
                // All of them are asked: each that does not fit is said.
                return items.iter_mut().filter_map(|item| (!self.fits(item, schema, path)).then_some(())).count() == 0;
            }
            _ => {}
        }
        true
    }
}

/// Whether every value can stand where `schema` is, whose alternatives are `shapes`.
fn takes_anything(schema: &Value, shapes: &[Shape<'_>]) -> bool {
    let any = |shape: &Shape<'_>| ["type", "const", "enum"].iter().all(|key| !shape.contains_key(*key));
    *schema == Value::Bool(true) || shapes.iter().any(any)
}

/// Whether `value` is of the kind, and in the range, that `shape` wants.
fn holds(shape: Shape<'_>, value: &DeValue<'_>) -> bool {
    let kinds: &[&str] = match value {
        DeValue::String(_) => &["string"],
        DeValue::Integer(_) => &["integer", "number"],
        DeValue::Float(_) => &["number"],
        DeValue::Boolean(_) => &["boolean"],
        DeValue::Array(_) => &["array"],
        DeValue::Table(_) => &["object"],
        DeValue::Datetime(_) => &[],
    };
    kinds.iter().any(|kind| types(shape).contains(kind))
        && match value {
            DeValue::String(text) => shape.get("const").is_none_or(|only| only == text.as_ref()),
            DeValue::Integer(number) => range(shape).is_none_or(|(least, most)| in_range(number, least, most)),
            _ => true,
        }
}

fn types<'a>(shape: Shape<'a>) -> Vec<&'a str> {
    match shape.get("type") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        Some(Value::String(one)) if one != "null" => vec![one],
        _ => Vec::new(),
    }
}

/// The range of a whole number, if it has one.
fn range(shape: Shape<'_>) -> Option<(i64, i64)> {
    types(shape).contains(&"integer").then_some(())?;
    Some((shape.get("minimum")?.as_i64()?, shape.get("maximum")?.as_i64()?))
}

fn in_range(number: &DeInteger<'_>, least: i64, most: i64) -> bool {
    i64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| (least..=most).contains(&number))
}

fn misfit(
    value: &DeValue<'_>,
    span: Range<usize>,
    shapes: &[Shape<'_>],
    description: Option<String>,
    path: &[String],
) -> Misfit {
    let key = path.last().cloned().unwrap_or_default();
    let wanted = wanted(shapes);
    let text_would_do = shapes.iter().any(|shape| types(shape).contains(&"string"));
    let hint = match (wanted.as_str(), unquoted(value)) {
        (_, Some(text)) if text_would_do => Some(format!("write it in quotes: {text:?}")),
        ("a table", _) => Some(format!("write [{}], and what it holds below that", shown_path(path))),
        ("a list", _) if matches!(value, DeValue::Table(_)) => {
            Some(format!("write [[{}]], and what it holds below that", shown_path(path)))
        }
        _ => description.map(|text| format!("it means: {text}")),
    };
    Misfit { key, span, wanted, found: found(value), hint }
}

/// What a value is that is written without quotes.
fn unquoted(value: &DeValue<'_>) -> Option<String> {
    Some(match value {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => return None,
    })
}

fn found(value: &DeValue<'_>) -> String {
    let kind = match value {
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::String(text) if text.chars().count() < LONG => return format!("{text:?}"),
        _ => "text",
    };
    unquoted(value).unwrap_or_else(|| kind.to_owned())
}

/// What is wanted, in words, with the last of several after `or`.
fn wanted(shapes: &[Shape<'_>]) -> String {
    let one = |shape: &Shape<'_>| match (shape.get("const").and_then(Value::as_str), range(shape)) {
        (Some(only), _) => vec![format!("{only:?}")],
        (None, Some((least, most))) => vec![format!("a whole number from {least} to {most}")],
        (None, None) => types(shape).iter().map(|kind| kind_in_words(kind).to_owned()).collect(),
    };
    let all: Vec<String> = shapes.iter().flat_map(one).collect();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "something else".to_owned(),
    }
}

fn kind_in_words(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

/// What the schema says of a value, without its default.
fn description(schema: &Value, root: &Value) -> Option<String> {
    let target = || root.pointer(schema.get("$ref")?.as_str()?.trim_start_matches('#'))?.get("description");
    let own = schema.get("description").or_else(target)?;
    let text = own.as_str()?.split("Default:").next()?.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.').to_owned();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<String>, String) {
        let mut table = DeTable::parse(text).unwrap();
        let misfits = take_misfits(table.get_mut(), &crate::project::written::schema());
        let said = |one: Misfit| format!("{} {}: {}, not {}", &text[one.span], one.key, one.wanted, one.found);
        let left: Vec<_> = table.get_ref().keys().map(|key| key.get_ref().to_string()).collect();
        (misfits.into_iter().map(said).collect(), left.join(" "))
    }

    #[test]
    fn every_value_of_another_kind_is_found_and_taken_out() {
        let text = "version = 1\ntarget = 3\n[image.a]\nbudget = 4.5\ntag = [\"a\", 1]\nnumeric-user = \"yes\"\n\
            probe.port = 70000\nargs.X = 1\nrun.env = [1]\nneeds = 1979-05-27\n[rules]\n\"user.root\" = \"fatal\"\n";
        let (said, left) = found(text);
        let mut said: Vec<&str> = said.iter().map(String::as_str).collect();
        said.sort_unstable();
        assert_eq!(
            said,
            [
                "\"fatal\" user.root: \"error\", \"warn\" or \"off\", not \"fatal\"",
                "\"yes\" numeric-user: true or false, not \"yes\"",
                "1 X: text or a table, not 1",
                "1 tag: text, not 1",
                "1979-05-27 needs: a table, not 1979-05-27",
                "3 target: text, not 3",
                "4.5 budget: text, not 4.5",
                "70000 port: a whole number from 1 to 65535, not 70000",
                "[1] env: a table, not a list",
            ]
        );
        assert_eq!(left, "image rules version");
    }

    #[test]
    fn what_fits_is_left_alone() {
        let text = "version = 1\n[image.a]\ntag = [\"a\"]\nargs.X = { env = \"X\" }\nrun.cpu = 1\nunknown = 3\n";
        assert_eq!(found(text), (Vec::new(), "image version".to_owned()));
    }
}
