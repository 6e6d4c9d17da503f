//! `loadline deploy`.

use crate::cli::args::{Deploy, To, Up};
use crate::cli::cluster::{self, Workplace};
use crate::cli::gate::{self, Standing};
use crate::cli::planned::{self, Planned};
use crate::cli::render::difference;
use crate::cli::session::Session;
use crate::cli::verbs::{load, rollback};
use crate::cli::{pods, prepared};
use crate::deploy::{Deployer, Shipped, Sources};
use crate::load::Image;
use crate::project::{ImagePlan, Plan, Release};
use crate::types::{Explained, ImageId, Outcome};
use futures_util::future::try_join_all;

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
    let deployment = cluster::deployment(session, &planned.plan, &args.into, &args.options.set)?;
    let releases = cluster::chosen(session, &deployment, &args.releases, |release| !release.on_request)?;
    let images = shipped(session, &planned, &args.to, &releases).await?;
    let place = Workplace::open(session, &planned.plan, deployment.clone(), &args.to, &args.into).await?;
    if args.dry_run {
        return dry_run(session, &place, &releases, &images).await;
    }
    releases_of(session, &planned, &place, &releases, &images, args.options.roll_back).await
}

/// What comes after `up`, which `brought` the images: the releases that run one of those that `args`
/// name, or all if it names none.
///
/// # Errors
/// A release was not deployed.
pub async fn after_up(
    session: &Session,
    planned: &Planned,
    args: &Up,
    brought: &[(&ImagePlan, Standing)],
    place: Workplace,
) -> Result<Outcome, Outcome> {
    let deployment = place.deployment.clone();
    let runs = |release: &Release| release.image.as_ref().is_some_and(|image| args.images.contains(image));
    let wanted = |release: &Release| !release.on_request && (args.images.is_empty() || runs(release));
    let releases = cluster::chosen(session, &deployment, &[], wanted)?;
    let images: Vec<Shipped> = brought.iter().filter_map(|(image, standing)| standing.shipped(image)).collect();
    releases_of(session, planned, &place, &releases, &images, args.options.roll_back).await
}

async fn releases_of(
    session: &Session,
    Planned { plan, engine, .. }: &Planned,
    place: &Workplace,
    releases: &[&Release],
    images: &[Shipped],
    roll_back: bool,
) -> Result<Outcome, Outcome> {
    let deployer = place.deployer(session);
    // What is wrong with a chart is said before anything is changed.
    let wanted = releases.iter().map(|release| crate::deploy::want(&place.helm, release, image_of(images, release)));
    let wanted = try_join_all(wanted).await.map_err(|error| session.failed(None, &error))?;
    pods::hold(session, engine, plan, &place.deployment, &wanted).await?;
    prepared::write(session, &place.cluster, &place.deployment, |_| Vec::new()).await?;
    for (release, wanted) in releases.iter().zip(&wanted) {
        if let Err(error) = deployer.deploy(wanted, &sources(plan, release)).await {
            let outcome = session.failed(None, &error);
            if roll_back && matches!(error, crate::deploy::Error::NotReady { .. }) {
                go_back(session, &deployer, release).await;
            }
            return Err(outcome);
        }
    }
    Ok(Outcome::Fine)
}

fn image_of<'a>(images: &'a [Shipped], release: &Release) -> Option<&'a Shipped> {
    images.iter().find(|image| Some(&image.name) == release.image.as_ref())
}

/// Where the image of `release` comes from.
fn sources<'a>(plan: &'a Plan, release: &Release) -> Sources<'a> {
    let image = plan.images.iter().find(|image| Some(&image.name) == release.image.as_ref());
    Sources { dockerfile: image.map(|image| image.dockerfile.as_path()) }
}

/// That a deployment failed stays what is said; going back is told beside it.
async fn go_back(session: &Session, deployer: &Deployer<'_>, release: &Release) {
    match deployer.roll_back(&release.name, false).await {
        Ok(back) => rollback::say(session, &release.name, &back),
        Err(error) => drop(session.failed(None, &error)),
    }
}

async fn dry_run(
    session: &Session,
    place: &Workplace,
    releases: &[&Release],
    images: &[Shipped],
) -> Result<Outcome, Outcome> {
    let deployer = place.deployer(session);
    let mut text = String::new();
    for release in releases {
        let found = deployer.differences(release, image_of(images, release)).await;
        let found = found.map_err(|error| session.failed(None, &error))?;
        text.push_str(&difference::text(&release.name, &found));
    }
    Ok(session.written(session.terminal.data(&text)))
}

/// The images of the releases, each of which passed what it must and is on all nodes.
async fn shipped(
    session: &Session,
    planned: &Planned,
    to: &To,
    releases: &[&Release],
) -> Result<Vec<Shipped>, Outcome> {
    let images = run_by(planned, releases);
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = load::nodes(session, &planned.engine, to.or(&planned.plan.target)).await?;
    let (mut shipped, mut built) = (Vec::new(), Vec::new());
    for image in images {
        let standing = standing(session, planned, image).await?;
        shipped.extend(standing.shipped(image));
        built.push(Image::of(&image.name, &standing.id, &standing.summary, &image.tags));
    }
    let mut asked = crate::load::ask(&planned.engine, &built, &nodes).await;
    if asked.unanswered().is_some() {
        // A node that is busy for a moment may answer then.
        asked = crate::load::ask(&planned.engine, &built, &nodes).await;
    }
    let absent = |image: &&Image| !asked.announce(&image.name, &image.id, &nodes, &session.events);
    match (built.iter().find(absent), asked.unanswered()) {
        (None, _) => Ok(shipped),
        // That it could not be asked is not that it has none.
        (Some(Image { name, .. }), Some(error)) => Err(session.failed(Some(name), error)),
        (Some(Image { name, id, .. }), None) => Err(session.failed(Some(name), &not_loaded(name, id))),
    }
}

fn run_by<'a>(planned: &'a Planned, releases: &[&Release]) -> Vec<&'a ImagePlan> {
    let runs = |image: &&ImagePlan| releases.iter().any(|release| release.image.as_ref() == Some(&image.name));
    planned.images.iter().filter(runs).collect()
}

async fn standing(session: &Session, planned: &Planned, image: &ImagePlan) -> Result<Standing, Outcome> {
    let failed = |error: &dyn Explained| session.failed(Some(&image.name), error);
    let standing = gate::last_build(&planned.state, &planned.engine, image).await.map_err(|error| failed(&error))?;
    let passed = gate::passed(&planned.state, &planned.engine, &planned.plan, image, &standing.id).await;
    passed.map(|()| standing).map_err(|error| failed(&error))
}

fn not_loaded(name: &str, id: &ImageId) -> NotLoaded {
    NotLoaded { image: name.to_owned(), id: id.short().to_owned() }
}
