//! `loadline rollback`.

use crate::cli::args::Rollback;
use crate::cli::cluster;
use crate::cli::session::Session;
use crate::deploy::WentBack;
use crate::types::Outcome;

/// Goes back to what ran before.
pub async fn run(session: &Session, args: &Rollback) -> Outcome {
    rollback(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn rollback(session: &Session, args: &Rollback) -> Result<Outcome, Outcome> {
    let (place, releases) = cluster::backwards(session, &args.releases, &args.to, &args.into).await?;
    let deployer = place.deployer(session);
    let mut outcomes = Vec::new();
    for release in &releases {
        match deployer.roll_back(release, args.force).await {
            Ok(back) => say(session, release, &back),
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
