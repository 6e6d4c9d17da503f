//! `deploy`: a chart's release into a cluster by the real Helm, watched until all of it runs or
//! something shows that it never will.

mod cause;
mod error;
mod helm;
mod locate;
mod removal;
mod rollback;
mod rollout;
mod template;
mod values;
mod workload;

pub use cause::{Blame, Cause};
pub use error::Error;
pub use helm::{Chart, Helm, Revision};
pub use locate::Sources;
pub use removal::Removed;
pub use rollback::WentBack;
pub use rollout::{Ended, Rollout, Verdict};
pub use values::{Running, Shipped, containers};
pub use workload::Workload;

use crate::cluster::{Cluster, Difference, Object};
use crate::event::{Event, Events};
use crate::project::{Deployment, Release};
use futures_util::future::try_join_all;
use serde_json::Value;
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
    /// Ends waiting.
    pub cancel: &'a CancellationToken,
}

/// A release as it is wanted: rendered, and found to run its image.
pub struct Wanted<'a> {
    release: &'a Release,
    image: Option<&'a Shipped>,
    values: Value,
    objects: Vec<Object>,
}

impl Wanted<'_> {
    /// The release.
    pub fn release(&self) -> &Release {
        self.release
    }

    /// The image that it runs, and each container that does.
    pub fn running(&self) -> Option<(&Shipped, Vec<Running<'_>>)> {
        let image = self.image?;
        Some((image, values::running(&self.objects, image)))
    }

    fn chart(&self) -> Chart<'_> {
        let Release { name, chart, values, .. } = self.release;
        Chart { release: name, directory: chart, files: values, set: &self.values }
    }

    fn workloads(&self) -> Vec<Workload> {
        self.objects.iter().filter_map(Workload::of).collect()
    }
}

/// What `release` is to be with `image`, as `helm` renders it; no cluster is asked.
///
/// # Errors
/// The chart cannot be rendered, or does not run `image`.
pub async fn want<'a>(helm: &Helm, release: &'a Release, image: Option<&'a Shipped>) -> Result<Wanted<'a>, Error> {
    let values = values::values(release, image);
    let chart = Chart { release: &release.name, directory: &release.chart, files: &release.values, set: &values };
    let objects = helm.render(&chart).await?;
    if let Some(image) = image {
        values::check(release, image, &objects)?;
    }
    Ok(Wanted { release, image, values, objects })
}

impl Deployer<'_> {
    /// Installs or upgrades a release, if anything of it is not as it is wanted, and waits until all of
    /// it runs. `sources` is where its image comes from.
    ///
    /// # Errors
    /// Helm or the cluster refused, or something of it never becomes ready: then with the cause.
    pub async fn deploy(&self, wanted: &Wanted<'_>, sources: &Sources<'_>) -> Result<(), Error> {
        let begun = Instant::now();
        let (release, namespace) = (&wanted.release.name, &self.deployment.namespace);
        let (last, mut rollout, tried) = tokio::try_join!(
            self.last_revision(release),
            async { Ok(Rollout::begin(self.cluster, namespace).await?) },
            async { Ok(self.try_out(release, &wanted.objects).await) },
        )?;
        let workloads = wanted.workloads();
        let as_wanted = rollout.is_done(&workloads) && tried.as_ref().is_some_and(Vec::is_empty);
        let running = if as_wanted { self.running(wanted, last.as_ref()).await? } else { None };
        let (revision, changed) = match running {
            Some(revision) => (revision, false),
            None => (self.upgrade(wanted, tried.is_some(), &mut rollout, sources).await?, true),
        };
        self.events.say(Event::Deployed {
            release: release.clone(),
            revision,
            changed,
            namespace: namespace.clone(),
            workloads: workloads.iter().map(ToString::to_string).collect(),
            ms: begun.elapsed().as_millis() as u64,
        });
        Ok(())
    }

    /// What of `objects` differs from what the cluster has; `None` if that cannot be tried out, as with
    /// kinds that only come with the release. Whatever is wrong Helm then finds, and says better.
    async fn try_out(&self, release: &str, objects: &[Object]) -> Option<Vec<Difference>> {
        self.differences_of(release, objects).await.ok()
    }

    /// The revision that runs, if the release has nothing that is not in `wanted`, all of which it has.
    async fn running(&self, wanted: &Wanted<'_>, last: Option<&Revision>) -> Result<Option<u32>, Error> {
        let Some(last) = last.filter(|last| last.status == "deployed") else { return Ok(None) };
        let now = self.helm.manifest(&wanted.release.name).await?;
        let key = |object: &Object| (object.kind().to_owned(), object.name().to_owned());
        let left_over = now.iter().any(|one| !wanted.objects.iter().any(|other| key(one) == key(other)));
        Ok((!left_over).then_some(last.revision))
    }

    async fn upgrade(
        &self,
        wanted: &Wanted<'_>,
        tried: bool,
        rollout: &mut Rollout,
        sources: &Sources<'_>,
    ) -> Result<u32, Error> {
        let name = &wanted.release.name;
        let image = wanted.image.map(Shipped::reference);
        let namespace = self.deployment.namespace.clone();
        self.events.say(Event::ReleaseStarted { release: name.clone(), namespace, image });
        let workloads = wanted.workloads();
        // Not to be broken off: Helm would leave the release where no other run may touch it.
        let chart = wanted.chart();
        let mut upgrade = std::pin::pin!(self.helm.upgrade(&chart, tried));
        let revision = tokio::select! {
            revision = &mut upgrade => revision?,
            // That the cluster was lost shows when it is looked at anew.
            _begun = rollout.begin_to_change(name, &workloads, self.events) => upgrade.await?,
        };
        self.settle(name, &workloads, rollout, |cause| locate::place(wanted.release, sources, &wanted.objects, cause))
            .await?;
        Ok(revision)
    }

    /// Waits until `workloads` run; `place` finds the line to change if they never will.
    async fn settle(
        &self,
        release: &str,
        workloads: &[Workload],
        rollout: &mut Rollout,
        place: impl Fn(&Cause) -> Option<locate::Place>,
    ) -> Result<(), Error> {
        rollout.renew(self.cluster, &self.deployment.namespace).await?;
        let ended = tokio::select! {
            ended = rollout.wait(release, workloads, self.deployment.deadline, self.events) => ended?,
            () = self.cancel.cancelled() => return Err(Error::Interrupted { release: release.to_owned() }),
        };
        let Ended::Failed(mut verdict) = ended else { return Ok(()) };
        rollout::add_log(self.cluster, &self.deployment.namespace, &mut verdict).await;
        let place = place(&verdict.cause);
        Err(Error::NotReady { release: release.to_owned(), verdict, place })
    }

    /// The last revision of `release`, which no run of Helm holds, or held when it died.
    async fn last_revision(&self, release: &str) -> Result<Option<Revision>, Error> {
        // The labels of Helm's record say it sooner than Helm does, but not since when.
        if Helm::records_in_secrets() {
            let mut recorded = self.cluster.releases(&self.deployment.namespace).await?;
            let last = recorded.remove(release).map(Revision::from);
            if last.as_ref().is_none_or(|last| !last.is_pending()) {
                return Ok(last);
            }
        }
        match self.helm.history(release).await?.pop() {
            Some(last) if last.is_pending() => Err(Error::Stuck { release: release.to_owned(), revision: last }),
            last => Ok(last),
        }
    }

    /// What deploying `release` would change of what runs, object by object.
    ///
    /// # Errors
    /// As `deploy`, as far as that shows without a change.
    pub async fn differences(&self, release: &Release, image: Option<&Shipped>) -> Result<Vec<Difference>, Error> {
        let objects = want(self.helm, release, image).await?.objects;
        // Nothing can be tried out where there is no namespace yet.
        if !self.cluster.has_namespace(&self.deployment.namespace).await? {
            return Ok(objects.into_iter().map(Difference::all_new).collect());
        }
        self.differences_of(&release.name, &objects).await
    }

    async fn differences_of(&self, release: &str, objects: &[Object]) -> Result<Vec<Difference>, Error> {
        let namespace = &self.deployment.namespace;
        let marked: Vec<Object> = objects.iter().map(|object| helm::marked(object, release, namespace)).collect();
        let all = try_join_all(marked.iter().map(|object| self.cluster.would_become(namespace, object))).await?;
        Ok(all.into_iter().filter(|one| one.now.as_ref() != Some(&one.then)).collect())
    }
}
