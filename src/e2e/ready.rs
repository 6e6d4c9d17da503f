//! Journeys with all that they need: addresses, and environment variables.

use super::address::Address;
use super::mask::Mask;
use super::plan::{File, Step};
use super::problem::{Problem, Wrong};
use super::template::{Place, places};
use super::values::Env;
use super::{AddressError, Suite};
use crate::project::{Variables, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

/// Journeys that can be made.
#[derive(Debug)]
pub struct Ready {
    pub(super) files: Vec<File>,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) env: Env,
    pub(super) mask: Mask,
}

/// A service, and what was learned of it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) address: Address,
    /// It answered once in this run, whatever it said.
    pub(super) answered: AtomicBool,
    /// That nothing answers was said.
    pub(super) missed: AtomicBool,
}

/// Addresses by service, as they were written.
pub fn addresses(written: &[(String, String)]) -> Result<BTreeMap<String, Address>, Vec<Problem>> {
    let (mut known, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, text) in written {
        match text.parse::<Address>() {
            Err(error @ AddressError { .. }) => problems.push(Wrong::Address(error).into()),
            Ok(address) => {
                if known.insert(name.clone(), address).is_some() {
                    problems.push(Wrong::TwoAddresses { name: name.clone() }.into());
                }
            }
        }
    }
    if problems.is_empty() { Ok(known) } else { Err(problems) }
}

impl Suite {
    /// The journeys with the `addresses` of the services, and with the environment variables that they
    /// use, which `variable` is asked for.
    pub fn ready(
        mut self,
        addresses: BTreeMap<String, Address>,
        variable: Variables<'_>,
    ) -> Result<Ready, Vec<Problem>> {
        let only = addresses.keys().next().filter(|_| addresses.len() == 1).cloned();
        let steps = self.files.iter_mut().flat_map(|file| &mut file.journeys).flat_map(|journey| &mut journey.steps);
        steps.for_each(|step| step.service = step.service.take().or_else(|| only.clone()));
        let mut problems = no_addresses(&self.files, &addresses);
        let mut env = Env::new();
        for (file, step) in steps_of(&self.files) {
            problems.extend(not_set(file, step, &mut env, variable));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let service = |address| Service { address, answered: AtomicBool::new(false), missed: AtomicBool::new(false) };
        let services = addresses.into_iter().map(|(name, address)| (name, service(address))).collect();
        Ok(Ready { files: self.files, services, mask: Mask::new(&env), env })
    }
}

fn steps_of(files: &[File]) -> impl Iterator<Item = (&File, &Step)> {
    let journeys = files.iter().flat_map(|file| file.journeys.iter().map(move |journey| (file, journey)));
    journeys.flat_map(|(file, journey)| journey.steps.iter().map(move |step| (file, step)))
}

/// Services without an address, each once: one option helps all their steps.
fn no_addresses(files: &[File], addresses: &BTreeMap<String, Address>) -> Vec<Problem> {
    let (mut told, mut problems) = (BTreeSet::new(), Vec::new());
    for (file, step) in steps_of(files) {
        if step.service.as_ref().is_some_and(|name| addresses.contains_key(name)) || !told.insert(&step.service) {
            continue;
        }
        let places = [format!("{}.service", step.path), "service".to_owned(), format!("{}.request", step.path)];
        let span = places.iter().find_map(|path| file.spans.get(path));
        let at = span.map(|span| file.source.snippet(&span.value));
        problems.push(Problem::new(no_address(step.service.as_deref(), addresses), at));
    }
    problems
}

fn no_address(service: Option<&str>, addresses: &BTreeMap<String, Address>) -> Wrong {
    let known = addresses.keys().cloned().collect();
    let Some(name) = service else { return Wrong::WhichService { known } };
    let nearest = nearest(name, addresses.keys().map(String::as_str)).map(str::to_owned);
    Wrong::NoAddress { name: name.to_owned(), nearest, known }
}

/// The variables of `step` that are not set; those that are go into `env`.
fn not_set(file: &File, step: &Step, env: &mut Env, variable: Variables<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in step.texts() {
        for place in places(text) {
            let Place::Env(name) = place else { continue };
            match variable(name).filter(|value| !value.is_empty()) {
                Some(value) => drop(env.insert(name.to_owned(), value)),
                None => {
                    let at = file.spans.get(&path).map(|span| {
                        file.source.snippet(&file.source.within(span.value.clone(), &format!("{{env:{name}}}")))
                    });
                    problems.push(Problem::new(Wrong::NotSet { name: name.to_owned() }, at));
                }
            }
        }
    }
    problems
}
