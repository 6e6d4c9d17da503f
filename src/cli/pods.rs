//! Images in the pods that charts render for them.

use crate::cli::facts;
use crate::cli::gate::Standing;
use crate::cli::session::Session;
use crate::deploy::{Error, Running, Wanted, want};
use crate::engine::Engine;
use crate::event::Event;
use crate::project::{ClusterSecret, Deployment, ImagePlan, Plan, PodSecurity};
use crate::types::{Explained, Finding, Outcome, Severity};
use crate::verify::pod::{Pod, Run, is_rule};
use crate::verify::{Policy, check};
use std::collections::BTreeMap;

/// The pods in which `wanted` runs its image, which the settings describe as `image`.
pub fn of(deployment: &Deployment, wanted: &Wanted<'_>, image: &ImagePlan) -> Vec<Pod> {
    let Some((_, running)) = wanted.running() else { return Vec::new() };
    let keys = |secret: &ClusterSecret| (secret.name.clone(), secret.keys.iter().map(|key| key.name.clone()).collect());
    let secrets: BTreeMap<_, _> = deployment.secrets.iter().map(keys).collect();
    let own = deployment.own_release(&image.name).is_some_and(|own| own.name == wanted.release().name);
    let run = Run::of(&image.run, &image.probe.path, image.probe.port);
    let pod = |(workload, spec, container): Running<'_>| Pod {
        release: wanted.release().name.clone(),
        workload,
        spec: spec.clone(),
        container: container.clone(),
        level: Some(deployment.pod_security.unwrap_or(PodSecurity::Restricted).as_str()),
        secrets: secrets.clone(),
        // Another release runs it for another purpose: only its own is what `smoke` proves.
        run: own.then(|| run.clone()),
    };
    running.into_iter().map(pod).collect()
}

/// The pods of all releases that run `image` as it stands; says why if they cannot be looked at.
pub async fn of_image(session: &Session, plan: &Plan, image: &ImagePlan, standing: &Standing) -> Vec<Pod> {
    let Some((deployment, shipped)) = plan.deployment.as_ref().zip(standing.shipped(image)) else { return Vec::new() };
    let releases = deployment.releases.iter().filter(|one| one.image.as_ref() == Some(&image.name));
    let rendered = async |release| {
        // No cluster is asked, so none is named.
        let helm = session.helm("", &deployment.namespace).await?;
        Ok::<_, Error>(of(deployment, &want(&helm, release, Some(&shipped)).await?, image))
    };
    let mut pods = Vec::new();
    for release in releases {
        match rendered(release).await {
            Ok(found) => pods.extend(found),
            Err(error) => {
                let text = format!("not checked in the pod of the release `{}`: {error}", release.name);
                session.events.say(Event::Note { image: Some(image.name.clone()), text });
            }
        }
    }
    pods
}

/// An image that the cluster would refuse in its pod, or that was proven under other settings.
#[derive(Debug, thiserror::Error)]
#[error("{image} is not fit for the pod of the release `{release}`")]
struct Unfit {
    image: String,
    release: String,
    findings: Vec<Finding>,
}

impl Explained for Unfit {
    fn outcome(&self) -> Outcome {
        Outcome::Findings
    }

    fn hint(&self) -> Option<String> {
        self.findings.iter().find_map(|finding| finding.hint.clone())
    }

    fn details(&self) -> Vec<(String, String)> {
        let line =
            |finding: &Finding| (finding.rule.clone(), format!("{}; expected: {}", finding.found, finding.expected));
        self.findings.iter().map(line).collect()
    }
}

/// Holds the images of `all` to the pods in which they are about to run.
///
/// # Errors
/// One of them would be refused, or is not what was proven; or an image cannot be read.
pub async fn hold(
    session: &Session,
    engine: &Engine,
    plan: &Plan,
    deployment: &Deployment,
    all: &[Wanted<'_>],
) -> Result<(), Outcome> {
    let mut outcomes = Vec::new();
    for wanted in all {
        let image = plan.images.iter().find(|image| Some(&image.name) == wanted.release().image.as_ref());
        let Some((image, (shipped, _))) = image.zip(wanted.running()) else { continue };
        let failed = |error: &dyn Explained| session.failed(Some(&image.name), error);
        let summary = engine.inspect(&shipped.engine_id).await.map_err(|error| failed(&error))?;
        let known = facts::of_engine(session, engine, &image.name, &summary, Some(&shipped.id)).await;
        let known = known.map_err(|error| failed(&error))?;
        let pods = of(deployment, wanted, image);
        // Rules of pods alone: the Dockerfile and the budgets have nothing to say of them.
        let allowed = plan.allowances_of(image).filter(|one| !one.is_over()).cloned().collect();
        let policy = Policy { pods, rules: plan.rules.clone(), allowed, ..Policy::default() };
        let mut findings = check(&known.facts, &policy).findings;
        findings.retain(|finding| is_rule(&finding.rule) && finding.severity == Severity::Error);
        if !findings.is_empty() {
            let (image, release) = (image.name.clone(), wanted.release().name.clone());
            outcomes.push(session.failed(None, &Unfit { image, release, findings }));
        }
    }
    if outcomes.is_empty() { Ok(()) } else { Err(Outcome::worst(outcomes)) }
}
