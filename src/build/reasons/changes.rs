//! What is other than when an image was built last.

use crate::build::inputs::Changed;
use crate::build::{Inputs, Options};
use crate::engine::Engine;
use crate::image::dockerfile::Dockerfile;
use crate::project::ImagePlan;
use crate::types::{Digest, FileChange};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What an image was built by, files and bases aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::build) struct Recipe {
    pub(in crate::build) dockerfile: String,
    /// Digests of the values: they may be nothing to be kept.
    args: BTreeMap<String, Digest>,
    platform: Option<String>,
    context: PathBuf,
    /// How long each step took when it ran last, in milliseconds, by its instruction.
    pub(in crate::build) times: BTreeMap<String, u64>,
}

/// What is other now.
#[derive(Clone, Debug, Default)]
pub(in crate::build) struct Changes {
    /// Paths in the context, and what became of each.
    pub(super) files: Vec<(String, FileChange)>,
    /// The ignore file that is another one.
    pub(super) ignore: Option<String>,
    pub(super) args: BTreeSet<String>,
    /// Canonical names.
    pub(super) bases: BTreeSet<String>,
    pub(super) platform: bool,
    pub(super) engine: bool,
    pub(super) asked: bool,
    /// As it was; none if nothing is known of the last build.
    pub(super) before: Option<Dockerfile>,
    /// The files could not be compared.
    pub(super) unread: bool,
}

impl Recipe {
    pub(in crate::build) fn of(image: &ImagePlan, dockerfile: &str, times: BTreeMap<String, u64>) -> Self {
        Self {
            dockerfile: dockerfile.to_owned(),
            args: image.args.iter().map(|arg| (arg.name.clone(), Digest::of(arg.value.as_bytes()))).collect(),
            platform: image.platform.as_ref().map(ToString::to_string),
            context: image.context.clone(),
            times,
        }
    }

    /// The arguments that have another value in `other`, or none in one of both.
    fn other_args(&self, other: &Self) -> BTreeSet<String> {
        let names = self.args.keys().chain(other.args.keys());
        names.filter(|name| self.args.get(*name) != other.args.get(*name)).cloned().collect()
    }
}

impl Changes {
    /// Nothing is known of the last build.
    pub(in crate::build) fn unknown(options: &Options) -> Self {
        Self { asked: options.no_cache, ..Self::default() }
    }

    /// Since `before`, but for the bases. Reads files.
    pub(in crate::build) fn since(before: &Inputs, engine: &str, image: &ImagePlan, options: &Options) -> Self {
        let (was, is) = (before.recipe(), Recipe::of(image, "", BTreeMap::new()));
        let compared = before.changed(image).filter(|_| was.context == is.context);
        let unread = compared.is_none();
        let Changed { files, ignore } = compared.unwrap_or_default();
        Self {
            files,
            ignore,
            args: was.other_args(&is),
            bases: BTreeSet::new(),
            platform: was.platform != is.platform,
            engine: before.engine() != engine,
            asked: options.no_cache,
            before: Some(Dockerfile::parse(&was.dockerfile)),
            unread,
        }
    }

    /// Looks which bases of `before` are other images now.
    pub(in crate::build) async fn look_at_bases(&mut self, before: &Inputs, engine: &Engine) {
        for (base, id) in before.bases() {
            // One that cannot be asked for is not said to be another.
            if engine.inspect(base).await.is_ok_and(|found| found.engine_id != *id) {
                self.bases.insert(base.clone());
            }
        }
    }

    /// Whether nothing can be said of what is not among the changes.
    pub(super) fn is_unknown(&self) -> bool {
        self.before.is_none() || self.unread
    }
}
