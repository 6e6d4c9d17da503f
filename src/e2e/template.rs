//! Texts with places to be filled in: `{name}`, `{random}`, `{env:NAME}`. Other braces are text.

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Place(Place<'t>),
}

/// What a place is to be filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'t> {
    /// Text that no other journey or run has.
    Random,
    /// An environment variable.
    Env(&'t str),
    /// What an earlier step captured.
    Captured(&'t str),
}

/// The parts of `text`, in order.
pub(super) fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((before, place, after)) = first_place(text) {
        parts.push(Part::Text(before));
        parts.push(Part::Place(place));
        text = after;
    }
    parts.push(Part::Text(text));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

/// The places of `text`, in order.
pub(super) fn places(text: &str) -> impl Iterator<Item = Place<'_>> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Place(place) => Some(place),
        Part::Text(_) => None,
    })
}

/// What `text` is filled with, if it is one place and nothing else.
pub(super) fn only_place(text: &str) -> Option<Place<'_>> {
    match parts(text)[..] {
        [Part::Place(place)] => Some(place),
        _ => None,
    }
}

/// The name in the first `{{name}}`, which other tools write where `{name}` is meant here.
pub(super) fn doubled(text: &str) -> Option<&str> {
    text.match_indices("{{").find_map(|(at, _)| {
        let inside = &text[at + 2..];
        let name = &inside[..inside.find("}}")?];
        place(name.trim()).map(|_| name.trim())
    })
}

/// Whether `name` can name what is captured.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn first_place(text: &str) -> Option<(&str, Place<'_>, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let inside = &text[at + 1..];
        let end = inside.find('}')?;
        Some((&text[..at], place(&inside[..end])?, &inside[end + 1..]))
    })
}

fn place(inside: &str) -> Option<Place<'_>> {
    match inside.strip_prefix("env:") {
        Some(name) => is_name(name).then_some(Place::Env(name)),
        None if inside == "random" => Some(Place::Random),
        None => is_name(inside).then_some(Place::Captured(inside)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_other_braces() {
        let places = |text| places(text).collect::<Vec<_>>();
        assert_eq!(places("a{random}b{env:A_B}{id}"), [Place::Random, Place::Env("A_B"), Place::Captured("id")]);
        for text in ["{\"a\": {\"b\": 1}}", "{}", "{ id }", "{1}", "{env:}", "{a", "a}", "{env:A B}"] {
            assert_eq!(places(text), [], "{text}");
        }
        assert_eq!(
            parts("{\"id\": {id}}"),
            [Part::Text("{\"id\": "), Part::Place(Place::Captured("id")), Part::Text("}")]
        );
    }

    #[test]
    fn one_place_alone_is_known() {
        assert_eq!(only_place("{id}"), Some(Place::Captured("id")));
        assert_eq!(only_place("{id} "), None);
        assert_eq!(only_place(""), None);
    }

    #[test]
    fn the_braces_of_other_tools_are_noticed() {
        assert_eq!(doubled("Bearer {{ token }}"), Some("token"));
        assert_eq!(doubled("{{env:A}}"), Some("env:A"));
        assert_eq!(doubled("{\"a\":{\"b\":{id}}}"), None);
    }
}
