//! `loadline build`.

use crate::build;
use crate::cli::args::Build;
use crate::cli::building::Builder;
use crate::cli::session::{Session, variable};
use crate::cli::verbs::rules;
use crate::cli::{engine, kept};
use crate::project::ImagePlan;
use crate::types::Outcome;
use futures_util::future::join_all;
use std::path::PathBuf;

/// Builds the images that `args` name.
pub async fn run(session: &Session, args: &Build) -> Outcome {
    build(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn build(session: &Session, args: &Build) -> Result<Outcome, Outcome> {
    let (root, images) = images(session, args)?;
    let engine = engine::connect(session).await?;
    let (state, _lock) = kept::open(session, &root, "build").await?;
    let options = build::Options { no_cache: args.no_cache, pull: args.pull, ..Default::default() };
    let builder = Builder::new(session, &engine, &state);
    let built = join_all(images.iter().map(|image| builder.build(image, &options))).await;
    Ok(Outcome::worst(built.into_iter().filter_map(Result::err)))
}

fn images(session: &Session, args: &Build) -> Result<(PathBuf, Vec<ImagePlan>), Outcome> {
    let mut project = session.project(&rules())?;
    let overrides = args.options.overrides(&session.directory, &variable);
    let images = project.choose(&args.images, &overrides).map_err(|problems| session.problems(&problems))?;
    match project.missing_args(&images) {
        missing if missing.is_empty() => Ok((project.plan.root, images)),
        missing => Err(session.problems(&missing)),
    }
}
