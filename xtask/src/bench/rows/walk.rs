//! A context of 100,000 files of which none changed, against `git status` on the same tree.

use super::build::AGE;
use super::project::{Asked, Build, Project, Source};
use super::{Bench, SETUP};
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, rounds};
use crate::run;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const WORK: &str = "walk and check of 100,000 files, nothing changed (`build` of an image that copies them)";

struct Status<'a> {
    bench: &'a Bench,
    tree: PathBuf,
    untracked_cache: bool,
}

impl Contender for Status<'_> {
    fn name(&self) -> &str {
        if self.untracked_cache { "`git status` with the untracked cache" } else { "`git status`" }
    }

    /// The index is as fresh as it can be, and of the kind that is measured.
    fn prepare(&mut self) -> Result<()> {
        let how = if self.untracked_cache { "--untracked-cache" } else { "--no-untracked-cache" };
        run::output("preparing the index", &mut git(self.bench, &self.tree, &["update-index", how]), SETUP)?;
        run::output("refreshing the index", &mut self.status(), SETUP).map(drop)
    }

    fn commands(&mut self) -> Vec<Command> {
        vec![self.status()]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        ensure!(said.trim().is_empty(), "it found changes");
        Ok(None)
    }
}

impl Status<'_> {
    fn status(&self) -> Command {
        let cache = format!("core.untrackedCache={}", if self.untracked_cache { "true" } else { "false" });
        git(self.bench, &self.tree, &["-c", &cache, "status", "--porcelain"])
    }
}

pub fn nothing(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.place.directory("walk")?;
    let tree = plant(&directory)?;
    let project = project(&directory, &tree)?;
    std::thread::sleep(AGE);
    run::output("building an image of the tree", &mut project.loadline(&bench.place, &["build"]), SETUP)?;
    let mut ours = Build::new(bench, &project, Asked::No)?;
    let mut status = Status { bench, tree: tree.clone(), untracked_cache: false };
    let mut cached = Status { bench, tree: tree.clone(), untracked_cache: true };
    commit(bench, &tree)?;
    let all = rounds(bench.samples, &mut [&mut ours, &mut status, &mut cached])?;
    let remove = bench.place.docker(&["image", "rm", "--force", &project.ours("tree")]);
    run::output("removing the image of the tree", &mut { remove }, SETUP)?;
    fs::remove_dir_all(&directory).with_context(|| format!("removing `{}`", directory.display()))?;
    Ok(vec![Row {
        at_least: vec![goal("within 2×", Measure::Times { peer: 0, at_least: 0.5 })],
        aims: vec![goal("equal", Measure::Times { peer: 0, at_least: 1.0 })],
        ..Row::new("walk", WORK, all)
    }])
}

/// 100 directories with 10 directories of 100 small files each.
fn plant(directory: &Path) -> Result<PathBuf> {
    let tree = directory.join("tree");
    let mut number = 0;
    for (upper, lower) in (0..100).flat_map(|upper| (0..10).map(move |lower| (upper, lower))) {
        let folder = tree.join(format!("part{upper:02}/module{lower}"));
        fs::create_dir_all(&folder).with_context(|| format!("creating `{}`", folder.display()))?;
        for file in 0..100 {
            let path = folder.join(format!("source{file:02}.txt"));
            fs::write(&path, format!("{number}\n")).with_context(|| format!("writing `{}`", path.display()))?;
            number += 1;
        }
    }
    let ignore = tree.join(".dockerignore");
    fs::write(&ignore, ".git\n").with_context(|| format!("writing `{}`", ignore.display()))?;
    Ok(tree)
}

fn project(directory: &Path, tree: &Path) -> Result<Project> {
    let dockerfile = directory.join("tree.Dockerfile");
    fs::write(&dockerfile, "FROM scratch\nCOPY . /tree\nUSER 1000:1000\n")
        .with_context(|| format!("writing `{}`", dockerfile.display()))?;
    let (args, secrets, settings) = (BTreeMap::new(), BTreeMap::new(), String::new());
    let source = Source { name: "tree", context: tree.to_owned(), dockerfile, args, secrets, settings };
    Project::write(directory.to_owned(), vec![source])
}

fn git(bench: &Bench, tree: &Path, words: &[&str]) -> Command {
    let mut git = bench.place.command("git");
    // The user's own settings, such as a monitor of the file system, are no part of this.
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    // Nor may it tidy up in the background while others are measured.
    git.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
    git.args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"]).args(words).current_dir(tree);
    git
}

fn commit(bench: &Bench, tree: &Path) -> Result<()> {
    let steps: [&[&str]; 3] =
        [&["init", "--quiet"], &["add", "--all"], &["commit", "--quiet", "--message", "all of it"]];
    for words in steps {
        run::output("keeping the tree in git", &mut git(bench, tree, words), SETUP)?;
    }
    Ok(())
}
