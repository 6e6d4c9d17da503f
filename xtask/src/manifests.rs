//! `cargo xtask manifests`: the charts as plain manifests, for those who have no Helm.

use crate::helm;
use crate::paths::{Cache, checkout};
use crate::run;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CHARTS: &str = "k8s/charts";
const MANIFESTS: &str = "k8s/manifests";

#[derive(Args)]
pub struct Options {
    /// Write nothing, and fail if a manifest is not what its chart renders
    #[arg(long)]
    check: bool,
}

pub fn run(cache: &Cache, options: &Options) -> Result<()> {
    let rendered = render(&helm::ensure(cache)?)?;
    let directory = checkout().join(MANIFESTS);
    let differing = differing(&read(&directory)?, &rendered);
    if !options.check {
        return write(&directory, &differing, &rendered);
    }
    if !differing.is_empty() {
        bail!(
            "comparing manifests with charts: not what their charts render: {}\nhint: `cargo xtask manifests` renders them again",
            differing.iter().map(|name| format!("{MANIFESTS}/{name}")).collect::<Vec<_>>().join(", ")
        );
    }
    Ok(())
}

/// Each chart with its default values, by the name of its file.
fn render(helm: &Path) -> Result<BTreeMap<String, String>> {
    let charts = checkout().join(CHARTS);
    let names = entries(&charts)?;
    names.into_iter().map(|name| Ok((format!("{name}.yaml"), template(helm, &charts, &name)?))).collect()
}

fn template(helm: &Path, charts: &Path, name: &str) -> Result<String> {
    let mut command = Command::new(helm);
    // What a test asks of a release is Helm's own business.
    command.args(["template", name, name, "--skip-tests"]).current_dir(charts);
    let text = run::output(&format!("rendering the chart `{name}`"), &mut command, Duration::from_secs(60))?;
    Ok(format!("# Made by `cargo xtask manifests` from {CHARTS}/{name}, which is where to change it.\n{text}"))
}

fn read(directory: &Path) -> Result<BTreeMap<String, String>> {
    let text = |name: &String| {
        let path = directory.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))
    };
    entries(directory)?.into_iter().map(|name| Ok((name.clone(), text(&name)?))).collect()
}

fn entries(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("listing `{}`", directory.display()))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// The files that one side lacks or has otherwise.
fn differing(kept: &BTreeMap<String, String>, rendered: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<&String> = kept.keys().chain(rendered.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| kept.get(*name) != rendered.get(*name)).cloned().collect()
}

fn write(directory: &Path, differing: &[String], rendered: &BTreeMap<String, String>) -> Result<()> {
    for name in differing {
        let path = directory.join(name);
        match rendered.get(name) {
            Some(text) => fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))?,
            None => fs::remove_file(&path).with_context(|| format!("removing `{}`", path.display()))?,
        }
        println!("{MANIFESTS}/{name}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_differs_is_missing_or_is_left_over_is_named() {
        let kept = files(&[("same", "1"), ("differs", "1"), ("left-over", "1")]);
        let rendered = files(&[("same", "1"), ("differs", "2"), ("missing", "1")]);
        assert_eq!(differing(&kept, &rendered), ["differs", "left-over", "missing"]);
    }

    #[test]
    fn the_files_become_what_the_charts_render() {
        let directory = std::env::temp_dir().join(format!("loadline-manifests-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("left-over"), "1").unwrap();
        let rendered = files(&[("missing", "1")]);
        write(&directory, &differing(&read(&directory).unwrap(), &rendered), &rendered).unwrap();
        assert_eq!(read(&directory).unwrap(), rendered);
        fs::remove_dir_all(&directory).unwrap();
    }
}
