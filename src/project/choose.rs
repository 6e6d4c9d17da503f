//! Which images of a plan a verb is about, and what the command line says differently of them.

use crate::project::keys::nearest;
use crate::project::origin::Origin;
use crate::project::problem::{Problem, Wrong};
use crate::project::spans::join;
use crate::project::{BuildArg, ImagePlan, Project, Secret};
use crate::types::{ByteSize, ImageRef, Platform};

/// What the command line says of images, instead of their settings.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The stage to build.
    pub stage: Option<String>,
    /// The platform to build for.
    pub platform: Option<Platform>,
    /// The names to give, instead of the image's own.
    pub tags: Vec<ImageRef>,
    /// Build arguments, besides those of the settings.
    pub args: Vec<BuildArg>,
    /// Build secrets, besides those of the settings.
    pub secrets: Vec<Secret>,
    /// What the size must be less than.
    pub budget: Option<ByteSize>,
    /// A user's name is an error.
    pub numeric_user: bool,
}

impl Project {
    /// Makes `names`, or all images if there are none, what `overrides` says, and answers with
    /// them in the plan's order.
    pub fn choose(&mut self, names: &[String], overrides: &Overrides) -> Result<Vec<ImagePlan>, Vec<Problem>> {
        let unknown: Vec<Problem> = names.iter().filter_map(|name| self.unknown(name)).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let chosen = |image: &&mut ImagePlan| names.is_empty() || names.contains(&image.name);
        let count = self.plan.images.iter_mut().filter(chosen).count();
        if count > 1 && !overrides.tags.is_empty() {
            return Err(vec![Wrong::TagForMany { count }.into()]);
        }
        let mut images = Vec::new();
        for image in self.plan.images.iter_mut().filter(chosen) {
            for key in overrides.apply(image) {
                self.origins.note(format!("{}.{key}", join("image", &image.name)), Origin::CommandLine);
            }
            images.push(image.clone());
        }
        self.not_set.retain(|missing| overrides.args.iter().all(|arg| arg.name != missing.arg));
        Ok(images)
    }

    /// What is missing to build `images`: arguments whose variable is not set.
    pub fn missing_args(&self, images: &[ImagePlan]) -> Vec<Problem> {
        let concerned = self.not_set.iter().filter(|missing| images.iter().any(|image| image.name == missing.image));
        let problem = |missing: &crate::project::NotSet| {
            let (image, arg, variable) = (missing.image.clone(), missing.arg.clone(), missing.variable.clone());
            Wrong::ArgNotSet { image, arg, variable }.into()
        };
        concerned.map(problem).collect()
    }

    fn unknown(&self, name: &str) -> Option<Problem> {
        let known: Vec<String> = self.plan.images.iter().map(|image| image.name.clone()).collect();
        if known.iter().any(|known| known == name) {
            return None;
        }
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Some(Wrong::UnknownImage { name: name.to_owned(), nearest: near, known }.into())
    }
}

impl Overrides {
    /// Applies them to `image`; answers with the paths of what they changed.
    fn apply(&self, image: &mut ImagePlan) -> Vec<String> {
        let mut changed = Vec::new();
        if self.stage.is_some() {
            image.stage.clone_from(&self.stage);
            changed.push("stage".to_owned());
        }
        if self.platform.is_some() {
            image.platform.clone_from(&self.platform);
            changed.push("platform".to_owned());
        }
        if !self.tags.is_empty() {
            image.tags.clone_from(&self.tags);
            changed.push("tag".to_owned());
        }
        if self.budget.is_some() {
            image.budget = self.budget;
            changed.push("budget".to_owned());
        }
        if self.numeric_user {
            image.numeric_user = true;
            changed.push("numeric-user".to_owned());
        }
        for arg in &self.args {
            image.args.retain(|known| known.name != arg.name);
            image.args.push(arg.clone());
            changed.push(join("args", &arg.name));
        }
        for secret in &self.secrets {
            image.secrets.retain(|known| known.id != secret.id);
            image.secrets.push(secret.clone());
            changed.push(join("secrets", &secret.id));
        }
        changed
    }
}
