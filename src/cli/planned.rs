//! What every verb on images of the plan begins with: the plan, the engine, what is kept.

use crate::cli::rendered::{self, Rendered};
use crate::cli::session::Session;
use crate::cli::{engine, kept, teaching};
use crate::engine::Engine;
use crate::evidence::{Lock, State};
use crate::project::{ImagePlan, Overrides, Plan};
use crate::types::Outcome;

/// The images that a verb is for, and all that it needs to do it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The images.
    pub images: Vec<ImagePlan>,
    /// The engine.
    pub engine: Engine,
    /// What is kept between runs.
    pub state: State,
    _lock: Lock,
}

/// Opens the project for `verb` on the images called `names` (all if none), and waits until no
/// other run changes it. `builds` says that build arguments must have their values.
pub async fn open(
    session: &Session,
    verb: &str,
    names: &[String],
    overrides: &Overrides,
    builds: bool,
) -> Result<Planned, Outcome> {
    let mut project = session.project(&rules())?;
    // How an image is run has no part in what it is.
    let rendered = match verb {
        "build" | "why" => Rendered::default(),
        _ => rendered::fill(session, &mut project, matches!(verb, "smoke" | "up")).await,
    };
    let images = project.choose(names, overrides).map_err(|problems| session.problems(&problems))?;
    let missing = if builds { project.missing_args(&images) } else { Vec::new() };
    if !missing.is_empty() {
        return Err(session.problems(&missing));
    }
    let engine = engine::connect(session).await?;
    teaching::stop(&engine).await;
    let (state, lock) = kept::open(session, &project.plan.root, verb).await?;
    rendered.keep(&state).map_err(|error| session.failed(None, &error))?;
    Ok(Planned { plan: project.plan, images, engine, state, _lock: lock })
}

/// The rules that settings may name.
pub fn rules() -> Vec<&'static str> {
    crate::verify::RULES.iter().map(|rule| rule.id).chain(crate::smoke::RULES).collect()
}
