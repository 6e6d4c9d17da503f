//! `loadline e2e`.

use crate::cli::args::E2e;
use crate::cli::reached::Reached;
use crate::cli::session::{Session, variable};
use crate::cli::{cluster, planned};
use crate::e2e::{self, Problem, Ready, Suite};
use crate::project::{Plan, Search};
use crate::types::{Explained, Outcome};
use std::path::PathBuf;

/// There is nothing to make.
#[derive(Debug, thiserror::Error)]
#[error("no file of journeys is named, and the settings name none")]
struct NoJourneys;

impl Explained for NoJourneys {
    fn outcome(&self) -> Outcome {
        Outcome::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("`loadline e2e FILE`, or `journeys = [\"e2e\"]` in the table `[e2e]` of loadline.toml".to_owned())
    }
}

/// Makes the journeys that `args` or the settings name, or prints the schema of their files.
pub fn run(session: &Session, args: &E2e) -> Outcome {
    if args.schema {
        let text = format!("{:#}\n", e2e::schema().as_value());
        return session.written(session.terminal.data(&text));
    }
    session.block_on(async { journeys(session, args).await.unwrap_or_else(|outcome| outcome) })
}

async fn journeys(session: &Session, args: &E2e) -> Result<Outcome, Outcome> {
    let plan = plan(session, args)?;
    let files = files(session, args, plan.as_ref())?;
    let said = |problems: Vec<Problem>| Outcome::worst(problems.iter().map(|problem| session.failed(None, problem)));
    let suite = Suite::read(&files, &session.directory).and_then(|suite| suite.only(&args.only)).map_err(said)?;
    let mut addresses = e2e::addresses(&args.urls).map_err(said)?;
    let unknown = suite.services().into_iter().filter(|name| !addresses.contains_key(*name));
    let unknown: Vec<String> = unknown.map(str::to_owned).collect();
    let deployed = plan.as_ref().filter(|plan| plan.deployment.is_some() && !unknown.is_empty());
    // What is forwarded stays open until the last journey is made.
    let reached = match deployed {
        Some(plan) => reach(session, args, plan, &unknown).await?,
        None => Reached::default(),
    };
    addresses.extend(reached.addresses.clone());
    let ready: Ready = suite.ready(addresses, &variable).map_err(said)?;
    Ok(ready.run(&session.events, &session.cancel).await)
}

/// The plan, if it can matter; that there is none only does where no file is named.
fn plan(session: &Session, args: &E2e) -> Result<Option<Plan>, Outcome> {
    if args.files.is_empty() {
        return Ok(Some(session.project(&planned::rules())?.plan));
    }
    let search = Search { directory: &session.directory, file: session.global.file.as_deref() };
    Ok(crate::project::load(&search, &planned::rules(), &variable).ok().map(|project| project.plan))
}

fn files(session: &Session, args: &E2e, plan: Option<&Plan>) -> Result<Vec<PathBuf>, Outcome> {
    if !args.files.is_empty() {
        return Ok(args.files.clone());
    }
    // Shown as they are seen from here.
    let here = |path: &PathBuf| path.strip_prefix(&session.directory).unwrap_or(path).to_owned();
    let files: Vec<PathBuf> = plan.iter().flat_map(|plan| &plan.journeys).map(here).collect();
    if files.is_empty() { Err(session.failed(None, &NoJourneys)) } else { Ok(files) }
}

async fn reach(session: &Session, args: &E2e, plan: &Plan, services: &[String]) -> Result<Reached, Outcome> {
    let deployment = cluster::deployment(session, plan, &args.into, &[])?;
    let there = cluster::connect(session, plan, &deployment, &args.to, &args.into).await?;
    Reached::of(session, &there, &deployment.namespace, services).await
}
