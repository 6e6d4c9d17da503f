//! `loadline why`.

use crate::blame::{Blame, Growth, Survey, blame_surveyed};
use crate::cli::args::Why;
use crate::cli::browse::{self, Subject};
use crate::cli::facts::{self, ReadError};
use crate::cli::gate;
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::{engine, kept, render};
use crate::engine::Engine;
use crate::image::ImageFacts;
use crate::image::dockerfile::Origin;
use crate::project::ImagePlan;
use crate::types::{Explained, Outcome};
use crate::verify::{Policy, Source};
use serde_json::{Value, json};

/// How many of each list are printed.
const TOP: usize = 5;

/// An image that was blamed.
struct Blamed {
    name: String,
    facts: ImageFacts,
    origins: Vec<Origin>,
    survey: Survey,
    blame: Blame,
    growth: Option<Growth>,
}

/// There is no build before the last one to compare with.
#[derive(Debug, thiserror::Error)]
#[error("no build of {image} before the last one is known")]
struct NoBaseline {
    image: String,
}

impl Explained for NoBaseline {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        Some("name an image instead: `--against REF`".to_owned())
    }
}

/// Shows where the bytes of the images come from that `args` name.
pub async fn run(session: &Session, args: &Why) -> Outcome {
    let found = match (&args.archive, args.refs.is_empty()) {
        (Some(_), _) => archive(session, args).await,
        (None, false) => references(session, args).await,
        (None, true) => planned(session, args).await,
    };
    match found {
        Ok(all) if is_browsed(session, args) => browsed(session, &all).await,
        Ok(all) => session.written(session.terminal.data(&document(session, args, &all))),
        Err(outcome) => outcome,
    }
}

/// Somebody sits there, and asked for nothing that is printed.
fn is_browsed(session: &Session, args: &Why) -> bool {
    session.terminal.attended && !session.global.json && !args.print && args.top.is_none()
}

async fn browsed(session: &Session, all: &[Blamed]) -> Outcome {
    let left = browse::run(session, all.iter().map(Blamed::subject).collect()).await;
    left.unwrap_or_else(|error| session.failed(None, &error))
}

fn document(session: &Session, args: &Why, all: &[Blamed]) -> String {
    if session.global.json {
        let one = |one: &Blamed| json!({ "image": one.name, "blame": one.blame, "growth": one.growth });
        return format!("{:#}\n", Value::from(all.iter().map(one).collect::<Vec<_>>()));
    }
    let one = |one: &Blamed| {
        let page = render::why::Page { top: args.top.unwrap_or(TOP), paint: session.terminal.out };
        page.text(&one.name, one.facts.layers.len(), &one.blame, one.growth.as_ref())
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

async fn archive(session: &Session, args: &Why) -> Result<Vec<Blamed>, Outcome> {
    let Some(path) = &args.archive else { return Ok(Vec::new()) };
    let name = facts::archive_name(path);
    let known = facts::of_archive(session, path).await.map_err(|error| session.failed(Some(&name), &error))?;
    let against = match &args.against {
        // An archive alone needs no engine.
        Some(reference) => Some(read(session, &engine::connect(session).await?, reference).await?),
        None => None,
    };
    Ok(vec![Blamed::new(name, known.facts, None, against)])
}

async fn references(session: &Session, args: &Why) -> Result<Vec<Blamed>, Outcome> {
    let engine = engine::connect(session).await?;
    let against = match &args.against {
        Some(reference) => Some(read(session, &engine, reference).await?),
        None => None,
    };
    let mut all = Vec::new();
    for reference in &args.refs {
        let facts = read(session, &engine, reference).await?;
        all.push(Blamed::new(reference.clone(), facts, None, against.clone()));
    }
    Ok(all)
}

async fn planned(session: &Session, args: &Why) -> Result<Vec<Blamed>, Outcome> {
    let planned = planned::open(session, "why", &args.images, &Default::default(), false).await?;
    let mut all = Vec::new();
    for image in &planned.images {
        let standing = gate::last_build(&planned.state, &planned.engine, image).await;
        let standing = standing.map_err(|error| session.failed(Some(&image.name), &error))?;
        let known = facts::of_engine(session, &planned.engine, &image.name, &standing.summary, Some(&standing.id));
        let known = known.await.map_err(|error| session.failed(Some(&image.name), &error))?;
        let against = match args.against.as_deref() {
            Some("baseline") => Some(baseline(session, &planned, image).await?),
            Some(reference) => Some(read(session, &planned.engine, reference).await?),
            None => None,
        };
        let source = Policy::of(&planned.plan, image).dockerfile;
        all.push(Blamed::new(image.name.clone(), known.facts, source.as_ref(), against));
    }
    Ok(all)
}

/// The build of `image` before its last one.
async fn baseline(session: &Session, planned: &Planned, image: &ImagePlan) -> Result<ImageFacts, Outcome> {
    let none = || session.failed(Some(&image.name), &NoBaseline { image: image.name.clone() });
    let id = kept::before(&planned.state, image).ok_or_else(none)?;
    match facts::store().image(&id) {
        Some(facts) => Ok(facts),
        None => read(session, &planned.engine, &id.to_string()).await,
    }
}

async fn read(session: &Session, engine: &Engine, reference: &str) -> Result<ImageFacts, Outcome> {
    let failed = |error: &dyn Explained| session.failed(Some(reference), error);
    let summary = engine.inspect(reference).await.map_err(|error| failed(&error))?;
    let known = facts::of_engine(session, engine, reference, &summary, None).await;
    known.map(|known| known.facts).map_err(|error: ReadError| failed(&error))
}

impl Blamed {
    fn new(name: String, facts: ImageFacts, source: Option<&Source>, against: Option<ImageFacts>) -> Self {
        let (origins, survey) = (facts::origins(&facts, source), Survey::of(&facts));
        let now = blame_surveyed(&facts, &origins, &survey);
        let growth = against.map(|before| {
            let blame = blame_surveyed(&before, &facts::origins(&before, source), &Survey::of(&before));
            Growth::between((&blame, &before), (&now, &facts))
        });
        Self { name, facts, origins, survey, blame: now, growth }
    }

    fn subject(&self) -> Subject<'_> {
        let Self { name, facts, origins, survey, blame, growth } = self;
        Subject { name, facts, origins, survey, blame, growth: growth.as_ref() }
    }
}
