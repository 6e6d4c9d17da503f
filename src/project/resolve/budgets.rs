//! What parts of an image must be less than.

use super::{Resolver, values};
use crate::project::plan::Budgets;
use crate::project::problem::Wrong;
use crate::project::spans::join;
use crate::project::written;
use crate::types::ByteSize;
use std::collections::BTreeMap;

/// The package managers whose packages are known.
const MANAGERS: [&str; 4] = ["apk", "dpkg", "npm", "pip"];

impl Resolver<'_> {
    pub(super) fn budgets(&mut self, path: &str, written: written::Budgets) -> Budgets {
        let written::Budgets { growth, lines, folders, packages } = written;
        Budgets {
            growth: self.parse(&join(path, "growth"), growth, values::limit),
            lines: self.parts(&join(path, "lines"), lines, |text| Ok(text.trim().to_owned())),
            folders: self.parts(&join(path, "folders"), folders, folder),
            packages: self.parts(&join(path, "packages"), packages, package),
        }
    }

    fn parts(
        &mut self,
        path: &str,
        written: BTreeMap<String, String>,
        key: impl Fn(&str) -> Result<String, Wrong>,
    ) -> BTreeMap<String, ByteSize> {
        let mut found = BTreeMap::new();
        for (name, size) in written {
            let place = join(path, &name);
            let size = self.parse(&place, Some(size), values::limit);
            match (key(&name), size) {
                (Ok(name), Some(size)) => drop(found.insert(name, size)),
                (Err(wrong), _) => self.wrong_key(&place, wrong),
                (Ok(_), None) => {}
            }
        }
        found
    }
}

fn folder(text: &str) -> Result<String, Wrong> {
    match text.strip_prefix('/').map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() => Ok(format!("/{rest}")),
        _ => Err(Wrong::Value { what: "a folder of an image begins with `/`, and all of it has `budget`" }),
    }
}

fn package(text: &str) -> Result<String, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [manager] | [manager, _] if MANAGERS.contains(manager) => Ok(words.join(" ")),
        _ => Err(Wrong::Value {
            what: "packages are named `MANAGER` or `MANAGER NAME`, with `apk`, `dpkg`, `npm` or `pip`",
        }),
    }
}
