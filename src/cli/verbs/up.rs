//! `loadline up`: build, then verify and smoke side by side, then load; for all images at once, and
//! only what is not proven yet. The bytes of what was just built go to the nodes while it is checked.

use crate::build::{Built, Options};
use crate::cli::args::Up;
use crate::cli::building::Builder;
use crate::cli::cluster::{self, Workplace};
use crate::cli::gate::{self, Standing};
use crate::cli::kept;
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::verbs::verify::Against;
use crate::cli::verbs::{deploy, load, smoke, verify};
use crate::engine::Engine;
use crate::event::Event;
use crate::evidence::{BuildRecord, Evidence};
use crate::load::{Asked, Image};
use crate::node::Node;
use crate::project::{ImagePlan, Need, Plan};
use crate::types::{Explained, ImageId, Outcome};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, join_all};
use std::rc::Rc;

type Building<'a> = Shared<LocalBoxFuture<'a, Result<Built, Outcome>>>;
/// The nodes' answers about the images as they were built last.
type Asking<'a> = Shared<LocalBoxFuture<'a, Rc<Asked>>>;

/// All that the chain of one image needs.
struct Chain<'a, 'b> {
    session: &'a Session,
    planned: &'a Planned,
    builds: &'a [(&'b str, Building<'b>)],
    nodes: &'a [Node],
    /// What was built before this run, which the nodes are asked about.
    known: &'a [ImageId],
    asking: Asking<'a>,
}

/// Brings the images that `args` name into the target's nodes.
pub async fn run(session: &Session, args: &Up) -> Outcome {
    up(session, args).await.unwrap_or_else(|outcome| outcome)
}

/// What only a deployment knows what to do with.
#[derive(Debug, thiserror::Error)]
#[error("nothing is deployed without `--deploy`, and an option says how to")]
struct NotDeployed;

impl Explained for NotDeployed {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("add `--deploy`".to_owned())
    }
}

async fn up(session: &Session, args: &Up) -> Result<Outcome, Outcome> {
    let Up { into, options, .. } = args;
    let idle = into.context.is_none() && into.namespace.is_none() && options.set.is_empty() && !options.roll_back;
    if !args.deploy && !idle {
        return Err(session.failed(None, &NotDeployed));
    }
    let planned = planned::open(session, "up", &args.images, &Default::default(), true).await?;
    // A cluster that is not there is said before anything is built for it.
    let place = if args.deploy { Some(workplace(session, &planned.plan, args).await?) } else { None };
    let brought = bring(session, args, &planned).await?;
    match place {
        Some(place) => deploy::after_up(session, &planned, args, &brought, place).await,
        None => Ok(Outcome::Fine),
    }
}

async fn workplace(session: &Session, plan: &Plan, args: &Up) -> Result<Workplace, Outcome> {
    let deployment = cluster::deployment(session, plan, &args.into, &args.options.set)?;
    Workplace::open(session, plan, deployment, &args.to, &args.into).await
}

/// Brings the images into the nodes; gives them as they stand there, each with its place in the plan.
async fn bring<'a>(
    session: &Session,
    args: &Up,
    planned: &'a Planned,
) -> Result<Vec<(&'a ImagePlan, Standing)>, Outcome> {
    let Planned { plan, images, engine, state, .. } = planned;
    // A target that is not there is said before anything is built for it.
    let nodes = load::nodes(session, engine, args.to.or(&plan.target)).await?;
    let builder = Builder::new(session, engine, state);
    let options = Options::default();
    let build = |image| -> Building<'_> { builder.build(image, &options).boxed_local().shared() };
    let builds: Vec<(&str, Building<'_>)> =
        with_needs(plan, images).into_iter().map(|image| (image.name.as_str(), build(image))).collect();
    let last = |image: &'_ ImagePlan| Some((image.clone(), state.last_build(&image.name).ok()??));
    let last: Vec<(ImagePlan, BuildRecord)> = images.iter().filter_map(last).collect();
    let known: Vec<ImageId> = last.iter().map(|(_, record)| record.id.clone()).collect();
    // If nothing changed, their answer is all that has to be waited for: they are asked at once.
    let asking: Asking<'_> = ask(engine, last, &nodes).map(Rc::new).boxed_local().shared();
    let asked = asking.clone();
    let chain = Chain { session, planned, builds: &builds, nodes: &nodes, known: &known, asking };
    let (_, ended) = tokio::join!(asked, join_all(images.iter().map(|image| chain.run(image))));
    let (mut standing, mut outcomes) = (Vec::new(), Vec::new());
    for (image, ended) in images.iter().zip(ended) {
        match ended {
            Ok(one) => standing.push((image, one)),
            Err(outcome) => outcomes.push(outcome),
        }
    }
    if outcomes.is_empty() { Ok(standing) } else { Err(Outcome::worst(outcomes)) }
}

/// What the nodes have of images as they were built last.
async fn ask(engine: &Engine, last: Vec<(ImagePlan, BuildRecord)>, nodes: &[Node]) -> Asked {
    let image = async |(image, record): &(ImagePlan, BuildRecord)| {
        let summary = engine.inspect(&record.engine_id).await.ok()?;
        Some(Image::of(&image.name, &record.id, &summary, &image.tags))
    };
    let images = join_all(last.iter().map(image)).await;
    crate::load::ask(engine, &images.into_iter().flatten().collect::<Vec<_>>(), nodes).await
}

/// The images, and those of the plan that they run beside, which must be built as well.
fn with_needs<'a>(plan: &'a Plan, images: &'a [ImagePlan]) -> Vec<&'a ImagePlan> {
    let mut all: Vec<&ImagePlan> = images.iter().collect();
    let mut next = 0;
    while let Some(image) = all.get(next) {
        let named = |need: &&Need| need.built_here && !all.iter().any(|one| one.name == need.name);
        let names: Vec<&str> = image.needs.iter().filter(named).map(|need| need.name.as_str()).collect();
        all.extend(plan.images.iter().filter(|one| names.contains(&one.name.as_str())));
        next += 1;
    }
    all
}

fn fine(outcome: Outcome) -> Result<(), Outcome> {
    if outcome == Outcome::Fine { Ok(()) } else { Err(outcome) }
}

impl Chain<'_, '_> {
    async fn run(&self, image: &ImagePlan) -> Result<Standing, Outcome> {
        let built = self.built(&image.name).await.unwrap_or(Err(Outcome::StepFailed))?;
        let standing = gate::just_built(&self.planned.engine, image, &built).await;
        let standing = standing.map_err(|error| self.session.failed(Some(&image.name), &error))?;
        let checks = async {
            let both = tokio::join!(self.verify(image, &standing), self.smoke(image, &standing));
            Outcome::worst(<[Outcome; 2]>::from(both))
        };
        let Self { session, planned, nodes, .. } = self;
        if self.known.contains(&standing.id) {
            fine(checks.await)?;
            let asked = self.asking.clone().await;
            fine(load::image_of_plan(session, planned, image, &standing, nodes, false, Some(&asked)).await)?;
        } else {
            // The nodes were not asked about what was built only now.
            fine(load::beside(session, planned, image, &standing, nodes, checks).await)?;
        }
        Ok(standing)
    }

    /// The build of `name`, which is awaited by whoever needs it.
    async fn built(&self, name: &str) -> Option<Result<Built, Outcome>> {
        let (_, build) = self.builds.iter().find(|(one, _)| *one == name)?;
        Some(build.clone().await)
    }

    async fn verify(&self, image: &ImagePlan, standing: &Standing) -> Outcome {
        let policy = kept::policy(&self.planned.state, &self.planned.plan, image);
        if self.holds(image, &kept::verified(&policy, &standing.id, true)) {
            return Outcome::Fine;
        }
        let looked = verify::image_of_plan(self.session, self.planned, image, standing, &Against::Before).await;
        looked.say(self.session);
        looked.explain(self.session);
        looked.outcome()
    }

    async fn smoke(&self, image: &ImagePlan, standing: &Standing) -> Outcome {
        // What it runs beside must be of the same run, or the evidence would be stale at once.
        for need in image.needs.iter().filter(|need| need.built_here) {
            if let Some(Err(outcome)) = self.built(&need.name).await {
                let text = format!("not smoked: {}, which it needs, was not built", need.name);
                self.session.events.say(Event::Note { image: Some(image.name.clone()), text });
                return outcome;
            }
        }
        let options = kept::smoke_options(&self.planned.plan, image);
        // A need whose image is not here yet has no evidence either: the smoke test pulls it.
        if let Ok(now) = kept::smoked(&self.planned.engine, image, &options, &standing.id, true).await
            && self.holds(image, &now)
        {
            return Outcome::Fine;
        }
        smoke::image_of_plan(self.session, self.planned, image, standing).await
    }

    /// Whether the step that `now` is evidence of has passed already; if so, this is said.
    fn holds(&self, image: &ImagePlan, now: &Evidence) -> bool {
        // A record that cannot be read proves nothing.
        let holds = matches!(gate::stale(&self.planned.state, now), Ok(None));
        if holds {
            let text = format!("{} passed before, and nothing that it depends on changed", now.step);
            self.session.events.say(Event::Note { image: Some(image.name.clone()), text });
        }
        holds
    }
}
