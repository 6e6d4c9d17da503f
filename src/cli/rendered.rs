//! How images run in the pods of their releases, taken into the plan where the settings leave it open.

use crate::chart::conditions;
use crate::cli::session::Session;
use crate::deploy::{Error, Shipped, Wanted, want};
use crate::evidence::{self, State};
use crate::project::{Conditions, Deployment, ImagePlan, Project, Release};
use crate::types::{Digest, ImageId};
use futures_util::future::join_all;
use std::io;
use std::path::Path;

/// What was rendered in this run, to be kept for the next.
#[derive(Default)]
pub struct Rendered(Vec<(String, Kept)>);

/// What a chart was rendered to, and from what.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    of: Digest,
    said: Conditions,
}

impl Rendered {
    /// Keeps it in `state`, whose lock is held.
    pub fn keep(&self, state: &State) -> Result<(), evidence::Error> {
        self.0.iter().try_for_each(|(image, kept)| state.keep_rendered(image, kept))
    }
}

/// Lets the images of `project` be run and probed as the pods of their own releases say, in all that the
/// settings leave open. What a chart said is remembered as long as the chart is the same; one that cannot
/// be rendered says nothing, and a note tells it if `told`.
pub async fn fill(session: &Session, project: &mut Project, told: bool) -> Rendered {
    let Some(deployment) = project.plan.deployment.clone() else { return Rendered::default() };
    let state = State::peek(&State::home(), &project.plan.root);
    let own = |image: &ImagePlan| Some((image.clone(), deployment.own_release(&image.name)?));
    let all: Vec<_> = project.plan.images.iter().filter_map(own).collect();
    let (deployment, state) = (&deployment, &state);
    let one = async |(image, release): &(ImagePlan, &Release)| said(session, deployment, state, image, release).await;
    let mut fresh = Vec::new();
    for ((image, release), said) in all.iter().zip(join_all(all.iter().map(one)).await) {
        match said {
            Ok((kept, new)) => {
                project.fill(&image.name, &release.name, &kept.said);
                if new {
                    fresh.push((image.name.clone(), kept));
                }
            }
            Err(why) if told => session.note(format!(
                "{}: run as the settings say, not as the pod of the release {}: {why}",
                image.name, release.name
            )),
            Err(_) => {}
        }
    }
    Rendered(fresh)
}

/// What the pod of `release` says of `image`, and whether it was rendered for that.
async fn said(
    session: &Session,
    deployment: &Deployment,
    state: &State,
    image: &ImagePlan,
    release: &Release,
) -> Result<(Kept, bool), String> {
    let of = sources(deployment, image, release)
        .map_err(|error| format!("`{}` cannot be read: {error}", release.chart.display()))?;
    if let Some(kept) = state.rendered::<Kept>(&image.name).filter(|kept| kept.of == of) {
        return Ok((kept, false));
    }
    let said = render(session, deployment, image, release).await.map_err(|error| error.to_string())?;
    Ok((Kept { of, said }, true))
}

async fn render(
    session: &Session,
    deployment: &Deployment,
    image: &ImagePlan,
    release: &Release,
) -> Result<Conditions, Error> {
    // Which image it is makes no difference to how it is run, and no cluster is asked.
    let Some(own) = image.tags.first() else { return Ok(Conditions::default()) };
    let any = Shipped::of(&image.name, own, &ImageId(Digest::of(b"")), "");
    let helm = session.helm("", &deployment.namespace).await?;
    let wanted: Wanted<'_> = want(&helm, release, Some(&any)).await?;
    let first = wanted.running().and_then(|(_, running)| running.into_iter().next());
    Ok(first.map(|(_, spec, container)| conditions(spec, container)).unwrap_or_default())
}

/// A digest of all that decides what is rendered.
fn sources(deployment: &Deployment, image: &ImagePlan, release: &Release) -> io::Result<Digest> {
    let mut all = Vec::new();
    let set = serde_json::Value::Object(release.set.clone()).to_string();
    let tag = image.tags.first().map(ToString::to_string).unwrap_or_default();
    let texts = [env!("CARGO_PKG_VERSION"), &release.name, &deployment.namespace, &set, &tag];
    texts.iter().for_each(|text| part(&mut all, text.as_bytes()));
    tree(&release.chart, &mut all)?;
    release.values.iter().try_for_each(|file| tree(file, &mut all))?;
    Ok(Digest::of(&all))
}

/// Adds the names and contents of the files at and below `path`.
fn tree(path: &Path, all: &mut Vec<u8>) -> io::Result<()> {
    part(all, path.as_os_str().as_encoded_bytes());
    if !path.is_dir() {
        part(all, &std::fs::read(path)?);
        return Ok(());
    }
    let entries: io::Result<Vec<_>> = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries?;
    entries.sort();
    entries.iter().try_for_each(|entry| tree(entry, all))
}

fn part(all: &mut Vec<u8>, bytes: &[u8]) {
    all.extend((bytes.len() as u64).to_le_bytes());
    all.extend(bytes);
}
