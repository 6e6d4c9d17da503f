//! `loadline status`.

use crate::cli::args;
use crate::cli::planned::rules;
use crate::cli::session::Session;
use crate::cli::status::{Look, Status};
use crate::cli::unknown::Unknown;
use crate::cli::{deployed, engine, kept, render, rendered};
use crate::evidence::State;
use crate::node::{Surroundings, Target};
use crate::types::Outcome;
use futures_util::future::join_all;

/// Prints what is known of the images that `args` name.
pub async fn run(session: &Session, args: &args::Status) -> Outcome {
    let status = tokio::select! {
        status = look(session, args) => status,
        () = session.cancel.cancelled() => Err(Outcome::Interrupted),
    };
    match status {
        Ok(status) => {
            let text = if session.global.json {
                format!("{:#}\n", serde_json::json!(status))
            } else {
                render::status::text(&status, kept::now(), session.terminal.out)
            };
            Outcome::worst([status.outcome(), session.written(session.terminal.data(&text))])
        }
        Err(outcome) => outcome,
    }
}

async fn look(session: &Session, args: &args::Status) -> Result<Status, Outcome> {
    let mut project = session.project(&rules())?;
    rendered::fill(session, &mut project, false).await;
    let images = project.choose(&args.images, &Default::default()).map_err(|problems| session.problems(&problems))?;
    let target = args.to.or(&project.plan.target).to_owned();
    let parsed: Target = target.parse().map_err(|error| session.failed(None, &error))?;
    let engine = engine::connect(session).await?;
    let state = State::peek(&State::home(), &project.plan.root);
    // A cluster that is not there does not keep the rest from being told.
    let nodes = parsed.nodes(&engine, &Surroundings::of_process()).await.map_err(|error| Unknown::of(&error));
    let look = Look { engine: &engine, state: &state, plan: &project.plan, target: &target, nodes: &nodes };
    let one = |image| {
        let unset = project.missing_args(std::slice::from_ref(image)).first().map(|problem| Unknown::of(problem));
        look.at(image, unset)
    };
    let releases = async { if args.images.is_empty() { deployed::look(&project.plan, &args.to).await } else { None } };
    let (images, deployed) = tokio::join!(join_all(images.iter().map(one)), releases);
    Ok(Status { target, images, deployed })
}
