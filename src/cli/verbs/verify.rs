//! `loadline verify`.

use crate::cli::args::{Format, Verify};
use crate::cli::facts::{self, Known};
use crate::cli::gate::{self, Standing};
use crate::cli::planned::{self, Planned};
use crate::cli::session::Session;
use crate::cli::{engine, kept, page, pods};
use crate::engine::{Engine, ImageSummary};
use crate::event::Failure;
use crate::evidence::Timeline;
use crate::project::{Budgets, ImagePlan, Overrides};
use crate::report;
use crate::types::{ByteSize, Explained, Outcome, Severity};
use crate::verify::format::{self, Report, Result as Checked};
use crate::verify::{Policy, Previous};
use futures_util::future::join_all;
use std::path::Path;
use std::time::{Duration, Instant};

/// An image that was looked at: what to print of it, and how long that took.
pub struct Looked {
    /// What to print.
    pub report: Report,
    read: Duration,
    all: Duration,
    /// What was read; none if it could not be.
    seen: Option<page::Seen>,
    /// What its last build did, or why that is not known.
    timeline: Result<Timeline, String>,
}

/// Verifies the images that `args` name.
pub async fn run(session: &Session, args: &Verify) -> Outcome {
    let looked = match (&args.archive, args.refs.is_empty()) {
        (Some(path), _) => archive(session, args, path).await,
        (None, false) => references(session, args).await,
        (None, true) => planned(session, args).await,
    };
    match looked {
        Ok(looked) => finish(session, args, looked),
        Err(outcome) => outcome,
    }
}

/// What an image outside the plan is held to.
fn policy(args: &Verify, previous: Option<Previous>) -> Policy {
    let budgets = Budgets { growth: args.growth, ..Budgets::default() };
    Policy { budget: args.budget, budgets, numeric_user: args.numeric_user, previous, ..Policy::default() }
}

/// The image that `args` compare with, if they name one.
async fn against(session: &Session, args: &Verify, engine: &Engine) -> Result<Option<Previous>, Outcome> {
    let Some(reference) = &args.against else { return Ok(None) };
    let failed = |error: &dyn Explained| session.failed(Some(reference), error);
    let summary = engine.inspect(reference).await.map_err(|error| failed(&error))?;
    let known = facts::of_engine(session, engine, reference, &summary, None).await.map_err(|error| failed(&error))?;
    Ok(Some(previous_of(&known)))
}

async fn archive(session: &Session, args: &Verify, path: &Path) -> Result<Vec<Looked>, Outcome> {
    let previous = match args.against {
        Some(_) => against(session, args, &engine::connect(session).await?).await?,
        // An archive alone needs no engine.
        None => None,
    };
    let known = facts::of_archive(session, path).await;
    let looked = look(session, &facts::archive_name(path), &policy(args, previous), None, known);
    Ok(vec![looked.without_timeline("an archive does not say how it was built")])
}

async fn references(session: &Session, args: &Verify) -> Result<Vec<Looked>, Outcome> {
    let engine = engine::connect(session).await?;
    let policy = policy(args, against(session, args, &engine).await?);
    let one = |reference| {
        let (engine, policy) = (&engine, &policy);
        async move {
            match engine.inspect(reference).await {
                Ok(summary) => {
                    let known = facts::of_engine(session, engine, reference, &summary, None).await;
                    look(session, reference, policy, Some(&summary), known)
                }
                Err(error) => look(session, reference, policy, None, Err::<Known, _>(error)),
            }
        }
    };
    let looked = join_all(args.refs.iter().map(|reference| one(reference.as_str()))).await;
    let why = "only builds of the images of a plan are recorded, and `--image` asks for none of these";
    Ok(looked.into_iter().map(|one| one.without_timeline(why)).collect())
}

async fn planned(session: &Session, args: &Verify) -> Result<Vec<Looked>, Outcome> {
    let overrides = Overrides { budget: args.budget, numeric_user: args.numeric_user, ..Default::default() };
    let mut planned = planned::open(session, "verify", &args.images, &overrides, false).await?;
    if let Some(growth) = args.growth {
        planned.images.iter_mut().for_each(|image| image.budgets.growth = Some(growth));
    }
    let against = match against(session, args, &planned.engine).await? {
        Some(named) => Against::Named(named),
        None if args.format == Format::Markdown => Against::Shown,
        None if args.format == Format::Html => Against::Read,
        None => Against::Before,
    };
    Ok(join_all(planned.images.iter().map(|image| last_build(session, &planned, image, &against))).await)
}

async fn last_build(session: &Session, planned: &Planned, image: &ImagePlan, against: &Against) -> Looked {
    match gate::last_build(&planned.state, &planned.engine, image).await {
        Ok(standing) => {
            let looked = image_of_plan(session, planned, image, &standing, against).await;
            let report = Report { build: page::build_time(&planned.state, image, &standing.id), ..looked.report };
            Looked { timeline: page::timeline(&planned.state, image, &standing.id), report, ..looked }
        }
        Err(error) => look(session, &image.name, &Policy::of(&planned.plan, image), None, Err::<Known, _>(error)),
    }
}

/// What an image of the plan is compared with.
pub enum Against {
    /// The build before, if that matters.
    Before,
    /// The build before, because it is shown.
    Shown,
    /// The build before, because all of it is shown: it is read if it was not.
    Read,
    /// Another image. The verdict is no evidence: no other verb holds it to that.
    Named(Previous),
}

/// Verifies `image` as it stands, and keeps the verdict.
pub async fn image_of_plan(
    session: &Session,
    planned: &Planned,
    image: &ImagePlan,
    standing: &Standing,
    against: &Against,
) -> Looked {
    let mut policy = kept::policy(&planned.state, &planned.plan, image);
    let Standing { id, summary } = standing;
    let known = facts::of_engine(session, &planned.engine, &image.name, summary, Some(id)).await;
    // What is new matters only to who has to look for what made it too large.
    let over = known.as_ref().is_ok_and(|known| policy.budget.is_some_and(|budget| known.facts.size() >= budget));
    match against {
        Against::Named(previous) => policy.previous = Some(previous.clone()),
        Against::Before if !over => {}
        Against::Before | Against::Shown | Against::Read => policy.previous = kept::previous(&planned.state, image),
    }
    let needed = policy.budgets.growth.is_some() || matches!(against, Against::Read);
    if needed && policy.previous.as_ref().is_some_and(|one| one.size.is_none()) {
        policy.previous = measured(session, &planned.engine, policy.previous).await;
    }
    policy.pods = pods::of_image(session, &planned.plan, image, standing).await;
    let looked = look(session, &image.name, &policy, Some(summary), known);
    if let Checked::Verdict(verdict) = &looked.report.result
        && !matches!(against, Against::Named(_))
        && let Err(error) = planned.state.keep(&kept::verified(&policy, &verdict.id, verdict.passed))
    {
        session.failed(Some(&image.name), &error);
    }
    looked
}

/// The image before with its size, if the engine still has it.
async fn measured(session: &Session, engine: &Engine, before: Option<Previous>) -> Option<Previous> {
    let before = before?;
    let id = before.id.to_string();
    let Ok(summary) = engine.inspect(&id).await else { return Some(before) };
    match facts::of_engine(session, engine, &id, &summary, Some(&before.id)).await {
        Ok(known) => Some(previous_of(&known)),
        Err(_) => Some(before),
    }
}

fn previous_of(Known { facts, .. }: &Known) -> Previous {
    Previous { id: facts.id.clone(), diff_ids: facts.config.rootfs.diff_ids.clone(), size: Some(facts.size()) }
}

/// Checks what is known of an image, or says why nothing is.
fn look<E: Explained>(
    session: &Session,
    name: &str,
    policy: &Policy,
    summary: Option<&ImageSummary>,
    known: Result<Known, E>,
) -> Looked {
    let begun = Instant::now();
    let read = known.as_ref().map_or(Duration::ZERO, |known| known.read);
    let (result, seen) = match known {
        Ok(known) => {
            let verdict = crate::verify::check(&known.facts, policy);
            (Checked::Verdict(Box::new(verdict)), Some(page::Seen::new(known.facts, policy)))
        }
        Err(error) => {
            session.failed(Some(name), &error);
            (Checked::Failure(Failure::new(Some(name), &error)), None)
        }
    };
    let engine_size = summary.map(|summary| ByteSize(summary.shown_size));
    let report = Report { image: name.to_owned(), result, engine_size, build: None };
    Looked { report, read, all: read + begun.elapsed(), seen, timeline: Err("it was not looked for".to_owned()) }
}

impl Looked {
    /// It, of which is known `why` there is no timeline.
    fn without_timeline(self, why: &str) -> Self {
        Self { timeline: Err(why.to_owned()), ..self }
    }

    /// It as a page shows it.
    fn into_page(self) -> report::Image {
        page::image(self.report, self.seen.as_ref(), self.timeline)
    }

    /// How a run ends that this is all of.
    pub fn outcome(&self) -> Outcome {
        match &self.report.result {
            Checked::Verdict(verdict) => verdict.outcome(),
            Checked::Failure(failure) => failure.outcome,
        }
    }

    /// Says what failed it, to a person: events carry all findings already.
    pub fn explain(&self, session: &Session) {
        if let Checked::Verdict(verdict) = &self.report.result {
            let failing = verdict.findings.iter().filter(|finding| finding.severity == Severity::Error);
            failing.for_each(|finding| session.finding(&self.report.image, finding));
        }
    }

    /// Says the verdict, if there is one, as an event.
    pub fn say(&self, session: &Session) {
        let Checked::Verdict(verdict) = &self.report.result else { return };
        session.events.say(verdict.event(&self.report.image, self.read, self.all));
    }
}

/// Prints the reports, or says them as events, and says how the run ends.
fn finish(session: &Session, args: &Verify, looked: Vec<Looked>) -> Outcome {
    let outcome = Outcome::worst(looked.iter().map(Looked::outcome));
    if session.global.json {
        looked.iter().for_each(|one| one.say(session));
        return outcome;
    }
    let reports = |looked: Vec<Looked>| looked.into_iter().map(|one| one.report).collect::<Vec<Report>>();
    let text = match args.format {
        Format::Text => format::text(&reports(looked)),
        Format::Json => format::json(&reports(looked)),
        Format::Github => format::github(&reports(looked)),
        Format::Junit => format::junit(&reports(looked)),
        Format::Sarif => format::sarif(&reports(looked)),
        Format::Markdown => format::markdown(&reports(looked)),
        Format::Html => {
            let images: Vec<report::Image> = looked.into_iter().map(Looked::into_page).collect();
            report::page(&images, kept::now())
        }
    };
    Outcome::worst([outcome, session.written(session.terminal.data(&text))])
}
