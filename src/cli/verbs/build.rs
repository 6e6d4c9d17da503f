//! `loadline build`.

use crate::build;
use crate::cli::args::Build;
use crate::cli::session::{Session, variable};
use crate::cli::verbs::{RULES, each_image};
use crate::cli::{engine, kept};
use crate::project::ImagePlan;
use crate::types::Outcome;
use std::path::PathBuf;

/// Builds the images that `args` name.
pub async fn run(session: &Session, args: &Build) -> Outcome {
    build(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn build(session: &Session, args: &Build) -> Result<Outcome, Outcome> {
    let (root, images) = images(session, args)?;
    let (engine, buildkit) = engine::connect_builder(session).await?;
    let (state, _lock) = kept::open(session, &root, "build").await?;
    let options = build::Options { no_cache: args.no_cache, pull: args.pull };
    let one = |image| build::build(&engine, &buildkit, image, &options, &session.events, &session.cancel);
    let (built, outcome) = each_image(session, &images, one).await;
    let kept = images.iter().zip(&built).filter_map(|(image, built)| Some((image, built.as_ref()?)));
    let failed = kept.filter_map(|(image, built)| kept::keep_build(&state, &engine, image, built).err());
    Ok(Outcome::worst(failed.map(|error| session.failed(None, &error)).chain([outcome])))
}

fn images(session: &Session, args: &Build) -> Result<(PathBuf, Vec<ImagePlan>), Outcome> {
    let mut project = session.project(RULES)?;
    let overrides = args.options.overrides(&session.directory, &variable);
    let images = project.choose(&args.images, &overrides).map_err(|problems| session.problems(&problems))?;
    match project.missing_args(&images) {
        missing if missing.is_empty() => Ok((project.plan.root, images)),
        missing => Err(session.problems(&missing)),
    }
}
