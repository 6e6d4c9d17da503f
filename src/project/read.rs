//! Reading one settings file: syntax, then version, then keys, kinds of values and meaning. What is
//! wrong with the first two would make the rest talk nonsense; all else is said at once.

use crate::project::find::Settings;
use crate::project::keys::unknown_keys;
use crate::project::misfit::take_misfits;
use crate::project::problem::{Problem, Wrong};
use crate::project::resolve::{Resolved, resolve};
use crate::project::source::Source;
use crate::project::spans::Spans;
use crate::project::{Project, Variables, written};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// Reads and resolves `settings`.
pub fn read(settings: &Settings, rules: &[&str], variables: Variables<'_>) -> Result<Project, Vec<Problem>> {
    let source = Source { name: settings.name.clone(), text: settings.text.clone() };
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(error, &source)).collect());
    }
    let mut problems = version(table.get_ref(), &source)?;
    let spans = Spans::of(table.get_ref());
    let (file, misshapen) = shape(table, &source);
    // What is missing may be what is there under another name, or with a value of another kind.
    let shapely = misshapen.is_empty();
    problems.extend(misshapen);
    let Some(file) = file else { return Err(in_order(problems)) };
    let Resolved { plan, origins, not_set, problems: more } =
        resolve(file, &source, &spans, &settings.root, rules, variables);
    problems.extend(more.into_iter().filter(|problem| shapely || !problem.wrong().may_follow()));
    if problems.is_empty() {
        return Ok(Project { plan, origins, settings: Some(settings.path.clone()), not_set });
    }
    Err(in_order(problems))
}

/// What is written, as far as its keys and the kinds of its values are right, and what of these is
/// not.
fn shape(mut table: Spanned<DeTable<'_>>, source: &Source) -> (Option<written::File>, Vec<Problem>) {
    let schema = written::schema();
    let unknown = unknown_keys(table.get_ref(), &schema).into_iter().map(|key| {
        let at = source.snippet(&key.span);
        Problem::new(Wrong::UnknownKey(Box::new(key)), Some(at))
    });
    let mut problems: Vec<Problem> = unknown.collect();
    problems.extend(take_misfits(table.get_mut(), &schema).into_iter().map(|misfit| {
        let at = source.snippet(&misfit.span);
        Problem::new(Wrong::Misfit(Box::new(misfit)), Some(at))
    }));
    match written::File::deserialize(Deserializer::from(table)) {
        Ok(file) => (Some(file), problems),
        Err(error) => {
            problems.push(syntax(&error, source));
            (None, problems)
        }
    }
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(Problem::line);
    problems
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

/// That the version is missing is a problem among others; another one is the only problem.
fn version(table: &DeTable<'_>, source: &Source) -> Result<Vec<Problem>, Vec<Problem>> {
    let Some(value) = table.get("version") else {
        return Ok(vec![Problem::new(Wrong::NoVersion, Some(source.snippet(&(0..0))))]);
    };
    if let DeValue::Integer(number) = value.get_ref()
        && number.as_str() == "1"
    {
        return Ok(Vec::new());
    }
    let span = value.span();
    let found = source.text.get(span.clone()).unwrap_or("").to_owned();
    Err(vec![Problem::new(Wrong::Version { found }, Some(source.snippet(&span)))])
}
