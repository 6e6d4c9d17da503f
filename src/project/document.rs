//! One TOML file against the schema of what it may hold: what settings have in common with other
//! files of a project.

use crate::project::keys::unknown_keys;
use crate::project::misfit::take_misfits;
use crate::project::problem::{Problem, Wrong};
use crate::project::source::Source;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

/// The keys and values of `source`, or all that is wrong with its syntax.
pub fn parse(source: &Source) -> Result<Spanned<DeTable<'_>>, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if errors.is_empty() { Ok(table) } else { Err(errors.iter().map(|error| syntax(error, source)).collect()) }
}

/// What is written in `table`, as far as its keys and the kinds of its values are as `schema` has them,
/// and what of these is not.
pub fn shape<T: DeserializeOwned>(
    mut table: Spanned<DeTable<'_>>,
    source: &Source,
    schema: &schemars::Schema,
) -> (Option<T>, Vec<Problem>) {
    let unknown = unknown_keys(table.get_ref(), schema).into_iter().map(|key| {
        let at = source.snippet(&key.span);
        Problem::new(Wrong::UnknownKey(Box::new(key)), Some(at))
    });
    let mut problems: Vec<Problem> = unknown.collect();
    problems.extend(take_misfits(table.get_mut(), schema).into_iter().map(|misfit| {
        let at = source.snippet(&misfit.span);
        Problem::new(Wrong::Misfit(Box::new(misfit)), Some(at))
    }));
    match T::deserialize(Deserializer::from(table)) {
        Ok(file) => (Some(file), problems),
        Err(error) => {
            problems.push(syntax(&error, source));
            (None, problems)
        }
    }
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
