//! `loadline config`.

use crate::cli::args::Config;
use crate::cli::planned::rules;
use crate::cli::render::plan;
use crate::cli::rendered;
use crate::cli::session::{Session, variable};
use crate::project::{ImagePlan, Project};
use crate::types::{Explained, Outcome};
use serde_json::json;

/// Prints the plan, or the schema of the settings.
pub async fn run(session: &Session, args: &Config) -> Outcome {
    let text =
        if args.schema { Ok(pretty(crate::project::schema().as_value())) } else { plan_text(session, args).await };
    match text {
        Ok(text) => session.written(session.terminal.data(&text)),
        Err(outcome) => outcome,
    }
}

async fn plan_text(session: &Session, args: &Config) -> Result<String, Outcome> {
    let mut project = session.project(&rules())?;
    rendered::fill(session, &mut project, true).await;
    let overrides = args.options.overrides(&session.directory, &variable);
    let images = project.choose(&args.images, &overrides).map_err(|problems| session.problems(&problems))?;
    if session.global.json {
        return document(&project, &images).map_err(|error| session.failed(None, &error));
    }
    Ok(plan::text(&project, &images, session.terminal.out))
}

/// The plan has what JSON cannot say: a path that is not UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the plan as JSON")]
struct NotJson(#[source] serde_json::Error);

impl Explained for NotJson {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("`loadline config` without --json shows it".to_owned())
    }
}

fn document(project: &Project, images: &[ImagePlan]) -> Result<String, NotJson> {
    let mut plan = project.plan.clone();
    plan.images = images.to_vec();
    let origins: serde_json::Map<_, _> =
        project.origins.iter().map(|(path, origin)| (path.to_owned(), json!(origin.to_string()))).collect();
    let settings = serde_json::to_value(&project.settings).map_err(NotJson)?;
    let plan = serde_json::to_value(&plan).map_err(NotJson)?;
    Ok(pretty(&json!({ "settings": settings, "plan": plan, "origins": origins })))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
