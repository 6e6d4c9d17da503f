//! `loadline deploy`.

use crate::cli::args::Deploy;
use crate::cli::planned::{self, Planned};
use crate::cli::render::difference;
use crate::cli::session::Session;
use crate::cli::verbs::load;
use crate::cli::{cluster, gate, prepared};
use crate::deploy::{Deployer, Helm, Shipped};
use crate::load::Image;
use crate::project::{ImagePlan, Release};
use crate::types::{Explained, ImageId, Outcome};

/// An image of a release is not in the cluster yet.
#[derive(Debug, thiserror::Error)]
#[error("{image} ({id}) is not on every node of the target")]
struct NotLoaded {
    image: String,
    id: String,
}

impl Explained for NotLoaded {
    fn outcome(&self) -> Outcome {
        Outcome::NoEvidence
    }

    fn hint(&self) -> Option<String> {
        Some(format!("`loadline load {}`", self.image))
    }
}

/// Deploys the releases that `args` name.
pub async fn run(session: &Session, args: &Deploy) -> Outcome {
    deploy(session, args).await.unwrap_or_else(|outcome| outcome)
}

async fn deploy(session: &Session, args: &Deploy) -> Result<Outcome, Outcome> {
    let planned = planned::open(session, "deploy", &[], &Default::default(), false).await?;
    let deployment = cluster::deployment(session, &planned.plan)?;
    let releases = cluster::chosen(session, deployment, &args.releases)?;
    let images = shipped(session, &planned, args, &releases).await?;
    let there = cluster::connect(session, &planned.plan, deployment, &args.to, &args.into).await?;
    let helm = Helm::find(there.context(), &deployment.namespace).await;
    let helm = helm.map_err(|error| session.failed(None, &error))?;
    let deployer = Deployer { cluster: &there, helm: &helm, deployment, events: &session.events };
    let image_of = |release: &Release| images.iter().find(|image| Some(&image.name) == release.image.as_ref());
    if args.dry_run {
        return dry_run(session, &deployer, &releases, image_of).await;
    }
    let level = deployment.pod_security.as_str();
    let ready = there.prepare_namespace(&deployment.namespace, level).await;
    ready.map_err(|error| session.failed(None, &error))?;
    prepared::write(session, &there, deployment, |_| Vec::new()).await?;
    for release in releases {
        if let Err(error) = deployer.deploy(release, image_of(release), &session.cancel).await {
            let outcome = session.failed(None, &error);
            if args.roll_back && matches!(error, crate::deploy::Error::NotReady { .. }) {
                go_back(session, &deployer, release).await;
            }
            return Err(outcome);
        }
    }
    Ok(Outcome::Fine)
}

/// That a deployment failed stays what is said; going back is told beside it.
async fn go_back(session: &Session, deployer: &Deployer<'_>, release: &Release) {
    match deployer.roll_back(&release.name).await {
        Ok(revision) => session.note(format!("{}: went back to revision {revision}, which runs", release.name)),
        Err(error) => drop(session.failed(None, &error)),
    }
}

async fn dry_run<'a>(
    session: &Session,
    deployer: &Deployer<'_>,
    releases: &[&Release],
    image_of: impl Fn(&Release) -> Option<&'a Shipped>,
) -> Result<Outcome, Outcome> {
    let mut text = String::new();
    for release in releases {
        let found = deployer.differences(release, image_of(release)).await;
        let found = found.map_err(|error| session.failed(None, &error))?;
        text.push_str(&difference::text(&release.name, &found));
    }
    Ok(session.written(session.terminal.data(&text)))
}

/// The images of the releases, each of which passed what it must and is on all nodes.
async fn shipped(
    session: &Session,
    planned: &Planned,
    args: &Deploy,
    releases: &[&Release],
) -> Result<Vec<Shipped>, Outcome> {
    let runs = |image: &&ImagePlan| releases.iter().any(|release| release.image.as_ref() == Some(&image.name));
    let images: Vec<&ImagePlan> = planned.images.iter().filter(runs).collect();
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = load::nodes(session, &planned.engine, args.to.or(&planned.plan.target)).await?;
    let (mut shipped, mut built) = (Vec::new(), Vec::new());
    for image in images {
        let failed = |error: &dyn Explained| session.failed(Some(&image.name), error);
        let standing =
            gate::last_build(&planned.state, &planned.engine, image).await.map_err(|error| failed(&error))?;
        let passed = gate::passed(&planned.state, &planned.engine, &planned.plan, image, &standing.id).await;
        passed.map_err(|error| failed(&error))?;
        let Some(own) = image.tags.first() else { continue };
        shipped.push(Shipped::of(&image.name, own, &standing.id));
        built.push(Image::of(&image.name, &standing.id, &standing.summary, &image.tags));
    }
    let asked = crate::load::ask(&planned.engine, &built, &nodes).await;
    let absent = |image: &&Image| !asked.announce(&image.name, &image.id, &nodes, &session.events);
    match built.iter().find(absent) {
        None => Ok(shipped),
        Some(Image { name, id, .. }) => Err(session.failed(Some(name), &not_loaded(name, id))),
    }
}

fn not_loaded(name: &str, id: &ImageId) -> NotLoaded {
    NotLoaded { image: name.to_owned(), id: id.short().to_owned() }
}
