//! One image.

use super::{NotSet, Resolver, values};
use crate::project::origin::Origin;
use crate::project::plan::{BuildArg, ImagePlan, Probe, RunPolicy, Secret, SecretSource};
use crate::project::problem::Wrong;
use crate::project::spans::join;
use crate::project::{PodProbes, default_tag, written};
use crate::types::{ImageRef, Platform};
use std::collections::BTreeMap;

impl Resolver<'_> {
    /// The image `name`, unless so much is wrong that there is none.
    pub(super) fn image(&mut self, name: &str, image: written::Image, names: &[String]) -> Option<ImagePlan> {
        let path = join("image", name);
        if !values::is_image_name(name) {
            self.wrong_key(&path, Wrong::ImageName { name: name.to_owned() });
            return None;
        }
        self.written(&path);
        let context = self.context(&path, image.context);
        let beside = context.clone().unwrap_or_else(|| self.root.to_owned());
        let dockerfile = self.dockerfile(&path, name, image.dockerfile, &beside);
        let stage = self.parse(&join(&path, "stage"), image.stage, |text| Ok(text.to_owned()));
        let platform = self.parse(&join(&path, "platform"), image.platform, |text| Ok(text.parse::<Platform>()?));
        let tags = self.tags(&path, name, image.tag);
        let args = self.args(&path, name, image.args);
        let secrets = self.secrets(&path, image.secrets);
        let budget = self.parse(&join(&path, "budget"), image.budget, values::limit);
        let budgets = self.budgets(&join(&path, "budgets"), image.budgets);
        let numeric_user = self.plain(&join(&path, "numeric-user"), image.numeric_user).unwrap_or(false);
        let probe = self.probe(&join(&path, "probe"), image.probe);
        let run = self.run(&join(&path, "run"), image.run);
        let needs = self.needs(&path, name, image.needs, names);
        Some(ImagePlan {
            name: name.to_owned(),
            described: true,
            context: context?,
            dockerfile: dockerfile?,
            stage,
            platform,
            tags: tags?,
            args,
            secrets,
            budget,
            budgets,
            numeric_user,
            probe,
            run,
            needs,
            pod_probes: PodProbes::default(),
        })
    }

    /// A value that is taken as it is.
    pub(super) fn plain<T>(&mut self, path: &str, value: Option<T>) -> Option<T> {
        if value.is_some() {
            self.written(path);
        }
        value
    }

    fn tags(&mut self, image: &str, name: &str, tags: Option<written::Tags>) -> Option<Vec<ImageRef>> {
        let path = join(image, "tag");
        let texts = match tags {
            None => {
                let (tag, because) = default_tag(name)?;
                self.origins.guess(path, because);
                return Some(vec![tag]);
            }
            Some(written::Tags::One(text)) => vec![text],
            Some(written::Tags::Many(texts)) => texts,
        };
        if texts.is_empty() {
            self.wrong(&path, Wrong::NoTag);
        }
        texts.into_iter().map(|text| self.parse(&path, Some(text), values::tag)).collect()
    }

    fn args(&mut self, image: &str, name: &str, args: BTreeMap<String, written::Arg>) -> Vec<BuildArg> {
        let mut known = Vec::new();
        for (arg, value) in args {
            let path = join(&join(image, "args"), &arg);
            self.variable(&path, &arg, "a build argument");
            match value {
                written::Arg::Text(value) => known.push(BuildArg { name: arg, value }),
                written::Arg::Env { env, optional } => match (self.variables)(&env) {
                    Some(value) => {
                        self.by_variable(&path, env);
                        known.push(BuildArg { name: arg, value });
                    }
                    None if optional => {}
                    None => self.not_set.push(NotSet { image: name.to_owned(), arg, variable: env }),
                },
            }
        }
        known
    }

    fn by_variable(&mut self, path: &str, variable: String) {
        if let Origin::File { file, line } = self.origins.of(path).clone() {
            self.origins.note(path, Origin::Variable { variable, file, line });
        }
    }

    fn secrets(&mut self, image: &str, secrets: BTreeMap<String, written::Secret>) -> Vec<Secret> {
        let mut known = Vec::new();
        for (id, secret) in secrets {
            let path = join(&join(image, "secrets"), &id);
            self.written(&path);
            let source = match (secret.file, secret.env) {
                (Some(file), None) => SecretSource::File(self.absolute(&file)),
                (None, Some(variable)) => SecretSource::Env(variable),
                _ => {
                    self.wrong_key(&path, Wrong::SecretSource { id });
                    continue;
                }
            };
            known.push(Secret { id, source, optional: secret.optional });
        }
        known
    }

    fn probe(&mut self, path: &str, probe: written::Probe) -> Probe {
        let default = Probe::default();
        Probe {
            path: self.parse(&join(path, "path"), probe.path, values::url_path).unwrap_or(default.path),
            port: self.plain(&join(path, "port"), probe.port),
            status: self.plain(&join(path, "status"), probe.status),
            contains: self.plain(&join(path, "contains"), probe.contains),
            deadline: self.parse(&join(path, "deadline"), probe.deadline, values::deadline).unwrap_or(default.deadline),
        }
    }

    fn run(&mut self, path: &str, run: written::Run) -> RunPolicy {
        let default = RunPolicy::default();
        let writable = self.plain(&join(path, "writable"), run.writable).unwrap_or(default.writable);
        for directory in &writable {
            if let Err(wrong) = values::writable(directory) {
                self.wrong_part(&join(path, "writable"), &format!("{directory:?}"), wrong);
            }
        }
        let cpu = self.plain(&join(path, "cpu"), run.cpu).unwrap_or(default.cpu);
        if !(0.01..=4096.0).contains(&cpu) {
            self.wrong(&join(path, "cpu"), Wrong::Value { what: "a CPU limit is in cores, from 0.01" });
        }
        for name in run.env.keys() {
            self.variable(&join(&join(path, "env"), name), name, "an environment variable");
        }
        RunPolicy {
            user: self.parse(&join(path, "user"), run.user, values::user),
            writable,
            memory: self.parse(&join(path, "memory"), run.memory, values::memory).unwrap_or(default.memory),
            cpu,
            env: run.env,
            command: self.plain(&join(path, "command"), run.command),
            args: self.plain(&join(path, "args"), run.args),
            grace: self.parse(&join(path, "grace"), run.grace, values::duration).unwrap_or(default.grace),
        }
    }
}
