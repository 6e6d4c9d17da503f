//! `loadline build`.

use crate::build;
use crate::cli::args::Build;
use crate::cli::building::Builder;
use crate::cli::planned;
use crate::cli::session::{Session, variable};
use crate::types::Outcome;
use futures_util::future::join_all;

/// Builds the images that `args` name.
pub async fn run(session: &Session, args: &Build) -> Outcome {
    build(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn build(session: &Session, args: &Build) -> Result<Outcome, Outcome> {
    let overrides = args.options.overrides(&session.directory, &variable);
    let planned = planned::open(session, "build", &args.images, &overrides, true).await?;
    let options = build::Options { no_cache: args.no_cache, pull: args.pull, ..Default::default() };
    let builder = Builder::new(session, &planned.engine, &planned.state);
    let built = join_all(planned.images.iter().map(|image| builder.build(image, &options))).await;
    Ok(Outcome::worst(built.into_iter().filter_map(Result::err)))
}
