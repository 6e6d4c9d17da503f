//! Reading one settings file: syntax, then version, then keys, then types, then meaning. What a
//! step finds wrong would make the next one talk nonsense, so each is asked only after the last.

use crate::project::find::Settings;
use crate::project::keys::unknown_keys;
use crate::project::problem::{Problem, Wrong};
use crate::project::resolve::{Resolved, resolve};
use crate::project::source::Source;
use crate::project::spans::Spans;
use crate::project::{Project, Variables, written};
use toml::de::{DeTable, DeValue};

/// Reads and resolves `settings`.
pub fn read(settings: &Settings, rules: &[&str], variables: Variables<'_>) -> Result<Project, Vec<Problem>> {
    let source = Source { name: settings.name.clone(), text: settings.text.clone() };
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(error, &source)).collect());
    }
    let table = table.get_ref();
    version(table, &source).map_err(|problem| vec![problem])?;
    let unknown = unknown_keys(table, &written::schema());
    if !unknown.is_empty() {
        let problem = |key: crate::project::keys::UnknownKey| {
            let at = source.snippet(&key.span);
            Problem::new(Wrong::UnknownKey(Box::new(key)), Some(at))
        };
        return Err(unknown.into_iter().map(problem).collect());
    }
    let file = toml::from_str(&source.text).map_err(|error| vec![syntax(&error, &source)])?;
    let Resolved { plan, origins, not_set, problems } =
        resolve(file, &source, &Spans::of(table), &settings.root, rules, variables);
    if problems.is_empty() {
        return Ok(Project { plan, origins, settings: Some(settings.path.clone()), not_set });
    }
    Err(problems)
}

fn syntax(error: &toml::de::Error, source: &Source) -> Problem {
    let at = error.span().map(|span| source.snippet(&span));
    // The parser says no more than this, and an image that is there twice deserves its name.
    if let Some(span) = error.span().filter(|_| error.message() == "duplicate key") {
        let key = source.text.get(span).unwrap_or("").to_owned();
        return Problem::new(Wrong::Twice { key }, at);
    }
    Problem::new(Wrong::Syntax { message: error.message().trim_end().replace('\n', ", ") }, at)
}

fn version(table: &DeTable<'_>, source: &Source) -> Result<(), Problem> {
    let Some(value) = table.get("version") else {
        return Err(Problem::new(Wrong::NoVersion, Some(source.snippet(&(0..0)))));
    };
    if let DeValue::Integer(number) = value.get_ref()
        && number.as_str() == "1"
    {
        return Ok(());
    }
    let span = value.span();
    let found = source.text.get(span.clone()).unwrap_or("").to_owned();
    Err(Problem::new(Wrong::Version { found }, Some(source.snippet(&span))))
}
