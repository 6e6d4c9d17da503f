//! `loadline load`.

use crate::cli::args::Load;
use crate::cli::gate::{self, Standing};
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::{engine, facts, teaching};
use crate::engine::{Engine, ImageSummary};
use crate::event::Event;
use crate::load::{self, Asked, Image, Permit};
use crate::node::{Node, Surroundings, Target};
use crate::project::ImagePlan;
use crate::types::{Explained, ImageId, ImageRef, Outcome};
use futures_util::future::join_all;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// What is loaded to where no settings say it.
const DEFAULT_TARGET: &str = "minikube";

/// Loads the images that `args` name.
pub async fn run(session: &Session, args: &Load) -> Outcome {
    let loaded = if args.refs.is_empty() { planned(session, args).await } else { references(session, args).await };
    loaded.unwrap_or_else(|outcome| outcome)
}

/// The nodes of the target `text`, or why there are none.
pub async fn nodes(session: &Session, engine: &Engine, text: &str) -> Result<Vec<Node>, Outcome> {
    let target: Target = text.parse().map_err(|error| session.failed(None, &error))?;
    target.nodes(engine, &Surroundings::of_process()).await.map_err(|error| session.failed(None, &error))
}

async fn planned(session: &Session, args: &Load) -> Result<Outcome, Outcome> {
    let planned = planned::open(session, "load", &args.images, &Default::default(), false).await?;
    let Planned { plan, images, engine, .. } = &planned;
    let nodes = nodes(session, engine, args.to.or(&plan.target)).await?;
    let one = |image| last_build(session, &planned, image, &nodes, args.ungated);
    Ok(Outcome::worst(join_all(images.iter().map(one)).await))
}

async fn last_build(session: &Session, planned: &Planned, image: &ImagePlan, nodes: &[Node], ungated: bool) -> Outcome {
    match gate::last_build(&planned.state, &planned.engine, image).await {
        Ok(standing) => image_of_plan(session, planned, image, &standing, nodes, ungated, None).await,
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

/// Loads `image` as it stands, if it passed what it must; not to nodes that all say in `asked` that
/// they have it.
pub async fn image_of_plan(
    session: &Session,
    planned: &Planned,
    image: &ImagePlan,
    standing: &Standing,
    nodes: &[Node],
    ungated: bool,
    asked: Option<&Asked>,
) -> Outcome {
    let allowed = passed(session, planned, image, standing, ungated).await;
    if allowed != Outcome::Fine {
        return allowed;
    }
    let Standing { id, summary } = standing;
    if asked.is_some_and(|asked| asked.announce(&image.name, id, nodes, &session.events)) {
        return Outcome::Fine;
    }
    let image = Image::of(&image.name, id, summary, &image.tags);
    finish(session, &planned.engine, &image, nodes, &Permit::given(), &session.cancel).await
}

/// Loads `image` as it stands while `checks` go on: the nodes get what it is made of, but have it only
/// when `checks` ended well and it has passed what it must. How these ended is what counts.
pub async fn beside(
    session: &Session,
    planned: &Planned,
    image: &ImagePlan,
    standing: &Standing,
    nodes: &[Node],
    checks: impl Future<Output = Outcome>,
) -> Outcome {
    let (permit, stop) = (Permit::default(), session.cancel.child_token());
    let checked = async {
        let mut outcome = checks.await;
        if outcome == Outcome::Fine {
            outcome = passed(session, planned, image, standing, false).await;
        }
        if outcome == Outcome::Fine {
            permit.give()
        } else {
            stop.cancel()
        }
        outcome
    };
    let loaded = Image::of(&image.name, &standing.id, &standing.summary, &image.tags);
    let loading = finish(session, &planned.engine, &loaded, nodes, &permit, &stop);
    let (checked, loaded) = tokio::join!(checked, loading);
    Outcome::worst([checked, loaded])
}

/// Whether `image` as it stands passed what it must; why not is said.
async fn passed(
    session: &Session,
    Planned { plan, engine, state, .. }: &Planned,
    image: &ImagePlan,
    standing: &Standing,
    ungated: bool,
) -> Outcome {
    match gate::passed(state, engine, plan, image, &standing.id).await {
        Ok(()) => Outcome::Fine,
        Err(gate::NoEvidence::Stale { step, why, .. }) if ungated => {
            let text = format!("loaded ungated: no passing evidence of `{step}`, {why}");
            session.events.say(Event::Note { image: Some(image.name.clone()), text });
            Outcome::Fine
        }
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

/// If `stop` ends it, and not the whole run, whoever did that says why.
async fn finish(
    session: &Session,
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    permit: &Permit,
    stop: &CancellationToken,
) -> Outcome {
    let memory = facts::memory(engine);
    match load::load(engine, image, nodes, &memory, permit, &session.events, stop).await {
        Ok(_) => {
            session.lessons.note(engine, image, &memory);
            Outcome::Fine
        }
        Err(load::Error::Interrupted { .. }) if !session.cancel.is_cancelled() => Outcome::Fine,
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

async fn references(session: &Session, args: &Load) -> Result<Outcome, Outcome> {
    let project = if args.to.target.is_none() { session.settings(&planned::rules())? } else { None };
    let target = args.to.or(project.as_ref().map_or(DEFAULT_TARGET, |project| &project.plan.target));
    let engine = engine::connect(session).await?;
    teaching::stop(&engine).await;
    let (nodes, store) = tokio::join!(nodes(session, &engine, target), engine.stores_blobs());
    let (nodes, stores_blobs) = (nodes?, store.map_err(|error| session.failed(None, &error))?);
    let one = |reference| reference_of(session, &engine, stores_blobs, reference, &nodes);
    Ok(Outcome::worst(join_all(args.refs.iter().map(one)).await))
}

/// An id was given, and the image has no name to be loaded under.
#[derive(Debug, thiserror::Error)]
#[error("the image `{id}` has no name, and pods name their images")]
struct NoName {
    id: String,
}

impl Explained for NoName {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!("`docker tag {} NAME:TAG`, then `loadline load --image NAME:TAG`", self.id))
    }
}

/// What the engine has as `reference`, and the names to load it under. What is no name of an image
/// may be the start of its id.
async fn named(engine: &Engine, reference: &ImageRef) -> Result<(ImageSummary, Vec<ImageRef>), Box<dyn Explained>> {
    match engine.inspect(&reference.canonical()).await {
        Ok(summary) => Ok((summary, vec![reference.clone()])),
        Err(unknown) if unknown.is_not_found() => {
            let id = id_of(reference);
            let summary = engine.inspect(&id).await.map_err(|_| Box::new(unknown) as Box<dyn Explained>)?;
            // The names that a load makes are not the image's own.
            let own = |name: &ImageRef| !name.tag().is_some_and(|tag| tag.starts_with("id-"));
            let names = summary.names.iter().filter_map(|name| name.parse().ok());
            let names: Vec<ImageRef> = names.filter(own).collect();
            if names.is_empty() { Err(Box::new(NoName { id })) } else { Ok((summary, names)) }
        }
        Err(error) => Err(Box::new(error)),
    }
}

/// An id as it was typed: `sha256:…`, or the start of one without that.
fn id_of(reference: &ImageRef) -> String {
    let name = reference.familiar_name();
    reference.tag().filter(|_| name == "sha256").map_or_else(|| name.clone(), |hex| format!("sha256:{hex}"))
}

async fn reference_of(
    session: &Session,
    engine: &Engine,
    stores_blobs: bool,
    reference: &ImageRef,
    nodes: &[Node],
) -> Outcome {
    let name = reference.to_string();
    let (summary, tags) = match named(engine, reference).await {
        Ok(found) => found,
        Err(error) => return session.failed(Some(&name), &*error),
    };
    // Where the engine's id is not the config's digest, only reading the image tells that.
    let id = if stores_blobs {
        match facts::of_engine(session, engine, &name, &summary, None).await {
            Ok(known) => known.facts.id,
            Err(error) => return session.failed(Some(&name), &error),
        }
    } else {
        ImageId(summary.engine_id.clone())
    };
    session.events.say(Event::Note { image: Some(name.clone()), text: "ungated: not an image of the plan".to_owned() });
    let image = Image::of(&name, &id, &summary, &tags);
    finish(session, engine, &image, nodes, &Permit::given(), &session.cancel).await
}
