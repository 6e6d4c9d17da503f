//! `loadline load`.

use crate::cli::args::Load;
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::{engine, facts, gate, teaching};
use crate::engine::Engine;
use crate::event::Event;
use crate::evidence::State;
use crate::load::{self, Image};
use crate::node::{Node, Surroundings, Target};
use crate::project::{ImagePlan, Plan};
use crate::types::{Digest, ImageId, ImageRef, Outcome};
use futures_util::future::join_all;

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
    let Planned { plan, images, engine, state, .. } = &planned;
    let nodes = nodes(session, engine, args.target.as_deref().unwrap_or(&plan.target)).await?;
    let one = |image| image_of_plan(session, engine, state, plan, image, &nodes, args.ungated);
    Ok(Outcome::worst(join_all(images.iter().map(one)).await))
}

/// Loads the last build of `image`, if it passed what it must.
pub async fn image_of_plan(
    session: &Session,
    engine: &Engine,
    state: &State,
    plan: &Plan,
    image: &ImagePlan,
    nodes: &[Node],
    ungated: bool,
) -> Outcome {
    let name = Some(image.name.as_str());
    let (build, summary) = match gate::last_build(state, engine, image).await {
        Ok(found) => found,
        Err(error) => return session.failed(name, &error),
    };
    match gate::passed(state, engine, plan, image, &build).await {
        Ok(()) => {}
        Err(gate::NoEvidence::Stale { step, why, .. }) if ungated => {
            let text = format!("loaded ungated: no passing evidence of `{step}`, {why}");
            session.events.say(Event::Note { image: Some(image.name.clone()), text });
        }
        Err(error) => return session.failed(name, &error),
    }
    let layers = facts::layer_sizes(&build.id);
    let load = Image {
        name: image.name.clone(),
        id: build.id,
        engine_id: summary.engine_id,
        tags: image.tags.clone(),
        layers,
    };
    finish(session, engine, &load, nodes).await
}

async fn finish(session: &Session, engine: &Engine, image: &Image, nodes: &[Node]) -> Outcome {
    let digests = facts::digests(engine);
    match load::load(engine, image, nodes, &digests, &session.events, &session.cancel).await {
        Ok(_) => {
            session.lessons.note(engine, image, &digests).await;
            Outcome::Fine
        }
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

async fn references(session: &Session, args: &Load) -> Result<Outcome, Outcome> {
    let engine = engine::connect(session).await?;
    teaching::stop(&engine).await;
    let nodes = nodes(session, &engine, args.target.as_deref().unwrap_or(DEFAULT_TARGET)).await?;
    let one = |reference| reference_of(session, &engine, reference, &nodes);
    Ok(Outcome::worst(join_all(args.refs.iter().map(one)).await))
}

async fn reference_of(session: &Session, engine: &Engine, reference: &ImageRef, nodes: &[Node]) -> Outcome {
    let name = reference.to_string();
    let summary = match engine.inspect(&reference.canonical()).await {
        Ok(summary) => summary,
        Err(error) => return session.failed(Some(&name), &error),
    };
    // Where the engine's id is not the config's digest, only reading the image tells that.
    let known = match facts::of_engine(session, engine, &name, &summary, None).await {
        Ok(known) => known,
        Err(error) => return session.failed(Some(&name), &error),
    };
    session.events.say(Event::Note { image: Some(name.clone()), text: "ungated: not an image of the plan".to_owned() });
    let (id, engine_id): (ImageId, Digest) = (known.facts.id.clone(), summary.engine_id);
    let layers = Some(known.facts.layers.iter().map(|layer| layer.size).collect());
    let load = Image { name, id, engine_id, tags: vec![reference.clone()], layers };
    finish(session, engine, &load, nodes).await
}
