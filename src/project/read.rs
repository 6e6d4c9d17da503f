//! Reading one settings file: syntax, then version, then keys, kinds of values and meaning. What is
//! wrong with the first two would make the rest talk nonsense; all else is said at once.

use crate::project::document;
use crate::project::find::Settings;
use crate::project::problem::{Problem, Wrong};
use crate::project::resolve::{Resolved, resolve};
use crate::project::source::Source;
use crate::project::spans::Spans;
use crate::project::{Project, Variables, written};
use toml::de::{DeTable, DeValue};

/// Reads and resolves `settings`.
pub fn read(settings: &Settings, rules: &[&str], variables: Variables<'_>) -> Result<Project, Vec<Problem>> {
    let source = Source { name: settings.name.clone(), text: settings.text.clone() };
    let table = document::parse(&source)?;
    let mut problems = version(table.get_ref(), &source)?;
    let spans = Spans::of(table.get_ref());
    let (file, misshapen) = document::shape(table, &source, &written::schema());
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

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(Problem::line);
    problems
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
