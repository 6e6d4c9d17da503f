//! `loadline rollback`.

use crate::cli::args::Rollback;
use crate::cli::cluster;
use crate::cli::planned;
use crate::cli::session::Session;
use crate::deploy::{Deployer, Helm};
use crate::types::Outcome;

/// Goes back to what ran before.
pub async fn run(session: &Session, args: &Rollback) -> Outcome {
    rollback(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn rollback(session: &Session, args: &Rollback) -> Result<Outcome, Outcome> {
    let project = session.project(&planned::rules())?;
    let deployment = cluster::deployment(session, &project.plan)?;
    let releases = cluster::chosen(session, deployment, &args.releases)?;
    let there = cluster::connect(session, &project.plan, deployment, &args.to, &args.into).await?;
    let helm = Helm::find(there.context(), &deployment.namespace).await;
    let helm = helm.map_err(|error| session.failed(None, &error))?;
    let deployer = Deployer { cluster: &there, helm: &helm, deployment, events: &session.events };
    let mut outcomes = Vec::new();
    // What needs another goes first.
    for release in releases.into_iter().rev() {
        match deployer.roll_back(&release.name).await {
            Ok(revision) => session.note(format!("{}: went back to revision {revision}, which runs", release.name)),
            Err(error) => outcomes.push(session.failed(None, &error)),
        }
    }
    Ok(Outcome::worst(outcomes))
}
