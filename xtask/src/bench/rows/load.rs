//! Loads of a 280 MB image into a containerd node: first, nothing changed, a small file changed, a
//! layer in the middle changed; and the memory of all of them.

use super::Bench;
use crate::bench::images::Image;
use crate::bench::measure;
use crate::bench::node::{CLUSTER, Node};
use crate::bench::place::Place;
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, Series, rounds};
use anyhow::{Context, Result};
use std::process::Command;

const SAVE: &str = "`docker save \\| ctr images import`";
const KIND: &str = "`kind load docker-image`";

enum Way {
    /// With `CI` set it does not teach the engine in the background.
    Loadline {
        ci: bool,
    },
    Kind,
    SaveAndImport,
}

/// What is loaded in each round.
type Make<'a> = Box<dyn FnMut() -> Result<Image> + 'a>;

struct Load<'a> {
    place: &'a Place,
    node: &'a Node<'a>,
    name: &'static str,
    way: Way,
    make: Make<'a>,
    image: Option<Image>,
    /// Whether anything was seen to be done in the background after a load before.
    taught: bool,
}

impl<'a> Load<'a> {
    fn new(bench: &'a Bench, node: &'a Node<'a>, name: &'static str, way: Way, make: Make<'a>) -> Self {
        Self { place: &bench.place, node, name, way, make, image: None, taught: false }
    }

    /// Loads once, untimed; what is loaded stays on the node.
    fn once(&mut self) -> Result<()> {
        self.prepare()?;
        let said = measure::run(self.name, self.commands(), super::SETUP)?.said;
        self.check(&said)?;
        self.node.keep_all()
    }
}

impl Contender for Load<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn prepare(&mut self) -> Result<()> {
        self.node.forget_new()?;
        self.image = Some((self.make)()?);
        Ok(())
    }

    fn commands(&mut self) -> Vec<Command> {
        let tag = self.image.as_ref().map_or("", |image| &image.tag);
        match self.way {
            Way::Loadline { ci } => vec![loadline(self.place, tag, ci)],
            Way::Kind => {
                let mut kind = self.place.command(&self.place.peers.kind);
                kind.args(["load", "docker-image", tag, "--name", CLUSTER]);
                vec![kind]
            }
            Way::SaveAndImport => {
                vec![
                    self.place.docker(&["save", tag]),
                    self.node.exec(&["ctr", "-n", "k8s.io", "images", "import", "-"]),
                ]
            }
        }
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let image = self.image.as_ref().context("no image was made")?;
        self.node.has(&image.tag, &image.id)?;
        let Way::Loadline { ci } = self.way else { return Ok(None) };
        let note = format!("{}, {}", how(said), engine(ci, self.taught));
        self.taught |= self.place.wait_for_background()?;
        Ok(Some(note))
    }
}

fn loadline(place: &Place, tag: &str, ci: bool) -> Command {
    let target = format!("kind:{CLUSTER}");
    let mut command = place.command(&place.loadline);
    command.args(["load", "--image", tag, "--target", &target]);
    if ci {
        command.env("CI", "true");
    }
    command
}

/// What Loadline says of how it loaded: the last bracket.
fn how(said: &str) -> String {
    let bracket = said.lines().filter_map(|line| line.rsplit_once(" (")?.1.strip_suffix(')')).next_back();
    bracket.unwrap_or("it does not say how").to_owned()
}

fn engine(ci: bool, taught: bool) -> &'static str {
    match (ci, taught) {
        (true, _) => "engine not taught (`CI` set)",
        (false, true) => "engine taught in the background before",
        (false, false) => "nothing seen that teaches the engine",
    }
}

/// Puts `image` on the node, to stay there. Says whether Loadline did anything in the background
/// then; it is done.
fn keep(bench: &Bench, node: &Node, image: &Image, ci: bool) -> Result<bool> {
    let mut load = loadline(&bench.place, &image.tag, ci);
    crate::run::output("loading an image", &mut load, super::SETUP)?;
    let any = bench.place.wait_for_background()?;
    node.has(&image.tag, &image.id)?;
    node.keep_all()?;
    Ok(any)
}

/// The first load, into a node that has nothing of the image.
pub fn first(bench: &Bench, node: &Node) -> Result<Vec<Row>> {
    node.reset()?;
    let image = Image::big(&bench.place, "first:1")?;
    // The second would be no first load if Loadline still knew what it learned from the one before.
    let make = || -> Make {
        Box::new(|| {
            bench.place.forget_learned()?;
            Ok(image.clone())
        })
    };
    let mut ours = Load::new(bench, node, "Loadline", Way::Loadline { ci: true }, make());
    let mut save = Load::new(bench, node, SAVE, Way::SaveAndImport, make());
    let all = rounds(bench.samples, &mut [&mut ours, &mut save])?;
    node.forget_new()?;
    image.remove(&bench.place)?;
    Ok(vec![Row {
        at_least: vec![goal("not slower", Measure::Times { peer: 0, at_least: 1.0 })],
        aims: vec![goal("0.7 of its time", Measure::Times { peer: 0, at_least: 1.0 / 0.7 })],
        ..Row::new("load-first", "first load of a 280 MB image (five layers, random data)", all)
    }])
}

/// The same image again: the node is asked, and has it.
pub fn nothing(bench: &Bench, node: &Node) -> Result<Vec<Row>> {
    node.reset()?;
    // Each has an image of its own: to the others' manifests of it one would have to move its names.
    let (image, _) = base(bench, node, "nothing:1", true)?;
    let (of_kind, of_save) =
        (image.small_change(&bench.place, "nothing-kind:1")?, image.small_change(&bench.place, "nothing-save:1")?);
    let mut ours = Load::new(bench, node, "Loadline", Way::Loadline { ci: true }, Box::new(|| Ok(image.clone())));
    let mut kind = Load::new(bench, node, KIND, Way::Kind, Box::new(|| Ok(of_kind.clone())));
    let mut save = Load::new(bench, node, SAVE, Way::SaveAndImport, Box::new(|| Ok(of_save.clone())));
    kind.once()?;
    save.once()?;
    let all = rounds(bench.samples, &mut [&mut ours, &mut kind, &mut save])?;
    [&of_kind, &of_save].into_iter().try_for_each(|image| image.forget(&bench.place))?;
    image.remove(&bench.place)?;
    Ok(vec![Row {
        at_least: vec![
            goal("not slower than `kind`", Measure::Times { peer: 0, at_least: 1.0 }),
            goal("30× faster than save and import", Measure::Times { peer: 1, at_least: 30.0 }),
        ],
        aims: vec![goal("100 ms", Measure::Within { ms: 100.0 })],
        ..Row::new("load-nothing", "load of a 280 MB image, nothing changed, node asked", all)
    }])
}

/// A small file in the top layer changed, with an engine that was taught and with one that was not.
pub fn small(bench: &Bench, node: &Node) -> Result<Vec<Row>> {
    node.reset()?;
    let (untaught, _) = base(bench, node, "untaught:0", true)?;
    let (taught, is_taught) = base(bench, node, "taught:0", false)?;
    let mut first =
        Load::new(bench, node, "Loadline", Way::Loadline { ci: true }, changes(bench, &untaught, "untaught", false));
    let mut second =
        Load::new(bench, node, "Loadline", Way::Loadline { ci: false }, changes(bench, &taught, "taught", false));
    second.taught = is_taught;
    let mut kind = Load::new(bench, node, KIND, Way::Kind, changes(bench, &taught, "kind", false));
    let mut all = rounds(bench.samples, &mut [&mut first, &mut second, &mut kind])?;
    [&untaught, &taught].into_iter().try_for_each(|image| image.remove(&bench.place))?;
    let untaught = vec![all.remove(0), all[1].clone()];
    let work = "load of a 280 MB image, a small file changed, engine not taught";
    let untaught = Row::new("load-small-untaught", work, untaught);
    let taught = Row {
        at_least: vec![goal("20× faster", Measure::Times { peer: 0, at_least: 20.0 })],
        aims: vec![goal("200 ms", Measure::Within { ms: 200.0 })],
        ..Row::new("load-small", "load of a 280 MB image, a small file changed, engine taught", all)
    };
    Ok(vec![untaught, taught])
}

/// A layer of 70 MB in the middle changed.
pub fn middle(bench: &Bench, node: &Node) -> Result<Vec<Row>> {
    node.reset()?;
    let (image, is_taught) = base(bench, node, "middle:0", false)?;
    let mut ours =
        Load::new(bench, node, "Loadline", Way::Loadline { ci: false }, changes(bench, &image, "middle", true));
    ours.taught = is_taught;
    let mut kind = Load::new(bench, node, KIND, Way::Kind, changes(bench, &image, "kind-middle", true));
    let all = rounds(bench.samples, &mut [&mut ours, &mut kind])?;
    image.remove(&bench.place)?;
    Ok(vec![Row {
        at_least: vec![goal("2× faster", Measure::Times { peer: 0, at_least: 2.0 })],
        aims: vec![goal("1.5 s", Measure::Within { ms: 1500.0 })],
        ..Row::new("load-middle", "load of a 280 MB image, a 70 MB layer in the middle changed", all)
    }])
}

/// The memory of all loads that were measured.
pub fn memory(rows: &[&Row]) -> Option<Row> {
    let loads: Vec<&&Row> = rows.iter().filter(|row| row.id.starts_with("load-")).collect();
    let ours = Series::of_all("Loadline", loads.iter().map(|row| &row.ours))?;
    let named =
        |name: &str| Series::of_all(name, loads.iter().flat_map(|row| &row.peers).filter(|peer| peer.name == name));
    Some(Row {
        id: "load-memory",
        work: "memory of any of these loads",
        ours,
        peers: [KIND, SAVE].into_iter().filter_map(named).collect(),
        at_least: vec![goal("under 24 MB", Measure::Memory { below: 24e6 })],
        aims: vec![goal("10 MB", Measure::Memory { below: 10e6 })],
        memory_only: true,
    })
}

/// A big image that is in the engine, and on the node to stay; and whether the engine was taught.
fn base(bench: &Bench, node: &Node, name: &str, ci: bool) -> Result<(Image, bool)> {
    let image = Image::big(&bench.place, name)?;
    let taught = keep(bench, node, &image, ci)?;
    Ok((image, taught))
}

/// Ever new changes of `image`; the engine has only the newest.
fn changes<'a>(bench: &'a Bench, image: &'a Image, name: &'static str, in_the_middle: bool) -> Make<'a> {
    let (mut count, mut last) = (0, None::<Image>);
    Box::new(move || {
        if let Some(last) = last.take() {
            last.forget(&bench.place)?;
        }
        count += 1;
        let tag = format!("{name}:{count}");
        let made = if in_the_middle {
            image.middle_change(&bench.place, &tag)?
        } else {
            image.small_change(&bench.place, &tag)?
        };
        last = Some(made.clone());
        Ok(made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_was_loaded_is_read_from_what_is_said() {
        let said = "a: loading (odd)\na: node: 9 KB sent in 0.2s (thin: 4 of 5 layers were there)\n 1 image in 0.2s\n";
        assert_eq!(how(said), "thin: 4 of 5 layers were there");
        assert_eq!(how("done\n"), "it does not say how");
    }
}
