//! `loadline verify`.

use crate::cli::args::{Format, Verify};
use crate::cli::session::Session;
use crate::cli::verbs::{RULES, each_image};
use crate::project::{ImagePlan, Overrides};
use crate::types::{Explained, Outcome};

/// The room that does it is not in this binary.
#[derive(Debug, thiserror::Error)]
#[error("this build of loadline cannot verify images yet")]
struct Absent;

impl Explained for Absent {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }
}

/// Verifies the images that `args` name.
pub async fn run(session: &Session, args: &Verify) -> Outcome {
    if !args.refs.is_empty() || args.archive.is_some() {
        return session.failed(None, &Absent);
    }
    match images(session, args) {
        Ok(images) => each_image(session, &images, |image| verify(image, args.format)).await.1,
        Err(outcome) => outcome,
    }
}

fn images(session: &Session, args: &Verify) -> Result<Vec<ImagePlan>, Outcome> {
    let mut project = session.project(RULES)?;
    let overrides = Overrides { budget: args.budget, numeric_user: args.numeric_user, ..Default::default() };
    project.choose(&args.images, &overrides).map_err(|problems| session.problems(&problems))
}

/// The seam: `crate::verify` checks the image that was built last.
async fn verify(_image: &ImagePlan, _format: Format) -> Result<(), Absent> {
    Err(Absent)
}
