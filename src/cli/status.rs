//! What is known of a project's images: what is built, proven and loaded. This only looks: it
//! changes nothing, takes no lock, and what it could not look at is unknown.

use crate::build::{self, Differs, Inputs, Options};
use crate::cli::deployed::Releases;
use crate::cli::unknown::Unknown;
use crate::cli::{building, gate, kept};
use crate::engine::{self, Engine, ImageSummary};
use crate::evidence::{BuildRecord, Evidence, Stale, State, Step};
use crate::load;
use crate::node::{Found, Node};
use crate::project::{ImagePlan, Plan};
use crate::types::{ImageId, Outcome, short_path};
use futures_util::future::join_all;
use serde::Serialize;
use std::path::Path;

/// What is known of a project's images.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The target whose nodes were asked.
    pub target: String,
    /// The images.
    pub images: Vec<ImageStatus>,
    /// The releases, if the settings name any and no images were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Releases>,
}

/// What is known of one image.
#[derive(Debug, Serialize)]
pub struct ImageStatus {
    /// Its name in the plan.
    pub image: String,
    /// Its last build; all else is said of that.
    pub built: Build,
    /// Whether it passed `verify`.
    pub verified: Check,
    /// Whether it passed `smoke`.
    pub smoked: Check,
    /// What each node has.
    pub nodes: Vec<OnNode>,
}

/// The last build.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Build {
    /// There is none.
    NotBuilt,
    /// A build would give the same.
    Current { id: ImageId, at: u64 },
    /// A build would not give the same, or the engine does not have it.
    Stale { id: ImageId, at: u64, cause: Cause, why: String },
    /// It could not be looked at.
    Unknown {
        #[serde(flatten)]
        last: Option<Last>,
        #[serde(flatten)]
        unknown: Unknown,
    },
}

/// Which build it was.
#[derive(Debug, Serialize)]
pub struct Last {
    /// The image.
    pub id: ImageId,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// What changed since a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Settings,
    Files,
    Base,
    Name,
    Gone,
    Engine,
}

/// Whether a step passed.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Check {
    /// It was not done.
    No,
    /// It passed, and this still holds.
    Yes,
    /// It was done, and failed.
    Failed,
    /// Something that the verdict depended on changed.
    Stale { cause: &'static str },
    /// It could not be looked at.
    Unknown(Unknown),
}

/// What a node has.
#[derive(Debug, Serialize)]
pub struct OnNode {
    /// The node, or the target if that is not known.
    pub node: String,
    /// What it has.
    #[serde(flatten)]
    pub has: Has,
}

/// What a node has of an image.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Has {
    /// There is no image to ask for.
    NotAsked,
    /// It, under all its names.
    Complete,
    /// It, but not under all its names.
    Unnamed,
    /// Another image under its name, and how many builds ago it was built here, if it was.
    Other {
        id: ImageId,
        #[serde(skip_serializing_if = "Option::is_none")]
        builds_behind: Option<usize>,
    },
    /// Nothing of it.
    Missing,
    /// The node cannot be asked.
    Unknown(Unknown),
}

impl Status {
    /// How a run ends that this is all of.
    pub fn outcome(&self) -> Outcome {
        let unknown = |image: &ImageStatus| {
            matches!(image.built, Build::Unknown { .. })
                || [&image.verified, &image.smoked].iter().any(|check| matches!(check, Check::Unknown(_)))
                || image.nodes.iter().any(|node| matches!(node.has, Has::Unknown(_)))
        };
        let lost = self.deployed.as_ref().is_some_and(|deployed| deployed.unknown.is_some());
        if lost || self.images.iter().any(unknown) { Outcome::Unreachable } else { Outcome::Fine }
    }
}

/// Where to look.
pub struct Look<'a> {
    pub engine: &'a Engine,
    pub state: &'a State,
    pub plan: &'a Plan,
    pub target: &'a str,
    /// The target's nodes, or why they are not known.
    pub nodes: &'a Result<Vec<Node>, Unknown>,
}

impl Look<'_> {
    /// What is known of `image`. `unset` says why its settings are not known whole, if so.
    pub async fn at(&self, image: &ImagePlan, unset: Option<Unknown>) -> ImageStatus {
        let record = match self.state.last_build(&image.name) {
            Ok(Some(record)) => record,
            Ok(None) => return self.nothing(image, Build::NotBuilt, || Check::No),
            Err(error) => {
                let unknown = Unknown::of(&error);
                let built = Build::Unknown { last: None, unknown: unknown.clone() };
                return self.nothing(image, built, || Check::Unknown(unknown.clone()));
            }
        };
        let here = self.engine.inspect(&record.engine_id).await;
        let (built, smoked, nodes) = tokio::join!(
            self.build(image, &record, &here, unset),
            self.smoked(image, &record.id),
            self.on_nodes(image, &record, &here)
        );
        let verified = self.check(&kept::verified(&kept::policy(self.state, self.plan, image), &record.id, true));
        ImageStatus { image: image.name.clone(), built, verified, smoked, nodes }
    }

    /// What there is to say without a build.
    fn nothing(&self, image: &ImagePlan, built: Build, check: impl Fn() -> Check) -> ImageStatus {
        let nodes = self.each_unasked();
        ImageStatus { image: image.name.clone(), built, verified: check(), smoked: check(), nodes }
    }

    async fn build(
        &self,
        image: &ImagePlan,
        record: &BuildRecord,
        here: &Result<ImageSummary, engine::Error>,
        unset: Option<Unknown>,
    ) -> Build {
        let (id, at) = (record.id.clone(), record.at);
        let stale = |cause, why: String| Build::Stale { id: id.clone(), at, cause, why };
        let unknown = |unknown| Build::Unknown { last: Some(Last { id: id.clone(), at }), unknown };
        if record.engine != self.engine.address().to_string() {
            return stale(Cause::Engine, format!("it was built in the engine at {}", record.engine));
        }
        if let Some(unset) = unset {
            return unknown(unset);
        }
        if record.settings != build::settings(image) {
            return stale(Cause::Settings, "its settings changed".to_owned());
        }
        match here {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {
                return stale(Cause::Gone, "the engine does not have it any more".to_owned());
            }
            Err(error) => return unknown(Unknown::of(error)),
        }
        let Some(inputs) = self.state.inputs(&image.name).and_then(|bytes| Inputs::from_bytes(&bytes)) else {
            return unknown(Unknown::because(building::uncertain(self.state, image)));
        };
        match inputs.compare(self.engine, image, &Options::default()).await {
            Ok((built, _)) if built.id == record.id => Build::Current { id: record.id.clone(), at },
            Ok(_) => unknown(Unknown::because("what is kept is not of one build: another run may be building")),
            Err(Differs::Settings) => stale(Cause::Settings, "its settings changed".to_owned()),
            Err(Differs::Engine) => stale(Cause::Engine, "it was built in another engine".to_owned()),
            Err(Differs::Files { first, count }) => {
                let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                stale(Cause::Files, format!("{}{more} changed", self.path(image, &first)))
            }
            Err(Differs::Base(base)) => stale(Cause::Base, format!("its base {base} changed, or is gone")),
            Err(Differs::Name(name)) => stale(Cause::Name, format!("the engine has another image as {name}, or none")),
            Err(Differs::Silent(error)) => unknown(Unknown::of(&error)),
            Err(Differs::Unread(why)) => unknown(Unknown::because(format!("files cannot be compared: {why}"))),
            Err(Differs::Asked) => unknown(Unknown::because("only the builder knows")),
        }
    }

    /// A file as its developer calls it.
    fn path(&self, image: &ImagePlan, path: &Path) -> String {
        short_path(path, &[&image.context, &self.plan.root])
    }

    async fn smoked(&self, image: &ImagePlan, id: &ImageId) -> Check {
        match kept::smoked(self.engine, image, &kept::smoke_options(self.plan, image), id, true).await {
            Ok(now) => self.check(&now),
            // It cannot have run beside what is not here any more.
            Err(error) if error.is_not_found() => {
                match self.state.evidence(Step::Smoke, id, &self.engine.address().to_string()) {
                    Ok(Some(_)) => stale(Stale::Needs),
                    Ok(None) => Check::No,
                    Err(error) => Check::Unknown(Unknown::of(&error)),
                }
            }
            Err(error) => Check::Unknown(Unknown::of(&error)),
        }
    }

    fn check(&self, now: &Evidence) -> Check {
        match gate::stale(self.state, now) {
            Ok(None) => Check::Yes,
            Ok(Some(why)) => stale(why),
            Err(error) => Check::Unknown(Unknown::of(&error)),
        }
    }

    fn each_unasked(&self) -> Vec<OnNode> {
        match self.nodes {
            Ok(nodes) => nodes.iter().map(|node| OnNode { node: node.name().to_owned(), has: Has::NotAsked }).collect(),
            Err(unknown) => vec![OnNode { node: self.target.to_owned(), has: Has::Unknown(unknown.clone()) }],
        }
    }

    async fn on_nodes(
        &self,
        image: &ImagePlan,
        record: &BuildRecord,
        here: &Result<ImageSummary, engine::Error>,
    ) -> Vec<OnNode> {
        let Ok(nodes) = self.nodes else { return self.each_unasked() };
        let summary = match here {
            Ok(summary) => summary,
            // Without its layers there is nothing to compare with.
            Err(error) if error.is_not_found() => return self.each_unasked(),
            Err(error) => {
                let has = |node: &Node| OnNode { node: node.name().to_owned(), has: Has::Unknown(Unknown::of(error)) };
                return nodes.iter().map(has).collect();
            }
        };
        join_all(nodes.iter().map(|node| self.on_node(node, image, record, summary))).await
    }

    async fn on_node(&self, node: &Node, image: &ImagePlan, record: &BuildRecord, summary: &ImageSummary) -> OnNode {
        let loaded = load::Image::of(&image.name, &record.id, summary, &image.tags);
        let has = match loaded.wanted() {
            Ok(wanted) => {
                // The session that this opens ends at once: nothing is sent.
                match node.open(self.engine, &wanted).await {
                    Ok(session) => Has::of(session.found(), record),
                    Err(error) => Has::Unknown(Unknown::of(&error)),
                }
            }
            Err(error) => Has::Unknown(Unknown::of(&error)),
        };
        OnNode { node: node.name().to_owned(), has }
    }
}

impl Has {
    fn of(found: &Found, record: &BuildRecord) -> Self {
        match found.moving.first() {
            _ if found.complete => Self::Complete,
            Some((_, id)) => Self::Other { id: id.clone(), builds_behind: record.builds_since(id) },
            None if found.content => Self::Unnamed,
            None => Self::Missing,
        }
    }
}

fn stale(why: Stale) -> Check {
    let cause = match why {
        Stale::Missing => return Check::No,
        Stale::Failed => return Check::Failed,
        Stale::Settings => "settings",
        Stale::Needs => "needs",
        Stale::Place => "engine",
        Stale::Version => "version",
    };
    Check::Stale { cause }
}
