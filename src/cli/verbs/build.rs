//! `loadline build`.

use crate::cli::args::Build;
use crate::cli::session::{Session, variable};
use crate::cli::verbs::{RULES, each_image};
use crate::project::ImagePlan;
use crate::types::{Explained, Outcome};

/// The room that does it is not in this binary.
#[derive(Debug, thiserror::Error)]
#[error("this build of loadline cannot build images yet")]
struct Absent;

impl Explained for Absent {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }
}

/// Builds the images that `args` name.
pub async fn run(session: &Session, args: &Build) -> Outcome {
    match images(session, args) {
        Ok(images) => each_image(session, &images, |image| build(image, args)).await.1,
        Err(outcome) => outcome,
    }
}

fn images(session: &Session, args: &Build) -> Result<Vec<ImagePlan>, Outcome> {
    let mut project = session.project(RULES)?;
    let overrides = args.options.overrides(&session.directory, &variable);
    let images = project.choose(&args.images, &overrides).map_err(|problems| session.problems(&problems))?;
    match project.missing_args(&images) {
        missing if missing.is_empty() => Ok(images),
        missing => Err(session.problems(&missing)),
    }
}

/// The seam: `crate::build::build(engine, image, options, &session.events, &session.cancel)`.
async fn build(_image: &ImagePlan, args: &Build) -> Result<(), Absent> {
    let _options = (args.no_cache, args.pull);
    Err(Absent)
}
