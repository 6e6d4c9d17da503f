//! `loadline up`: build, then verify and smoke side by side, then load; for all images at once, and
//! only what is not proven yet.

use crate::build::Options;
use crate::cli::args::Up;
use crate::cli::building::Builder;
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::verbs::{load, smoke, verify};
use crate::cli::{gate, kept};
use crate::engine::Engine;
use crate::event::Event;
use crate::evidence::{Evidence, State};
use crate::node::Node;
use crate::project::{ImagePlan, Plan};
use crate::types::{ImageId, Outcome};
use crate::verify::Policy;
use futures_util::future::join_all;

/// All that the chain of one image needs.
struct Chain<'a> {
    session: &'a Session,
    engine: &'a Engine,
    builder: &'a Builder<'a>,
    state: &'a State,
    plan: &'a Plan,
    nodes: &'a [Node],
}

/// Brings the images that `args` name into the target's nodes.
pub async fn run(session: &Session, args: &Up) -> Outcome {
    up(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn up(session: &Session, args: &Up) -> Result<Outcome, Outcome> {
    let planned = planned::open(session, "up", &args.images, &Default::default(), true).await?;
    let Planned { plan, images, engine, state, .. } = &planned;
    // A target that is not there is said before anything is built for it.
    let nodes = load::nodes(session, engine, args.target.as_deref().unwrap_or(&plan.target)).await?;
    let builder = Builder::new(session, engine, state);
    let chain = Chain { session, engine, builder: &builder, state, plan, nodes: &nodes };
    Ok(Outcome::worst(join_all(images.iter().map(|image| chain.run(image))).await))
}

impl Chain<'_> {
    async fn run(&self, image: &ImagePlan) -> Outcome {
        let id = match self.builder.build(image, &Options::default()).await {
            Ok(built) => built.id,
            Err(outcome) => return outcome,
        };
        let checked =
            Outcome::worst(<[Outcome; 2]>::from(tokio::join!(self.verify(image, &id), self.smoke(image, &id))));
        if checked != Outcome::Fine {
            return checked;
        }
        load::image_of_plan(self.session, self.engine, self.state, self.plan, image, self.nodes, false).await
    }

    async fn verify(&self, image: &ImagePlan, id: &ImageId) -> Outcome {
        if self.holds(image, &kept::verified(&Policy::of(self.plan, image), id, true)) {
            return Outcome::Fine;
        }
        let looked = verify::image_of_plan(self.session, self.engine, self.state, self.plan, image).await;
        looked.say(self.session);
        looked.outcome()
    }

    async fn smoke(&self, image: &ImagePlan, id: &ImageId) -> Outcome {
        let options = kept::smoke_options(self.plan);
        // A need whose image is not here yet has no evidence either: the smoke test pulls it.
        if let Ok(now) = kept::smoked(self.engine, image, &options, id, true).await
            && self.holds(image, &now)
        {
            return Outcome::Fine;
        }
        smoke::image_of_plan(self.session, self.engine, self.state, self.plan, image).await
    }

    /// Whether the step that `now` is evidence of has passed already; if so, this is said.
    fn holds(&self, image: &ImagePlan, now: &Evidence) -> bool {
        // A record that cannot be read proves nothing.
        let holds = matches!(gate::stale(self.state, now), Ok(None));
        if holds {
            let text = format!("{} passed before, and nothing that it depends on changed", now.step);
            self.session.events.say(Event::Note { image: Some(image.name.clone()), text });
        }
        holds
    }
}
