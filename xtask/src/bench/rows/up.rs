//! `up` with nothing to do, against the tools that a script would call one after the other.

use super::project::{self, Project};
use super::{Bench, SETUP};
use crate::bench::node::{CLUSTER, Node};
use crate::bench::row::{Measure, Row, goal};
use crate::bench::series::{Contender, rounds};
use crate::paths::checkout;
use crate::run;
use anyhow::{Result, ensure};
use std::process::Command;

pub const WORK: &str = "`up`, two images, nothing to do, node asked";

struct Up<'a> {
    bench: &'a Bench,
    project: &'a Project,
    node: &'a Node<'a>,
    ids: Vec<String>,
}

impl Contender for Up<'_> {
    fn name(&self) -> &str {
        "Loadline"
    }

    fn commands(&mut self) -> Vec<Command> {
        vec![up(self.bench, self.project)]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let unchanged = said.lines().filter(|line| line.contains("nothing to build")).count();
        ensure!(unchanged == self.ids.len(), "only {unchanged} images had nothing to build");
        ensure!(!said.contains("smoking"), "it ran a smoke test");
        has(self.node, self.project, &self.ids, |name| self.project.ours(name))?;
        self.bench.place.wait_for_background()?;
        Ok(None)
    }
}

struct InARow<'a> {
    bench: &'a Bench,
    project: &'a Project,
    node: &'a Node<'a>,
    script: String,
    ids: Vec<String>,
}

impl Contender for InARow<'_> {
    fn name(&self) -> &str {
        "`bake`, container-structure-test, `kind load` in a row"
    }

    fn commands(&mut self) -> Vec<Command> {
        let mut shell = self.bench.place.command("sh");
        shell.args(["-euc", &self.script]).current_dir(&self.project.directory);
        vec![shell]
    }

    fn check(&mut self, said: &str) -> Result<Option<String>> {
        let passed = said.lines().filter(|line| line.trim() == "PASS").count();
        ensure!(passed == self.ids.len(), "{passed} of {} images passed container-structure-test", self.ids.len());
        has(self.node, self.project, &self.ids, |name| self.project.theirs(name))?;
        Ok(None)
    }
}

pub fn nothing(bench: &Bench, node: &Node) -> Result<Vec<Row>> {
    node.reset()?;
    let project = project::todo(bench.place.directory("todo")?, &checkout())?;
    project.build(&bench.place)?;
    run::output("bringing the images to the node", &mut up(bench, &project), SETUP)?;
    bench.place.wait_for_background()?;
    let ids = |whose: fn(&Project, &str) -> String| project.ids(&bench.place, |name| whose(&project, name));
    let (script, node_) = (script(bench, &project)?, node);
    let mut ours = Up { bench, project: &project, node: node_, ids: ids(Project::ours)? };
    let mut row = InARow { bench, project: &project, node: node_, script, ids: ids(Project::theirs)? };
    let all = rounds(bench.samples, &mut [&mut ours, &mut row])?;
    project.remove(&bench.place)?;
    Ok(vec![Row {
        at_least: vec![goal("5× faster", Measure::Times { peer: 0, at_least: 5.0 })],
        aims: vec![goal("200 ms", Measure::Within { ms: 200.0 })],
        ..Row::new("up", WORK, all)
    }])
}

fn up(bench: &Bench, project: &Project) -> Command {
    project.loadline(&bench.place, &["up", "--target", &format!("kind:{CLUSTER}")])
}

/// What does the same with the peers.
fn script(bench: &Bench, project: &Project) -> Result<String> {
    let tags: Vec<String> = project.sources.iter().map(|source| project.theirs(source.name)).collect();
    let script = "docker buildx bake --file bake.json\n".to_owned() + &project.structure_tests(&bench.place)?;
    Ok(script
        + &format!("'{}' load docker-image {} --name {CLUSTER}\n", bench.place.peers.kind.display(), tags.join(" ")))
}

fn has(node: &Node, project: &Project, ids: &[String], tag: impl Fn(&str) -> String) -> Result<()> {
    project.sources.iter().zip(ids).try_for_each(|(source, id)| node.has(&tag(source.name), id))
}
