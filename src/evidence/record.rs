//! The records, and when they are stale.

use super::timeline::Timeline;
use crate::types::{Digest, ImageId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A step that gives evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The image was checked.
    Verify,
    /// The image was run and probed.
    Smoke,
    /// The image was put into a node.
    Load,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verify => "verify",
            Self::Smoke => "smoke",
            Self::Load => "load",
        })
    }
}

/// The last build of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The image's id.
    pub id: ImageId,
    /// How the engine names it.
    pub engine_id: String,
    /// The engine it was built in.
    pub engine: String,
    /// The digest of the settings that decided it.
    pub settings: Digest,
    /// When, in seconds since 1970.
    pub at: u64,
    /// The images that were built before it, the last one first, as many as are remembered.
    #[serde(default)]
    pub earlier: Vec<ImageId>,
    /// What the builder did when it was asked last; none in records of before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// How long the build of the image before took, in milliseconds, if that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_ms: Option<u64>,
}

impl BuildRecord {
    /// How many images are remembered.
    const REMEMBERED: usize = 50;

    /// What is remembered once another image than this one was built.
    pub fn followed_by(self, id: &ImageId) -> Vec<ImageId> {
        let all = std::iter::once(self.id).chain(self.earlier).filter(|one| one != id);
        all.take(Self::REMEMBERED).collect()
    }

    /// How many builds ago `id` was built.
    pub fn builds_since(&self, id: &ImageId) -> Option<usize> {
        self.earlier.iter().position(|one| one == id).map(|place| place + 1)
    }
}

/// That one step passed for one image id, and all that this depended on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The step.
    pub step: Step,
    /// The image.
    pub id: ImageId,
    /// The digest of the step's resolved settings and rules.
    pub settings: Digest,
    /// The ids of the images it ran beside, in the order of their names.
    pub needed: Vec<String>,
    /// The engine or node it happened in, and since when that runs.
    pub place: String,
    /// Loadline's version.
    pub version: String,
    /// It passed. A failure is kept as well, so that it can be reported.
    pub passed: bool,
}

/// Which part of the evidence no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// There is none.
    Missing,
    /// It is of a failure.
    Failed,
    /// The settings or rules of the step changed.
    Settings,
    /// Something it ran beside changed.
    Needs,
    /// The engine or node is another one, or was started anew.
    Place,
    /// Loadline is another version.
    Version,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it was not done",
            Self::Failed => "it failed",
            Self::Settings => "its settings changed",
            Self::Needs => "an image it ran beside changed",
            Self::Place => "the engine or node changed",
            Self::Version => "Loadline is another version",
        })
    }
}

impl Evidence {
    /// The first part in which `self` differs from what holds `now`; `None` if it still holds.
    pub fn stale(&self, now: &Self) -> Option<Stale> {
        let parts = [
            (self.version == now.version, Stale::Version),
            (self.settings == now.settings, Stale::Settings),
            (self.needed == now.needed, Stale::Needs),
            (self.place == now.place, Stale::Place),
            (self.passed, Stale::Failed),
        ];
        parts.into_iter().find(|(holds, _)| !holds).map(|(_, stale)| stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            step: Step::Smoke,
            id: ImageId(Digest::of(b"image")),
            settings: Digest::of(b"settings"),
            needed: vec!["db".into()],
            place: "engine".into(),
            version: "1".into(),
            passed: true,
        }
    }

    #[test]
    fn the_images_before_are_remembered_in_order_and_each_once() {
        let id = |text: &str| ImageId(Digest::of(text.as_bytes()));
        let mut record = BuildRecord {
            id: id("a"),
            engine_id: String::new(),
            engine: String::new(),
            settings: Digest::of(b""),
            at: 0,
            earlier: Vec::new(),
            timeline: None,
            before_ms: None,
        };
        for next in ["b", "c", "a", "d"] {
            let earlier = record.clone().followed_by(&id(next));
            record = BuildRecord { id: id(next), earlier, ..record };
        }
        assert_eq!(record.earlier, ["a", "c", "b"].map(id), "what is built again is no longer what was before");
        assert_eq!((record.builds_since(&id("c")), record.builds_since(&id("d"))), (Some(2), None));
    }

    #[test]
    fn any_part_that_changed_makes_it_stale_and_is_named() {
        let now = evidence();
        assert_eq!(evidence().stale(&now), None);
        let settings = Digest::of(b"other");
        assert_eq!(Evidence { settings, ..evidence() }.stale(&now), Some(Stale::Settings));
        assert_eq!(Evidence { needed: vec![], ..evidence() }.stale(&now), Some(Stale::Needs));
        assert_eq!(Evidence { place: "x".into(), ..evidence() }.stale(&now), Some(Stale::Place));
        assert_eq!(Evidence { version: "2".into(), ..evidence() }.stale(&now), Some(Stale::Version));
        assert_eq!(Evidence { passed: false, ..evidence() }.stale(&now), Some(Stale::Failed));
    }
}
