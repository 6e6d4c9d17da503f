//! `loadline undeploy`.

use crate::cli::args::Undeploy;
use crate::cli::cluster::{self, Workplace};
use crate::cli::session::Session;
use crate::deploy::Removed;
use crate::types::Outcome;

/// Removes what was deployed.
pub async fn run(session: &Session, args: &Undeploy) -> Outcome {
    undeploy(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn undeploy(session: &Session, args: &Undeploy) -> Result<Outcome, Outcome> {
    let (place, releases) = cluster::backwards(session, &args.releases, &args.to, &args.into).await?;
    let deployer = place.deployer(session);
    let mut outcomes = Vec::new();
    for release in &releases {
        match deployer.remove(release, args.data).await {
            Ok(removed) => say(session, release, &removed),
            Err(error) => outcomes.push(session.failed(None, &error)),
        }
    }
    if args.data && outcomes.is_empty() {
        remove_rest(session, &place).await?;
    }
    Ok(Outcome::worst(outcomes))
}

fn say(session: &Session, release: &str, removed: &Removed) {
    let gone = if removed.was_there { "removed" } else { "was not there" };
    let list = |what: &str, claims: &[String]| match claims {
        [] => String::new(),
        claims => format!("; {what} {}", claims.join(", ")),
    };
    let claims = list("removed its data,", &removed.claims) + &list("its data stays in", &removed.kept);
    session.note(format!("{release}: {gone}{claims}"));
}

async fn remove_rest(session: &Session, place: &Workplace) -> Result<(), Outcome> {
    let Workplace { deployment, cluster, .. } = place;
    let failed = |error: crate::cluster::Error| session.failed(None, &error);
    for secret in &deployment.secrets {
        cluster.remove_secret(&deployment.namespace, &secret.name).await.map_err(failed)?;
        session.note(format!("secret {}: removed", secret.name));
    }
    if cluster.remove_namespace(&deployment.namespace).await.map_err(failed)? {
        cluster.namespace_gone(&deployment.namespace, deployment.deadline).await.map_err(failed)?;
        session.note(format!("the namespace {} is gone", deployment.namespace));
    }
    Ok(())
}
