//! `loadline rollback`.

use crate::cli::args::Rollback;
use crate::cli::cluster::{self, Workplace};
use crate::cli::planned;
use crate::cli::session::Session;
use crate::deploy::WentBack;
use crate::types::Outcome;

/// Goes back to what ran before.
pub async fn run(session: &Session, args: &Rollback) -> Outcome {
    rollback(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn rollback(session: &Session, args: &Rollback) -> Result<Outcome, Outcome> {
    let plan = session.project(&planned::rules())?.plan;
    let deployment = cluster::deployment(session, &plan, &args.into, &[])?;
    let releases = cluster::chosen(session, &deployment, &args.releases, |_| true)?;
    let place = Workplace::open(session, &plan, deployment.clone(), &args.to, &args.into).await?;
    let deployer = place.deployer(session);
    let mut outcomes = Vec::new();
    // What needs another goes first.
    for release in releases.into_iter().rev() {
        match deployer.roll_back(&release.name, args.force).await {
            Ok(back) => say(session, &release.name, &back),
            Err(error) => outcomes.push(session.failed(None, &error)),
        }
    }
    Ok(Outcome::worst(outcomes))
}

/// Says what became of `release`.
pub fn say(session: &Session, release: &str, back: &WentBack) {
    session.note(match back {
        WentBack::To(revision) => format!("{release}: went back to revision {revision}, which runs"),
        WentBack::Removed => format!("{release}: was never installed to the end, and is removed"),
    });
}
