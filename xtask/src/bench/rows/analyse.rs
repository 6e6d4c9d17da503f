//! Reading images: an archive, an image of the engine, one of which a file changed, and two checks.

use super::project;
use super::{Bench, SETUP};
use crate::bench::images::Image;
use crate::bench::measure;
use crate::bench::place::Place;
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, rounds};
use crate::paths::checkout;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

pub const ARCHIVE: &str = "`verify` of an archive of 600 MB with 12,000 files, never read before";
pub const ENGINE: &str = "`verify` of the same image out of the engine, never read before";
pub const CHANGED: &str = "`verify` of it when one file of it changed, engine taught";
pub const CHECKS: &str = "two checks of two images that were read before, no evidence";
pub const COLD: &str = "the same with nothing known of their layers";

/// `docker save` of it, in bytes.
const SIZE: u64 = 600_000_000;
const FILES: usize = 12_000;

/// What comes of a run.
enum Verdict {
    /// Loadline's document: so many images, each with this size, if it is known.
    Loadline { images: usize, size: Option<u64> },
    /// Of dive, which says how much of the image is not wasted.
    Dive,
    /// Of so many lines.
    Lines(usize),
    /// container-structure-test: so many images passed.
    Passed(usize),
    /// Nothing is said.
    Silent,
}

type Prepare<'a> = Box<dyn FnMut() -> Result<()> + 'a>;
type Commands<'a> = Box<dyn FnMut() -> Vec<Command> + 'a>;

struct Reader<'a> {
    name: &'a str,
    prepare: Prepare<'a>,
    commands: Commands<'a>,
    verdict: Verdict,
}

impl Contender for Reader<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn prepare(&mut self) -> Result<()> {
        (self.prepare)()
    }

    fn commands(&mut self) -> Vec<Command> {
        (self.commands)()
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        match self.verdict {
            Verdict::Loadline { images, size } => verified(said, images, size),
            Verdict::Dive => {
                ensure!(said.contains("efficiency:"), "dive says nothing of the image:\n{}", run::last_lines(said, 5));
                Ok(None)
            }
            Verdict::Lines(least) => {
                let lines = said.lines().count();
                ensure!(lines >= least, "only {lines} of {least} files were listed");
                Ok(None)
            }
            Verdict::Passed(images) => {
                let passed = said.lines().filter(|line| line.trim() == "PASS").count();
                ensure!(passed == images, "{passed} of {images} images passed container-structure-test");
                Ok(None)
            }
            Verdict::Silent => Ok(None),
        }
    }
}

/// Whether Loadline checked all images; with how many bytes it counted.
fn verified(said: &str, images: usize, size: Option<u64>) -> Result<Option<String>> {
    let document: Value = serde_json::from_str(said).context("reading what Loadline wrote")?;
    let reports = document["images"].as_array().context("it wrote no list of images")?;
    let sizes: Vec<u64> = reports.iter().filter_map(|report| report["verdict"]["size"].as_u64()).collect();
    ensure!(sizes.len() == images, "{} of {images} images were checked", sizes.len());
    if let Some(size) = size {
        ensure!(sizes == [size], "it counts {sizes:?} bytes, not {size}");
    }
    Ok(None)
}

fn nothing<'a>() -> Prepare<'a> {
    Box::new(|| Ok(()))
}

fn dive<'a>(place: &'a Place, words: Vec<String>) -> Commands<'a> {
    Box::new(move || {
        let mut dive = place.command(&place.peers.dive);
        dive.env("CI", "true").args(&words);
        vec![dive]
    })
}

fn loadline<'a>(place: &'a Place, words: Vec<String>) -> Commands<'a> {
    Box::new(move || {
        let mut verify = place.command(&place.loadline);
        verify.args(["verify", "--format", "json"]).args(&words).env("LOADLINE_TEACH", "off");
        vec![tolerant(verify)]
    })
}

/// An image with findings is no failed run: the document says whether it was checked.
fn tolerant(verify: Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" 2>/dev/null || [ $? -eq 1 ]", "sh"]).arg(verify.get_program()).args(verify.get_args());
    for (name, value) in verify.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir("/");
    shell
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|&word| word.to_owned()).collect()
}

fn image(bench: &Bench) -> Result<Image> {
    Image::with_files(&bench.place, "analysed", SIZE, FILES)
}

pub fn archive(bench: &Bench) -> Result<Vec<Row>> {
    let place = &bench.place;
    let image = image(bench)?;
    let path = place.directory("archives")?.join("image.tar");
    let mut save = place.docker(&["save", "--output"]);
    run::output("saving the image", save.arg(&path).arg(&image.tag), SETUP)?;
    let file = path.display().to_string();
    let mut ours = Reader {
        name: "Loadline",
        prepare: nothing(),
        commands: loadline(place, words(&["--archive", &file])),
        verdict: Verdict::Loadline { images: 1, size: Some(image.size()?) },
    };
    let mut dive = Reader {
        name: "`dive`",
        prepare: nothing(),
        commands: dive(place, words(&["--source", "docker-archive", &file])),
        verdict: Verdict::Dive,
    };
    let mut tar = Reader {
        name: "`tar --list` of its layers",
        prepare: nothing(),
        commands: Box::new(|| tar_list(&path)),
        verdict: Verdict::Lines(FILES),
    };
    let all = rounds(bench.samples, &mut [&mut ours, &mut dive, &mut tar])?;
    fs::remove_file(&path).with_context(|| format!("removing `{file}`"))?;
    image.remove(place)?;
    Ok(vec![Row {
        at_least: vec![
            goal("3× faster than dive", Measure::Times { peer: 0, at_least: 3.0 }),
            goal("not slower than tar", Measure::Times { peer: 1, at_least: 1.0 }),
        ],
        ..Row::new("analyse-archive", ARCHIVE, all)
    }])
}

/// Lists what is in all layers of an archive of `docker save`.
fn tar_list(archive: &Path) -> Vec<Command> {
    let mut layers = Command::new("tar");
    layers.arg("--extract").arg("--to-stdout").arg("--file").arg(archive).args(["--wildcards", "*/layer.tar"]);
    let mut list = Command::new("tar");
    list.args(["--list", "--ignore-zeros", "--file", "-"]);
    vec![layers, list]
}

pub fn engine(bench: &Bench) -> Result<Vec<Row>> {
    let place = &bench.place;
    let image = image(bench)?;
    let tag = image.tag.clone();
    let mut ours = Reader {
        name: "Loadline",
        prepare: Box::new(|| place.forget_learned()),
        commands: loadline(place, words(&["--image", &tag])),
        verdict: Verdict::Loadline { images: 1, size: Some(image.size()?) },
    };
    let mut export = Reader {
        name: "the export alone (`docker save`)",
        prepare: nothing(),
        commands: Box::new(|| {
            let mut shell = place.command("sh");
            shell.args(["-c", "docker save \"$1\" >/dev/null", "sh", &tag]);
            vec![shell]
        }),
        verdict: Verdict::Silent,
    };
    let mut dive =
        Reader { name: "`dive`", prepare: nothing(), commands: dive(place, words(&[&tag])), verdict: Verdict::Dive };
    let all = rounds(bench.samples, &mut [&mut ours, &mut export, &mut dive])?;
    image.remove(place)?;
    Ok(vec![Row {
        at_least: vec![goal("within a tenth of the export alone", Measure::Times { peer: 0, at_least: 1.0 / 1.1 })],
        ..Row::new("analyse-engine", ENGINE, all)
    }])
}

pub fn changed(bench: &Bench) -> Result<Vec<Row>> {
    let place = &bench.place;
    let image = image(bench)?;
    place.forget_learned()?;
    let read = loadline(place, words(&["--image", &image.tag]))();
    measure::run("reading the image", read, SETUP)?;
    let mut teach = place.command(&place.loadline);
    run::output("teaching the engine", teach.args(["teach", &image.id]), SETUP)?;
    let now = std::cell::RefCell::new(None::<Image>);
    let change = || -> Result<()> {
        if let Some(before) = now.take() {
            before.forget(place)?;
        }
        *now.borrow_mut() = Some(image.top_change(place, "analysed-changed")?);
        Ok(())
    };
    let tag = format!("{}/analysed-changed", crate::bench::place::REPOSITORY);
    let mut ours = Reader {
        name: "Loadline",
        prepare: Box::new(change),
        commands: loadline(place, words(&["--image", &tag])),
        verdict: Verdict::Loadline { images: 1, size: None },
    };
    let mut dive =
        Reader { name: "`dive`", prepare: nothing(), commands: dive(place, words(&[&tag])), verdict: Verdict::Dive };
    let all = rounds(bench.samples, &mut [&mut ours, &mut dive])?;
    drop(ours);
    if let Some(last) = now.take() {
        last.forget(place)?;
    }
    image.remove(place)?;
    Ok(vec![Row {
        at_least: vec![goal("20× faster", Measure::Times { peer: 0, at_least: 20.0 })],
        ..Row::new("analyse-changed", CHANGED, all)
    }])
}

pub fn checks(bench: &Bench) -> Result<Vec<Row>> {
    let place = &bench.place;
    let project = project::todo(place.directory("todo")?, &checkout())?;
    project.build(place)?;
    let tags: Vec<String> = project.sources.iter().map(|source| project.theirs(source.name)).collect();
    let images: Vec<String> = tags.iter().flat_map(|tag| ["--image".to_owned(), tag.clone()]).collect();
    let script = project.structure_tests(place)?;
    let mut rows = Vec::new();
    for (id, work, cold) in [("checks", CHECKS, false), ("checks-cold", COLD, true)] {
        let forget = || if cold { place.forget_learned() } else { Ok(()) };
        let mut ours = Reader {
            name: "Loadline",
            prepare: Box::new(forget),
            commands: loadline(place, images.clone()),
            verdict: Verdict::Loadline { images: tags.len(), size: None },
        };
        let mut theirs = Reader {
            name: "container-structure-test",
            prepare: nothing(),
            commands: Box::new(|| {
                let mut shell = place.command("sh");
                shell.args(["-euc", &script]);
                vec![shell]
            }),
            verdict: Verdict::Passed(tags.len()),
        };
        let all = rounds(bench.samples, &mut [&mut ours, &mut theirs])?;
        let goals = [goal("20× faster", Measure::Times { peer: 0, at_least: 20.0 })];
        let at_least = goals.into_iter().filter(|_| !cold).collect();
        rows.push(Row { at_least, ..Row::new(id, work, all) });
    }
    project.remove(place)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_counts_images_and_their_bytes() {
        let said = "{\"images\":[{\"image\":\"a\",\"verdict\":{\"size\":7}},{\"image\":\"b\",\"failure\":{}}]}";
        assert!(verified(said, 1, Some(7)).is_ok());
        assert!(verified(said, 2, None).is_err());
        assert!(verified(said, 1, Some(8)).is_err());
        assert!(verified("nothing", 0, None).is_err());
    }
}
