//! `loadline smoke`.

use crate::cli::args::Smoke;
use crate::cli::gate::{self, Standing};
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::{engine, kept, render, teaching};
use crate::engine::{Engine, Error as EngineError};
use crate::project::ImagePlan;
use crate::smoke::{self, Image, Measuring, Options, Report};
use crate::types::{Explained, ImageId, Outcome};
use futures_util::future::join_all;

/// Smokes the images that `args` name.
pub async fn run(session: &Session, args: &Smoke) -> Outcome {
    let smoked = if args.refs.is_empty() { planned(session, args).await } else { references(session, args).await };
    smoked.unwrap_or_else(|outcome| outcome)
}

async fn planned(session: &Session, args: &Smoke) -> Result<Outcome, Outcome> {
    let planned = planned::open(session, "smoke", &args.images, &Default::default(), false).await?;
    if let Some(measuring) = measuring(args) {
        // One after the other: side by side they would measure each other.
        let mut outcomes = Vec::new();
        for image in &planned.images {
            outcomes.push(measured(session, &planned, image, &measuring).await);
        }
        return Ok(Outcome::worst(outcomes));
    }
    let one = |image| last_build(session, &planned, image);
    Ok(Outcome::worst(join_all(planned.images.iter().map(one)).await))
}

fn measuring(args: &Smoke) -> Option<Measuring> {
    Some(Measuring { starts: args.measure?.into(), slow: args.slow.clone() })
}

/// Measures `image` as it was built last. If it does not become ready, a smoke test says why.
async fn measured(session: &Session, planned: &Planned, image: &ImagePlan, measuring: &Measuring) -> Outcome {
    let standing = match gate::last_build(&planned.state, &planned.engine, image).await {
        Ok(standing) => standing,
        Err(error) => return session.failed(Some(&image.name), &error),
    };
    let options = kept::smoke_options(&planned.plan, image);
    let engine_id = standing.summary.engine_id.to_string();
    let target = Image { id: &standing.id, engine_id: &engine_id };
    match measure(session, &planned.engine, target, image, (&options, measuring)).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => image_of_plan(session, planned, image, &standing).await,
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

/// Measures an image and prints what came of it; none if it does not become ready.
async fn measure(
    session: &Session,
    engine: &Engine,
    image: Image<'_>,
    plan: &ImagePlan,
    how: (&Options, &Measuring),
) -> Result<Option<Outcome>, smoke::Error> {
    let measured = smoke::measure(engine, image, plan, how, &session.events, &session.cancel).await?;
    let Some(measured) = measured else { return Ok(None) };
    measured.findings.iter().for_each(|finding| session.finding(&measured.image, finding));
    let outcome = if measured.passed { Outcome::Fine } else { Outcome::Findings };
    if session.global.json {
        return Ok(Some(outcome));
    }
    let page = render::measured::page(&measured, session.terminal.out);
    Ok(Some(Outcome::worst([outcome, session.written(session.terminal.data(&page))])))
}

async fn last_build(session: &Session, planned: &Planned, image: &ImagePlan) -> Outcome {
    match gate::last_build(&planned.state, &planned.engine, image).await {
        Ok(standing) => image_of_plan(session, planned, image, &standing).await,
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

/// Smokes `image` as it stands, and keeps what came of it.
pub async fn image_of_plan(session: &Session, planned: &Planned, image: &ImagePlan, standing: &Standing) -> Outcome {
    let options = kept::smoke_options(&planned.plan, image);
    let engine_id = standing.summary.engine_id.to_string();
    let target = Image { id: &standing.id, engine_id: &engine_id };
    match smoke::smoke(&planned.engine, target, image, &options, &session.events, &session.cancel).await {
        Ok(report) => kept_outcome(session, planned, image, &options, &report).await,
        Err(error) => session.failed(Some(&image.name), &error),
    }
}

async fn kept_outcome(
    session: &Session,
    planned: &Planned,
    image: &ImagePlan,
    options: &Options,
    report: &Report,
) -> Outcome {
    let evidence = kept::smoked(&planned.engine, image, options, &report.id, report.passed).await;
    let kept = match evidence.map(|evidence| planned.state.keep(&evidence)) {
        Ok(Ok(())) => Outcome::Fine,
        Ok(Err(error)) => session.failed(Some(&image.name), &error),
        Err(error) => session.failed(Some(&image.name), &error),
    };
    Outcome::worst([outcome(session, report), kept])
}

/// How a run ends that this is all of; why it failed is said.
fn outcome(session: &Session, report: &Report) -> Outcome {
    if report.failure.is_none() {
        report.findings.iter().for_each(|finding| session.finding(&report.image, finding));
    }
    match &report.failure {
        Some(failure) => session.failed(Some(&report.image), failure),
        None if report.passed => Outcome::Fine,
        None => Outcome::Findings,
    }
}

async fn references(session: &Session, args: &Smoke) -> Result<Outcome, Outcome> {
    let engine = engine::connect(session).await?;
    teaching::stop(&engine).await;
    let measuring = measuring(args);
    let one = async |reference: &String| {
        let plan = described(reference, args);
        let smoked = reference_in(session, &engine, &plan, measuring.as_ref()).await;
        smoked.unwrap_or_else(|error| session.failed(Some(reference), &*error))
    };
    if measuring.is_none() {
        return Ok(Outcome::worst(join_all(args.refs.iter().map(one)).await));
    }
    let mut outcomes = Vec::new();
    for reference in &args.refs {
        outcomes.push(one(reference).await);
    }
    Ok(Outcome::worst(outcomes))
}

async fn reference_in(
    session: &Session,
    engine: &Engine,
    plan: &ImagePlan,
    measuring: Option<&Measuring>,
) -> Result<Outcome, Box<dyn Explained>> {
    let boxed = |error: EngineError| -> Box<dyn Explained> { Box::new(error) };
    let found = engine.inspect(&plan.name).await.map_err(boxed)?;
    // What is reported is the engine's own id: reading the image for its config's would cost more
    // than the smoke test.
    let (id, engine_id) = (ImageId(found.engine_id.clone()), found.engine_id.to_string());
    let (image, options) = (Image { id: &id, engine_id: &engine_id }, Options::default());
    if let Some(measuring) = measuring {
        let measured = measure(session, engine, image, plan, (&options, measuring)).await;
        if let Some(outcome) = measured.map_err(|error| -> Box<dyn Explained> { Box::new(error) })? {
            return Ok(outcome);
        }
    }
    let smoked = smoke::smoke(engine, image, plan, &options, &session.events, &session.cancel).await;
    match smoked {
        Ok(report) => Ok(outcome(session, &report)),
        Err(error) => Err(Box::new(error)),
    }
}

/// An image outside the plan, as the options describe it.
fn described(reference: &str, args: &Smoke) -> ImagePlan {
    let mut plan = ImagePlan::undescribed(reference);
    if let Some(path) = &args.path {
        plan.probe.path.clone_from(path);
    }
    plan.probe.port = args.port;
    plan.probe.deadline = args.deadline.unwrap_or(plan.probe.deadline);
    if !args.writable.is_empty() {
        plan.run.writable.clone_from(&args.writable);
    }
    plan.run.memory = args.memory.unwrap_or(plan.run.memory);
    plan.run.env.extend(args.env.iter().cloned());
    plan
}
