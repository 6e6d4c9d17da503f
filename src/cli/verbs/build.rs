//! `loadline build`.

use crate::build;
use crate::cli::args::Build;
use crate::cli::building::Builder;
use crate::cli::planned;
use crate::cli::render::forecast;
use crate::cli::session::{Session, variable};
use crate::project::ImagePlan;
use crate::types::Outcome;
use futures_util::future::{join_all, try_join_all};

/// Builds the images that `args` name.
pub async fn run(session: &Session, args: &Build) -> Outcome {
    build(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn build(session: &Session, args: &Build) -> Result<Outcome, Outcome> {
    let overrides = args.options.overrides(&session.directory, &variable);
    let planned = planned::open(session, "build", &args.images, &overrides, true).await?;
    let options = build::Options { no_cache: args.no_cache, pull: args.pull, ..Default::default() };
    let builder = Builder::new(session, &planned.engine, &planned.state);
    if args.explain {
        return explain(session, &builder, &planned.images, &options).await;
    }
    let built = join_all(planned.images.iter().map(|image| builder.build(image, &options))).await;
    Ok(Outcome::worst(built.into_iter().filter_map(Result::err)))
}

/// Prints what a build of `images` would run, and why.
async fn explain(
    session: &Session,
    builder: &Builder<'_>,
    images: &[ImagePlan],
    options: &build::Options,
) -> Result<Outcome, Outcome> {
    let all = try_join_all(images.iter().map(|image| builder.forecast(image, options))).await?;
    let named: Vec<(&str, &build::Forecast)> = images.iter().map(|image| image.name.as_str()).zip(&all).collect();
    let text = match session.global.json {
        true => forecast::json(&named),
        false => forecast::text(&named, session.terminal.out),
    };
    Ok(session.written(session.terminal.data(&text)))
}
