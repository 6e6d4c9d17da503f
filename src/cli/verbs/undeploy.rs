//! `loadline undeploy`.

use crate::cli::args::Undeploy;
use crate::cli::cluster;
use crate::cli::planned;
use crate::cli::session::Session;
use crate::deploy::Helm;
use crate::types::Outcome;

/// Removes what was deployed.
pub async fn run(session: &Session, args: &Undeploy) -> Outcome {
    undeploy(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn undeploy(session: &Session, args: &Undeploy) -> Result<Outcome, Outcome> {
    let project = session.project(&planned::rules())?;
    let deployment = cluster::deployment(session, &project.plan)?;
    let releases = cluster::chosen(session, deployment, &args.releases)?;
    let there = cluster::connect(session, &project.plan, deployment, &args.to, &args.into).await?;
    let helm = Helm::find(there.context(), &deployment.namespace).await;
    let helm = helm.map_err(|error| session.failed(None, &error))?;
    let mut outcomes = Vec::new();
    for release in releases.into_iter().rev() {
        match helm.uninstall(&release.name).await {
            Ok(true) => session.note(format!("{}: removed", release.name)),
            Ok(false) => session.note(format!("{}: was not there", release.name)),
            Err(error) => outcomes.push(session.failed(None, &error)),
        }
    }
    if args.data && outcomes.is_empty() {
        let removed = there.remove_namespace(&deployment.namespace).await;
        removed.map_err(|error| session.failed(None, &error))?;
        session.note(format!("the namespace {} goes, with its secrets and its data", deployment.namespace));
    }
    Ok(Outcome::worst(outcomes))
}
