//! From what was written to the plan: names parsed, paths found, each value with its origin.
//! Goes on after a problem, so that all of them are said at once.

mod allow;
mod budgets;
mod deploy;
mod image;
mod journeys;
mod needs;
mod paths;
mod values;

pub use deploy::namespace;
pub use values::{deadline, is_image_name, memory, writable};

use crate::project::keys::nearest;
use crate::project::origin::{Origin, Origins};
use crate::project::problem::{Problem, Wrong};
use crate::project::source::Source;
use crate::project::spans::{Spans, join};
use crate::project::{Plan, Variables, written};
use crate::types::Severity;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A build argument whose environment variable is not set. Only a build needs it.
#[derive(Clone, Debug)]
pub struct NotSet {
    /// The image.
    pub image: String,
    /// The argument.
    pub arg: String,
    /// The variable.
    pub variable: String,
}

/// What resolving came to.
pub struct Resolved {
    /// The plan, as far as there is one.
    pub plan: Plan,
    /// Where its values come from.
    pub origins: Origins,
    /// Build arguments that could not be filled.
    pub not_set: Vec<NotSet>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Resolves `file`, which was read from `source` in the directory `root`.
pub fn resolve(
    file: written::File,
    source: &Source,
    spans: &Spans,
    root: &Path,
    rules: &[&str],
    variables: Variables<'_>,
) -> Resolved {
    let mut resolver = Resolver {
        source,
        spans,
        root,
        variables,
        origins: Origins::default(),
        not_set: Vec::new(),
        problems: Vec::new(),
    };
    let target = resolver.target(file.target);
    let severities = resolver.rules(&file.rules, rules);
    if file.image.is_empty() && file.release.is_empty() {
        resolver.wrong("", Wrong::NoImage);
    }
    let names: Vec<String> = file.image.keys().cloned().collect();
    let allowances = resolver.allowances(file.allow, rules, &names);
    let images = file.image.into_iter().filter_map(|(name, image)| resolver.image(&name, image, &names)).collect();
    let deployment = resolver.deployment(file.deploy, file.release, file.secret, &names);
    let journeys = resolver.journeys(&file.e2e);
    let mut plan = Plan { root: root.to_owned(), target, images, rules: severities, allowances, deployment, journeys };
    needs::fill_own_tags(&mut plan);
    resolver.shared_tags(&plan);
    resolver.circles(&plan);
    Resolved { plan, origins: resolver.origins, not_set: resolver.not_set, problems: resolver.problems }
}

struct Resolver<'a> {
    source: &'a Source,
    spans: &'a Spans,
    root: &'a Path,
    variables: Variables<'a>,
    origins: Origins,
    not_set: Vec<NotSet>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    /// `wrong` is said of the value at `path`.
    fn wrong(&mut self, path: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.snippet(&span.value));
        self.problems.push(Problem::new(wrong, at));
    }

    /// `wrong` is said of the key at `path`.
    fn wrong_key(&mut self, path: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.snippet(&span.key));
        self.problems.push(Problem::new(wrong, at));
    }

    /// `wrong` is said of `text` inside the value at `path`, which may be a list.
    fn wrong_part(&mut self, path: &str, text: &str, wrong: Wrong) {
        let at = self.spans.get(path).map(|span| self.source.within(span.value.clone(), text));
        self.problems.push(Problem::new(wrong, at.map(|span| self.source.snippet(&span))));
    }

    /// Notes that the value at `path` is written in the file, if it is.
    fn written(&mut self, path: &str) {
        if let Some(line) = self.spans.get(path).map(|span| self.source.line(span.key.start)) {
            self.origins.note(path, Origin::File { file: self.file_name(), line });
        }
    }

    /// The file's name without its directory: origins stand beside a plan that says the directory.
    fn file_name(&self) -> String {
        let name = Path::new(&self.source.name).file_name();
        name.map_or_else(|| self.source.name.clone(), |name| name.to_string_lossy().into_owned())
    }

    /// `text` as a `T`; `None` if there is none or it is wrong.
    fn parse<T>(&mut self, path: &str, text: Option<String>, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let text = text?;
        self.written(path);
        match read(&text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong_part(path, &text, wrong);
                None
            }
        }
    }

    fn target(&mut self, written: Option<String>) -> String {
        let target = self.parse("target", written, values::target);
        target.unwrap_or_else(|| "minikube".into())
    }

    fn rules(
        &mut self,
        written: &BTreeMap<String, written::Level>,
        known: &[&str],
    ) -> BTreeMap<String, Option<Severity>> {
        for rule in written.keys() {
            let path = join("rules", rule);
            self.written(&path);
            if !known.contains(&rule.as_str()) {
                let near = nearest(rule, known.iter().copied()).map(str::to_owned);
                let known = known.iter().map(|rule| (*rule).to_owned()).collect();
                self.wrong_key(&path, Wrong::UnknownRule { rule: rule.clone(), nearest: near, known });
            }
        }
        let severity = |level: &written::Level| match level {
            written::Level::Error => Some(Severity::Error),
            written::Level::Warn => Some(Severity::Warn),
            written::Level::Off => None,
        };
        written.iter().map(|(rule, level)| (rule.clone(), severity(level))).collect()
    }

    /// Notes that the variable at `path` is written, and says it if it cannot be called `name`.
    fn variable(&mut self, path: &str, name: &str, what: &'static str) {
        self.written(path);
        if name.is_empty() || name.contains('=') {
            self.wrong_key(path, Wrong::Variable { name: name.to_owned(), what });
        }
    }

    /// The absolute path that `text` means.
    fn absolute(&self, text: &str) -> PathBuf {
        self.root.join(text)
    }
}
