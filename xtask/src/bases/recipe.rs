//! What a stand-in is made from: a directory of `xtask/bases` with `recipe.json` and hooks.

use super::archive;
use crate::host;
use crate::paths::xtask;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Those that take longest first.
const NAMES: [&str; 4] = ["node", "python", "postgres", "nginx"];
pub const SUITE: &str = "trixie";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tag: String,
    program: String,
    package: String,
    packages: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    config: Value,
}

pub struct Recipe {
    pub name: &'static str,
    /// The official name that the stand-in gets.
    pub tag: String,
    /// What people call the program inside.
    pub program: String,
    /// The package whose version is the program's.
    pub package: String,
    pub packages: Vec<String>,
    /// Paths that are left out, beside documentation.
    pub exclude: Vec<String>,
    /// The image's config as the official image has it; `{version}` stands for the program's.
    pub config: Value,
    /// Changes when anything does that the stand-in is made from.
    pub key: String,
}

impl Recipe {
    pub fn directory(&self) -> PathBuf {
        xtask("bases").join(self.name)
    }
}

pub fn all() -> Result<Vec<Recipe>> {
    NAMES.into_iter().map(read).collect()
}

fn read(name: &'static str) -> Result<Recipe> {
    let path = xtask("bases").join(name).join("recipe.json");
    let text = fs::read(&path).with_context(|| format!("reading the recipe `{}`", path.display()))?;
    let written: Written =
        serde_json::from_slice(&text).with_context(|| format!("reading the recipe `{}`", path.display()))?;
    Ok(Recipe {
        name,
        tag: written.tag,
        program: written.program,
        package: written.package,
        packages: written.packages,
        exclude: written.exclude,
        config: written.config,
        key: key(name)?,
    })
}

fn key(name: &str) -> Result<String> {
    let mut text = fs::read(CERTIFICATES).unwrap_or_default();
    text.extend(archive::form().bytes());
    for directory in [xtask("bases"), xtask("bases").join(name)] {
        for file in files(&directory)? {
            text.extend(file.file_name().unwrap_or_default().as_encoded_bytes());
            text.extend(fs::read(&file).with_context(|| format!("reading `{}`", file.display()))?);
        }
    }
    Ok(host::short_digest(&text))
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_recipe_is_read_and_has_its_own_key() {
        let recipes = super::all().unwrap();
        let mut keys: Vec<&str> = recipes.iter().map(|recipe| recipe.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), recipes.len());
    }
}
