//! What a page of images needs beyond their verdicts.

use crate::blame::{Blame, Growth, blame};
use crate::cli::facts;
use crate::evidence::{State, Timeline};
use crate::image::ImageFacts;
use crate::project::ImagePlan;
use crate::report::Image;
use crate::types::ImageId;
use crate::verify::format::{BuildTime, Report};
use crate::verify::{Policy, Previous, Source};

/// What is remembered of an image that was read.
pub struct Seen {
    facts: ImageFacts,
    source: Option<Source>,
    previous: Option<Previous>,
}

impl Seen {
    /// What was read, and what it was held to.
    pub fn new(facts: ImageFacts, policy: &Policy) -> Self {
        Self { facts, source: policy.dockerfile.clone(), previous: policy.previous.clone() }
    }

    fn blame(&self, facts: &ImageFacts) -> Blame {
        blame(facts, &facts::origins(facts, self.source.as_ref()))
    }

    /// What became of it since the image before, or why that is not known.
    fn growth(&self, now: &Blame) -> Result<Growth, String> {
        let previous = self.previous.as_ref().ok_or("no image before it is known; `--against` names one")?;
        let gone = || format!("the image before it, `{}`, is not in the engine any more", previous.id);
        let before = facts::store().image(&previous.id).ok_or_else(gone)?;
        Ok(Growth::between((&self.blame(&before), &before), (now, &self.facts)))
    }
}

/// An image as a page shows it; `seen` is what was read of it, if it could be.
pub fn image(report: Report, seen: Option<&Seen>, timeline: Result<Timeline, String>) -> Image {
    let blame = seen.map(|seen| seen.blame(&seen.facts));
    let growth = match seen.zip(blame.as_ref()) {
        Some((seen, blame)) => seen.growth(blame),
        None => Err("it could not be read".to_owned()),
    };
    Image { report, blame, growth, timeline }
}

/// How long the last build of `image`, which made `id`, took, and the one before.
pub fn build_time(state: &State, image: &ImagePlan, id: &ImageId) -> Option<BuildTime> {
    let record = state.last_build(&image.name).ok()??;
    let ms = record.timeline.filter(|_| record.id == *id)?.ms;
    Some(BuildTime { ms, before_ms: record.before_ms })
}

/// What the last build of `image`, which made `id`, did.
pub fn timeline(state: &State, image: &ImagePlan, id: &ImageId) -> Result<Timeline, String> {
    let record = state.last_build(&image.name).map_err(|error| error.to_string())?;
    let record = record.filter(|record| record.id == *id).ok_or("no record of the build is left")?;
    let unknown = "the record of its last build is of before the times of steps were kept, or was lost; the next \
                   build that has something to do keeps them";
    record.timeline.ok_or_else(|| unknown.to_owned())
}
