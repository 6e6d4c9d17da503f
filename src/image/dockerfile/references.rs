//! The images that a Dockerfile takes something from.

use super::Dockerfile;
use std::collections::BTreeMap;

/// An image that a stage begins from or copies from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As it is written.
    pub written: String,
    /// With its variables resolved; none if one of them has no known value.
    pub resolved: Option<String>,
    /// The line of the instruction, from 1.
    pub line: u32,
}

impl Dockerfile {
    /// The images that building `target` (the last stage if none) takes something from, in the
    /// order of their lines. `args` are build arguments: they win over defaults.
    pub fn references(&self, target: Option<&str>, args: &BTreeMap<String, String>) -> Vec<Reference> {
        let values = self.global_values(args);
        let mut needed = vec![false; self.stages.len()];
        let mut pending: Vec<usize> = self.target(target).into_iter().collect();
        let mut found = Vec::new();
        while let Some(index) = pending.pop() {
            if std::mem::replace(&mut needed[index], true) {
                continue;
            }
            for (name, line, is_base) in self.names_in(index) {
                let stage = self.stage_before(&name, index).filter(|_| !is_base || name.parse::<usize>().is_err());
                match stage {
                    Some(stage) => pending.push(stage),
                    None if name.eq_ignore_ascii_case("scratch") => {}
                    None => found.push(Reference { resolved: expand(&name, &values), written: name, line }),
                }
            }
        }
        found.sort_by_key(|reference| reference.line);
        found
    }

    /// What a stage names after `FROM`, `--from=` and `--mount=…,from=`, with the line, and
    /// whether it is the base.
    fn names_in(&self, stage: usize) -> Vec<(String, u32, bool)> {
        let stage = &self.stages[stage];
        let base = (stage.base.clone(), stage.from.line, true);
        let copied = stage.instructions.iter().flat_map(|instruction| {
            instruction.sources().into_iter().map(|name| (name.to_owned(), instruction.line, false))
        });
        std::iter::once(base).chain(copied).collect()
    }

    fn global_values(&self, args: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for pair in self.globals.iter().filter(|one| one.keyword == "ARG").flat_map(|arg| arg.text.split_whitespace()) {
            let (name, default) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            let default = default.and_then(|value| expand(value.trim_matches(['"', '\'']), &values));
            if let Some(value) = args.get(name).cloned().or(default) {
                values.insert(name.to_owned(), value);
            }
        }
        values
    }
}

/// What variables may add to a text, in bytes: each can be made of the one before it twice, and a few lines
/// come to more than any memory.
const LONGEST: usize = 4096;

/// `text` with `$X`, `${X}`, `${X:-default}` and `${X:+other}` replaced; none if a variable has
/// no value and no default, or if they add more than 4 KiB.
pub fn expand(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}')?;
            expanded.push_str(&braced(&inner[..end], values)?);
            rest = &inner[end + 1..];
        } else {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
            expanded.push_str(values.get(&after[..end])?);
            rest = &after[end..];
        }
        if expanded.len() > text.len() + LONGEST {
            return None;
        }
    }
    expanded.push_str(rest);
    Some(expanded)
}

fn braced(inner: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let end = inner.find([':', '-', '+']).unwrap_or(inner.len());
    let (name, operator) = inner.split_at(end);
    let value = values.get(name);
    let filled = value.filter(|value| !value.is_empty() || !operator.starts_with(':'));
    match operator.strip_prefix(':').unwrap_or(operator).split_at_checked(1) {
        None => value.cloned(),
        Some(("-", default)) => filled.cloned().or_else(|| Some(default.to_owned())),
        Some(("+", other)) => Some(filled.map_or_else(String::new, |_| other.to_owned())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_resolved_or_said_to_be_unknown() {
        let values = BTreeMap::from([("A".to_owned(), "x".to_owned()), ("E".to_owned(), String::new())]);
        let expand = |text| expand(text, &values);
        assert_eq!(expand("p:$A-${A}").as_deref(), Some("p:x-x"));
        assert_eq!(expand("${B:-d}${E:-d}${E-d}${A:+y}${B:+y}").as_deref(), Some("ddy"));
        for unknown in ["$B", "${B}", "${", "${A?x}", "$"] {
            assert_eq!(expand(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn variables_that_double_each_other_have_an_end() {
        let doubles: String = (1..64).map(|n| format!("ARG V{n}=$V{}$V{}\n", n - 1, n - 1)).collect();
        let file = Dockerfile::parse(&format!("ARG V0=base\n{doubles}FROM $V9 AS a\nFROM $V63\n"));
        let resolved = |target| file.references(target, &BTreeMap::new())[0].resolved.clone();
        assert_eq!(resolved(Some("a")), Some("base".repeat(512)));
        assert_eq!(resolved(None), None);
    }

    #[test]
    fn only_images_that_the_target_needs_are_listed() {
        let text = "ARG V=1\nARG P=py:${V}\nFROM $P AS a\nFROM unused AS b\nFROM scratch AS c\n\
            COPY --from=uv:0.5 /uv /\nCOPY --from=0 /x /\nRUN --mount=type=bind,from=tool,source=/ x\nFROM ${N}\n";
        let file = Dockerfile::parse(text);
        let of = |target, args: &[(&str, &str)]| {
            let args = args.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let all = file.references(target, &args).into_iter();
            all.map(|r| (r.resolved.unwrap_or("?".into()), r.line)).collect::<Vec<_>>()
        };
        let list = |v: &[(&str, u32)]| v.iter().map(|(name, line)| (name.to_string(), *line)).collect::<Vec<_>>();
        assert_eq!(of(Some("c"), &[]), list(&[("py:1", 3), ("uv:0.5", 6), ("tool", 8)]));
        assert_eq!(of(Some("a"), &[("V", "2")]), list(&[("py:2", 3)]));
        assert_eq!(of(None, &[]), list(&[("?", 9)]));
    }
}
