//! `e2e`: journeys through a deployed application. A journey is a list of HTTP requests, each with
//! what its answer must be, written in a file. Where the application answers is given from outside:
//! this room knows addresses, and nothing of clusters.

mod address;
mod client;
mod json;
mod judge;
mod mask;
mod plan;
mod problem;
mod ready;
mod report;
mod resolve;
mod run;
mod template;
mod text;
mod values;
mod written;

pub use address::{Address, AddressError};
pub use problem::{Problem, Wrong};
pub use ready::{Ready, addresses};
pub use written::schema;

use crate::project::{Problem as SettingsProblem, Source, Spans, document, nearest};
use plan::{File, Journey};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Journeys that were read and make sense, in their files.
#[derive(Debug)]
pub struct Suite {
    files: Vec<File>,
}

impl Suite {
    /// Reads `paths`, which are relative to `directory`.
    pub fn read(paths: &[PathBuf], directory: &Path) -> Result<Self, Vec<Problem>> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            match read(path, directory) {
                Ok(file) => files.push(file),
                Err(wrong) => problems.extend(wrong),
            }
        }
        problems.extend(shared_names(&files));
        if problems.is_empty() { Ok(Self { files }) } else { Err(problems) }
    }

    /// The same with only those journeys that `names` name; with all if it names none.
    pub fn only(mut self, names: &[String]) -> Result<Self, Vec<Problem>> {
        let known: Vec<&str> = self.journeys().map(|journey| journey.name.as_str()).collect();
        let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
        let problems: Vec<Problem> = unknown.map(|name| unknown_journey(name, &known)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        if !names.is_empty() {
            self.files.iter_mut().for_each(|file| file.journeys.retain(|journey| names.contains(&journey.name)));
        }
        Ok(self)
    }

    /// The services that steps name. Steps that name none ask the only one whose address is known.
    pub fn services(&self) -> BTreeSet<&str> {
        self.journeys().flat_map(|journey| &journey.steps).filter_map(|step| step.service.as_deref()).collect()
    }

    fn journeys(&self) -> impl Iterator<Item = &Journey> {
        self.files.iter().flat_map(|file| &file.journeys)
    }
}

fn read(path: &Path, directory: &Path) -> Result<File, Vec<Problem>> {
    let unreadable = |source| vec![Wrong::Unreadable { file: path.to_owned(), source }.into()];
    let text = std::fs::read_to_string(directory.join(path)).map_err(unreadable)?;
    let source = Source { name: path.display().to_string(), text };
    let written = |problems: Vec<SettingsProblem>| {
        let mut problems: Vec<Problem> = problems.into_iter().map(|one| Wrong::Written(one).into()).collect();
        problems.sort_by_key(Problem::line);
        problems
    };
    let table = document::parse(&source).map_err(written)?;
    let spans = Spans::of(table.get_ref());
    // What is missing may be what is there under another name, so that is said alone.
    match document::shape(table, &source, &schema()) {
        (Some(file), problems) if problems.is_empty() => resolve::resolve(file, source, spans),
        (_, problems) => Err(written(problems)),
    }
}

/// Journeys are told apart by their names.
fn shared_names(files: &[File]) -> Vec<Problem> {
    let all = files.iter().flat_map(|file| file.journeys.iter().map(move |journey| (file, journey)));
    let all: Vec<(&File, &Journey)> = all.collect();
    let later = all.iter().enumerate().filter_map(|(number, (file, journey))| {
        let (first, _) = all[..number].iter().find(|(_, one)| one.name == journey.name)?;
        let (name, first, second) = (journey.name.clone(), first.source.name.clone(), file.source.name.clone());
        Some(Problem::new(Wrong::SharedName { name, first, second }, file.snippet(&journey.path, "name")))
    });
    later.collect()
}

fn unknown_journey(name: &str, known: &[&str]) -> Problem {
    let nearest = nearest(name, known.iter().copied()).map(str::to_owned);
    let known = known.iter().map(|name| (*name).to_owned()).collect();
    Wrong::UnknownJourney { name: name.to_owned(), nearest, known }.into()
}
