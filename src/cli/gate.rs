//! Whether a step may be done on the last build of an image.

use crate::build::{self, Built, Differs, Inputs};
use crate::cli::kept;
use crate::deploy::Shipped;
use crate::engine::{self, Engine, ImageSummary};
use crate::evidence::{Error, Evidence, Stale, State, Step};
use crate::project::{ImagePlan, Plan};
use crate::types::{Explained, ImageId, Outcome, path_from_here};

/// Why a step cannot be done on the last build of an image.
#[derive(Debug, thiserror::Error)]
pub enum NoBuild {
    /// There is none.
    #[error("{image} was not built here yet")]
    Missing {
        /// The image.
        image: String,
    },
    /// The settings that decide it changed.
    #[error("{image} was built with other settings than those of now")]
    Settings {
        /// The image.
        image: String,
    },
    /// What it was built from changed.
    #[error("{image} was built before {what} changed")]
    OutOfDate {
        /// The image.
        image: String,
        /// What changed first.
        what: String,
    },
    /// It is in another engine.
    #[error("{image} was built in the engine at {there}, and this one is at {here}")]
    Elsewhere {
        /// The image.
        image: String,
        /// Where it was built.
        there: String,
        /// The engine of this run.
        here: String,
    },
    /// The engine does not have it any more.
    #[error("{image} was built, but the engine does not have it any more")]
    Gone {
        /// The image.
        image: String,
    },
    /// The engine could not be asked.
    #[error(transparent)]
    Engine(engine::Error),
    /// The records cannot be read.
    #[error(transparent)]
    State(#[from] Error),
}

impl Explained for NoBuild {
    fn outcome(&self) -> Outcome {
        match self {
            Self::State(error) => error.outcome(),
            Self::Engine(error) => error.outcome(),
            _ => Outcome::NoEvidence,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { image }
            | Self::Settings { image }
            | Self::Gone { image }
            | Self::OutOfDate { image, .. }
            | Self::Elsewhere { image, .. } => Some(format!("`loadline build {image}`")),
            Self::State(error) => error.hint(),
            Self::Engine(error) => error.hint(),
        }
    }
}

/// An image of the plan that a step can be done on.
pub struct Standing {
    /// Its id.
    pub id: ImageId,
    /// What the engine says of it.
    pub summary: ImageSummary,
}

impl Standing {
    /// It as a release runs it, if `image`, which it is, has a name.
    pub fn shipped(&self, image: &ImagePlan) -> Option<Shipped> {
        let own = image.tags.first()?;
        Some(Shipped::of(&image.name, own, &self.id, self.summary.engine_id.as_str()))
    }
}

/// The last build of `image`, if it is of these settings, of the files of now, and in this engine.
pub async fn last_build(state: &State, engine: &Engine, image: &ImagePlan) -> Result<Standing, NoBuild> {
    let name = image.name.clone();
    let Some(record) = state.last_build(&image.name)? else { return Err(NoBuild::Missing { image: name }) };
    let here = engine.address().to_string();
    if record.engine != here {
        return Err(NoBuild::Elsewhere { image: name, there: record.engine, here });
    }
    if record.settings != build::settings(image) {
        return Err(NoBuild::Settings { image: name });
    }
    let standing = in_engine(engine, &name, record.id, &record.engine_id).await?;
    match changed(state, engine, image).await {
        Some(what) => Err(NoBuild::OutOfDate { image: name, what }),
        None => Ok(standing),
    }
}

/// What this run itself built as `image`, or found to be built: that is not compared with its files
/// again.
pub async fn just_built(engine: &Engine, image: &ImagePlan, built: &Built) -> Result<Standing, NoBuild> {
    in_engine(engine, &image.name, built.id.clone(), &built.engine_id).await
}

async fn in_engine(engine: &Engine, name: &str, id: ImageId, engine_id: &str) -> Result<Standing, NoBuild> {
    match engine.inspect(engine_id).await {
        Ok(summary) => Ok(Standing { id, summary }),
        Err(error) if error.is_not_found() => Err(NoBuild::Gone { image: name.to_owned() }),
        Err(error) => Err(NoBuild::Engine(error)),
    }
}

/// What changed of what the last build was made from, as far as that was kept.
async fn changed(state: &State, engine: &Engine, image: &ImagePlan) -> Option<String> {
    let inputs = Inputs::from_bytes(&state.inputs(&image.name)?)?;
    match inputs.compare(engine, image, &Default::default()).await {
        Err(Differs::Files { first, count: 1 }) => Some(format!("`{}`", path_from_here(&first))),
        Err(Differs::Files { first, count }) => Some(format!("`{}` and {} more", path_from_here(&first), count - 1)),
        Err(Differs::Base(base)) => Some(format!("its base `{base}`")),
        _ => None,
    }
}

/// Why an image may not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// A step did not pass for exactly this image, under the settings of now.
    #[error("{image} ({id}) has no passing evidence of `{step}`: {why}")]
    Stale {
        /// The image.
        image: String,
        /// The start of its id.
        id: String,
        /// The step.
        step: Step,
        /// Which part does not hold.
        why: Stale,
    },
    /// What it ran beside could not be asked for.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The records cannot be read.
    #[error(transparent)]
    State(#[from] Error),
}

impl Explained for NoEvidence {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Stale { .. } => Outcome::NoEvidence,
            Self::Engine(error) => error.outcome(),
            Self::State(error) => error.outcome(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Stale { image, step, .. } => {
                Some(format!("`loadline {step} {image}`, or `loadline up {image}` for all that is missing"))
            }
            Self::Engine(error) => error.hint(),
            Self::State(error) => error.hint(),
        }
    }
}

/// What is stale of the evidence that `now` would be; `None` if it holds.
pub fn stale(state: &State, now: &Evidence) -> Result<Option<Stale>, Error> {
    let kept = state.evidence(now.step, &now.id, &now.place)?;
    Ok(kept.map_or(Some(Stale::Missing), |kept| kept.stale(now)))
}

/// That `image`, as built, passed both checks under the settings of now.
pub async fn passed(
    state: &State,
    engine: &Engine,
    plan: &Plan,
    image: &ImagePlan,
    id: &ImageId,
) -> Result<(), NoEvidence> {
    let verified = kept::verified(&kept::policy(state, plan, image), id, true);
    let smoked = kept::smoked(engine, image, &kept::smoke_options(plan, image), id, true).await?;
    for now in [verified, smoked] {
        if let Some(why) = stale(state, &now)? {
            let (image, id) = (image.name.clone(), id.short().to_owned());
            return Err(NoEvidence::Stale { image, id, step: now.step, why });
        }
    }
    Ok(())
}
