//! Keeps values of environment variables out of everything that is said.

use super::values::{Env, RESERVED};
use percent_encoding::utf8_percent_encode;

/// What must not be said, and what is said instead.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask(Vec<(String, String)>);

impl Mask {
    /// Hides all values of `env`, also as URLs, forms and JSON write them.
    pub(super) fn new(env: &Env) -> Self {
        let mut all: Vec<(String, String)> = env
            .iter()
            .flat_map(|(name, value)| forms(value).into_iter().map(move |form| (form, format!("{{env:{name}}}"))))
            .filter(|(form, _)| !form.is_empty())
            .collect();
        // The longest first: one value may be a part of another.
        all.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        Self(all)
    }

    /// `text` without any of them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (form, name)| text.replace(form.as_str(), name))
    }
}

fn forms(value: &str) -> Vec<String> {
    let forms = [value, value.trim()].into_iter().flat_map(|value| {
        let quoted = serde_json::Value::from(value).to_string();
        let json = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
        let url = utf8_percent_encode(value, RESERVED).to_string();
        let form = url.replace("%20", "+");
        [value.to_owned(), json.to_owned(), url, form]
    });
    forms.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_writing_a_value_is_let_through() {
        let env = [("A", "p\"a ss/1"), ("B", "p\"a ss/1 and more\n"), ("C", "")];
        let mask = Mask::new(&env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        let said = mask.hide("p\"a ss/1 p\\\"a ss/1 p%22a%20ss%2F1 p%22a+ss%2F1 p\"a ss/1 and more.");
        assert_eq!(said, "{env:A} {env:A} {env:A} {env:A} {env:B}.");
        assert_eq!(mask.hide("nothing"), "nothing");
    }
}
