//! What is kept of a project between runs, and the lock on it.

use crate::build;
use crate::build::Built;
use crate::cli::facts;
use crate::cli::session::Session;
use crate::engine::{self, Engine};
use crate::event::Event;
use crate::evidence::{BuildRecord, Error, Evidence, Lock, State, Step, Timeline};
use crate::project::{ImagePlan, Plan};
use crate::smoke::Options;
use crate::types::{Digest, ImageId, Outcome};
use crate::verify::{Policy, Previous};
use std::path::Path;
use std::time::SystemTime;

/// Opens what is kept of the project at `root` and waits until no other run changes it.
pub async fn open(session: &Session, root: &Path, verb: &str) -> Result<(State, Lock), Outcome> {
    let opened = async {
        let state = State::open(&State::home(), root)?;
        let holder = format!("`loadline {verb}`, process {}", std::process::id());
        let waiting = |other: &str| {
            session.events.say(Event::Note { image: None, text: format!("waiting for {other}, in this project too") });
        };
        let lock = Lock::take(&state, &holder, waiting).await?;
        Ok::<_, Error>((state, lock))
    };
    tokio::select! {
        opened = opened => opened.map_err(|error| session.failed(None, &error)),
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Keeps that `image` was built, and what the builder did; none if it was not asked.
pub fn keep_build(
    state: &State,
    engine: &Engine,
    image: &ImagePlan,
    built: &Built,
    timeline: Option<Timeline>,
) -> Result<(), Error> {
    let (at, timeline, before_ms, earlier) = match state.last_build(&image.name).ok().flatten() {
        // That nothing changed is no new build.
        Some(last) if last.id == built.id => (last.at, timeline.or(last.timeline), last.before_ms, last.earlier),
        Some(last) => {
            let before_ms = last.timeline.as_ref().map(|timeline| timeline.ms);
            (now(), timeline, before_ms, last.followed_by(&built.id))
        }
        None => (now(), timeline, None, Vec::new()),
    };
    let record = BuildRecord {
        id: built.id.clone(),
        engine_id: built.engine_id.clone(),
        engine: engine.address().to_string(),
        settings: build::settings(image),
        at,
        earlier,
        timeline,
        before_ms,
    };
    state.keep_build(&image.name, &record)
}

/// The image that was built as `image` before the last one.
pub fn before(state: &State, image: &ImagePlan) -> Option<ImageId> {
    state.last_build(&image.name).ok()??.earlier.into_iter().next()
}

/// That image, with what is remembered of it.
pub fn previous(state: &State, image: &ImagePlan) -> Option<Previous> {
    let before = before(state, image)?;
    let diff_ids = facts::store().config(&before).map(|(config, _)| config.rootfs.diff_ids).unwrap_or_default();
    let size = facts::store().image(&before).map(|facts| facts.size());
    Some(Previous { id: before, diff_ids, size })
}

/// What `plan` holds `image` to, with the image before if it must not grow.
pub fn policy(state: &State, plan: &Plan, image: &ImagePlan) -> Policy {
    let mut policy = Policy::of(plan, image);
    if policy.budgets.growth.is_some() {
        policy.previous = previous(state, image);
    }
    policy
}

/// That an image was verified under `policy`.
pub fn verified(policy: &Policy, id: &ImageId, passed: bool) -> Evidence {
    Evidence {
        step: Step::Verify,
        id: id.clone(),
        settings: policy.digest(),
        needed: Vec::new(),
        // An image is the same wherever it is read.
        place: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        passed,
    }
}

/// That `image` was smoked with `engine`.
pub async fn smoked(
    engine: &Engine,
    image: &ImagePlan,
    options: &Options,
    id: &ImageId,
    passed: bool,
) -> Result<Evidence, engine::Error> {
    let mut needed = Vec::new();
    for need in &image.needs {
        needed.push(format!("{} {}", need.name, engine.inspect(&need.image.canonical()).await?.engine_id));
    }
    // All of it is text, numbers and ordered maps of these: equal settings are written alike.
    let settings = format!("{:?}", (&image.probe, &image.run, &image.needs, &options.rules));
    Ok(Evidence {
        step: Step::Smoke,
        id: id.clone(),
        settings: Digest::of(settings.as_bytes()),
        needed,
        place: engine.address().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        passed,
    })
}

/// How `image` of `plan` is smoked.
pub fn smoke_options(plan: &Plan, image: &ImagePlan) -> Options {
    let project = Digest::of(plan.root.as_os_str().as_encoded_bytes()).hex().to_owned();
    let mut rules = plan.rules.clone();
    // A rule of `smoke` finds one thing, so all of it is accepted.
    let allowed = plan.allowances_of(image).filter(|one| !one.is_over());
    let of_smoke = allowed.filter(|one| crate::smoke::RULES.contains(&one.rule.as_str()));
    rules.extend(of_smoke.map(|one| (one.rule.clone(), None)));
    Options { project, rules }
}
