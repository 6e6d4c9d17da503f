//! Builds of two images in which nothing changed.

use super::Bench;
use super::project::{self, Asked, Bake, Build, Project, Source};
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Series, rounds};
use crate::paths::checkout;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

pub const NOTHING: &str = "`build`, two images, nothing changed";
pub const ASKED: &str = "the same when BuildKit has to be asked, 300 MB context \
    (a build argument that no instruction uses is another one in each run)";

/// A file that is younger than this when a build begins may change again in the same tick: Loadline
/// does not trust its times.
pub const AGE: Duration = Duration::from_secs(4);

pub fn nothing(bench: &Bench) -> Result<Vec<Row>> {
    let project = project::todo(bench.place.directory("todo")?, &checkout())?;
    let all = measure(bench, &project, Asked::No)?;
    Ok(vec![Row {
        at_least: vec![
            goal("5× faster", Measure::Times { peer: 0, at_least: 5.0 }),
            goal("a third of the memory", Measure::MemoryShare { peer: 0, at_most: 1.0 / 3.0 }),
        ],
        aims: vec![goal("50 ms", Measure::Within { ms: 50.0 })],
        ..Row::new("build", NOTHING, all)
    }])
}

pub fn asked(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.place.directory("asked")?;
    let project = with_big_context(&directory)?;
    std::thread::sleep(AGE);
    let all = measure(bench, &project, Asked::ByArgument)?;
    fs::remove_dir_all(&directory).with_context(|| format!("removing `{}`", directory.display()))?;
    Ok(vec![Row {
        at_least: vec![goal("faster", Measure::Times { peer: 0, at_least: 1.0 })],
        aims: vec![goal("120 ms", Measure::Within { ms: 120.0 })],
        ..Row::new("build-asked", ASKED, all)
    }])
}

fn measure(bench: &Bench, project: &Project, asked: Asked) -> Result<Vec<Series>> {
    project.build(&bench.place)?;
    let (mut ours, mut bake) = (Build::new(bench, project, asked)?, Bake::new(bench, project, asked)?);
    let all = rounds(bench.samples, &mut [&mut ours, &mut bake])?;
    project.remove(&bench.place)?;
    Ok(all)
}

/// Two images of one context: 3,000 files of 100 KB, all of which are copied.
fn with_big_context(directory: &Path) -> Result<Project> {
    let context = directory.join("context");
    let mut random = File::open("/dev/urandom").context("opening `/dev/urandom`")?;
    for folder in 0..30 {
        let folder = context.join(format!("folder{folder:02}"));
        fs::create_dir_all(&folder).with_context(|| format!("creating `{}`", folder.display()))?;
        for file in 0..100 {
            let path = folder.join(format!("file{file:02}"));
            let copied =
                File::create(&path).and_then(|mut file| io::copy(&mut random.by_ref().take(100_000), &mut file));
            copied.with_context(|| format!("writing `{}`", path.display()))?;
        }
    }
    let source = |name: &'static str| -> Result<Source> {
        let dockerfile = directory.join(format!("{name}.Dockerfile"));
        fs::write(&dockerfile, format!("FROM scratch\nCOPY . /data\nLABEL name={name}\nUSER 1000:1000\n"))
            .with_context(|| format!("writing `{}`", dockerfile.display()))?;
        let (args, secrets, settings) = (BTreeMap::new(), BTreeMap::new(), String::new());
        Ok(Source { name, context: context.clone(), dockerfile, args, secrets, settings })
    };
    Project::write(directory.to_owned(), vec![source("one")?, source("two")?])
}
