//! `deploy`: a chart's release into a cluster by the real Helm, watched until all of it runs or
//! something shows that it never will.

mod cause;
mod error;
mod helm;
mod locate;
mod rollout;
mod values;
mod workload;

pub use cause::{Blame, Cause};
pub use error::Error;
pub use helm::{Chart, Helm, Revision};
pub use rollout::{Ended, Rollout, Verdict};
pub use values::{Shipped, containers};
pub use workload::Workload;

use crate::cluster::{Cluster, Difference, Object};
use crate::event::{Event, Events};
use crate::project::{Deployment, Release};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What releases are deployed with, and into what.
pub struct Deployer<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The program.
    pub helm: &'a Helm,
    /// How the application is deployed.
    pub deployment: &'a Deployment,
    /// Where events go.
    pub events: &'a Events,
}

impl Deployer<'_> {
    /// Installs or upgrades `release`, and waits until all of it runs.
    ///
    /// # Errors
    /// The chart does not run `image`, Helm or the cluster refused, or something of it never becomes
    /// ready: then with the cause.
    pub async fn deploy(
        &self,
        release: &Release,
        image: Option<&Shipped>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Workload>, Error> {
        tokio::select! {
            done = self.run(release, image) => done,
            () = cancel.cancelled() => Err(Error::Interrupted { release: release.name.clone() }),
        }
    }

    async fn run(&self, release: &Release, image: Option<&Shipped>) -> Result<Vec<Workload>, Error> {
        let begun = Instant::now();
        let namespace = &self.deployment.namespace;
        self.is_free(release).await?;
        let values = values::values(release, image);
        let chart = Chart { release: &release.name, directory: &release.chart, files: &release.values, set: &values };
        let objects = self.helm.render(&chart).await?;
        if let Some(image) = image {
            values::check(release, image, &objects)?;
        }
        self.events.say(Event::ReleaseStarted {
            release: release.name.clone(),
            namespace: namespace.clone(),
            image: image.map(Shipped::reference),
        });
        // From before the change on: what the cluster says of it at once must not be missed.
        let mut rollout = Rollout::begin(self.cluster, namespace).await?;
        self.helm.upgrade(&chart).await?;
        let workloads: Vec<Workload> = objects.iter().filter_map(Workload::of).collect();
        let ended = rollout.wait(&release.name, &workloads, self.deployment.deadline, self.events).await?;
        if let Ended::Failed(mut verdict) = ended {
            rollout::add_log(self.cluster, namespace, &mut verdict).await;
            let place = locate::place(release, &objects, &verdict.cause);
            return Err(Error::NotReady { release: release.name.clone(), verdict, place });
        }
        let revision = self.helm.history(&release.name).await?.last().map_or(0, |last| last.revision);
        self.events.say(Event::Deployed {
            release: release.name.clone(),
            revision,
            namespace: namespace.clone(),
            workloads: workloads.iter().map(ToString::to_string).collect(),
            ms: begun.elapsed().as_millis() as u64,
        });
        Ok(workloads)
    }

    /// That no run of Helm holds the release, or died while it did.
    async fn is_free(&self, release: &Release) -> Result<(), Error> {
        match self.helm.history(&release.name).await?.pop() {
            Some(last) if last.is_pending() => Err(Error::Stuck { release: release.name.clone(), revision: last }),
            _ => Ok(()),
        }
    }

    /// What deploying `release` would change of what runs, object by object.
    ///
    /// # Errors
    /// As `deploy`, as far as that shows without a change.
    pub async fn differences(&self, release: &Release, image: Option<&Shipped>) -> Result<Vec<Difference>, Error> {
        let values = values::values(release, image);
        let chart = Chart { release: &release.name, directory: &release.chart, files: &release.values, set: &values };
        let objects: Vec<Object> = self.helm.render(&chart).await?;
        if let Some(image) = image {
            values::check(release, image, &objects)?;
        }
        let mut found = Vec::new();
        for object in &objects {
            let difference = self.cluster.would_become(&self.deployment.namespace, object).await?;
            if difference.now.as_ref() != Some(&difference.then) {
                found.push(difference);
            }
        }
        Ok(found)
    }

    /// Goes back to the last revision of `release` that was deployed, and waits until it runs.
    ///
    /// # Errors
    /// There is none, Helm or the cluster refused, or it does not become ready either.
    pub async fn roll_back(&self, release: &str) -> Result<u32, Error> {
        let history = self.helm.history(release).await?;
        let current = history.last().map_or(0, |last| last.revision);
        let good =
            |one: &&Revision| one.revision < current && ["deployed", "superseded"].contains(&one.status.as_str());
        let Some(target) = history.iter().rev().find(good) else {
            return Err(Error::NothingBefore { release: release.to_owned() });
        };
        let mut rollout = Rollout::begin(self.cluster, &self.deployment.namespace).await?;
        self.helm.rollback(release, target.revision).await?;
        let workloads: Vec<Workload> = self.helm.manifest(release).await?.iter().filter_map(Workload::of).collect();
        match rollout.wait(release, &workloads, self.deployment.deadline, self.events).await? {
            Ended::Ready => Ok(target.revision),
            Ended::Failed(mut verdict) => {
                rollout::add_log(self.cluster, &self.deployment.namespace, &mut verdict).await;
                Err(Error::NotReady { release: release.to_owned(), verdict, place: None })
            }
        }
    }
}
