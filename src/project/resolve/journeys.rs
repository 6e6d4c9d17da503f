//! The files of journeys.

use super::Resolver;
use crate::project::problem::Wrong;
use crate::project::written;
use std::path::{Path, PathBuf};

const PATH: &str = "e2e.journeys";

impl Resolver<'_> {
    /// The files that are named, and those in the directories that are, in the order of their names.
    pub(super) fn journeys(&mut self, e2e: &written::E2e) -> Vec<PathBuf> {
        self.written(PATH);
        e2e.journeys.iter().flat_map(|text| self.files_of(text)).collect()
    }

    fn files_of(&mut self, text: &str) -> Vec<PathBuf> {
        let path = self.absolute(text);
        let found = if path.is_file() { vec![path] } else { in_directory(&path) };
        if found.is_empty() {
            self.wrong_part(PATH, text, Wrong::Journeys { path: text.to_owned() });
        }
        found
    }
}

fn in_directory(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_toml).collect();
    found.sort();
    found
}
