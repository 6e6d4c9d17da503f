//! Why steps run again: what the last build was recorded to be made from, beside what there is now.
//! A cause is named only if the record shows it.

mod changes;
mod plan;
mod reading;
#[cfg(test)]
mod tests;

pub(super) use changes::{Changes, Recipe};
pub(super) use plan::Plan;

use super::{Error, Inputs, Options, read_dockerfile};
use crate::engine::Engine;
use crate::project::ImagePlan;
use crate::types::Because;
use serde::Serialize;
use std::sync::Arc;

/// A step that a build would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predicted {
    /// Its line in the Dockerfile, from 1.
    pub line: u32,
    /// The instruction, in one short line.
    pub text: String,
    /// Why.
    pub because: Vec<Because>,
    /// How long it took when it ran last, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// What a build would run, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The steps that would run, first to last. One that copies from another may find that nothing
    /// changed after all.
    pub steps: Vec<Predicted>,
    /// How many steps there are.
    pub of: usize,
    /// It is not known what the last build was made from, so all of them may run.
    pub unknown: bool,
    /// Nothing is to be built: the engine has the image, and nothing that it is made from changed.
    pub holds: bool,
}

/// What is other than `before`, but for the bases.
pub(super) fn compare(
    engine: &Engine,
    image: &ImagePlan,
    options: &Options,
    before: Option<Arc<Inputs>>,
) -> impl Future<Output = Changes> + Send + 'static {
    let (engine, image, options) = (engine.address().to_string(), image.clone(), options.clone());
    let unknown = Changes::unknown(&options);
    let compared = tokio::task::spawn_blocking(move || match before {
        Some(before) => Changes::since(&before, &engine, &image, &options),
        None => Changes::unknown(&options),
    });
    async move { compared.await.unwrap_or(unknown) }
}

/// What a build of `image` would run, by what `before` says of the last one.
///
/// # Errors
/// The Dockerfile cannot be read.
pub async fn forecast(
    engine: &Engine,
    image: &ImagePlan,
    options: &Options,
    before: Option<Arc<Inputs>>,
) -> Result<Forecast, Error> {
    let text = read_dockerfile(image)?;
    let mut changes = compare(engine, image, options, before.clone()).await;
    if let Some(before) = &before {
        changes.look_at_bases(before, engine).await;
    }
    let plan = Plan::new(&text, image, &changes);
    let steps = plan.predicted(before.as_ref().map(|before| &before.recipe().times));
    Ok(Forecast { steps, of: plan.len(), unknown: changes.is_unknown(), holds: false })
}
