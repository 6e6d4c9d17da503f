//! Going back to what ran before, and freeing what a run of Helm left in the middle.

use super::{Deployer, Error, Revision, Rollout, Workload};

/// What became of a release that was to go back.
#[derive(Debug, PartialEq, Eq)]
pub enum WentBack {
    /// This revision of before runs again.
    To(u32),
    /// Its first installation was never done: it was removed.
    Removed,
}

impl Deployer<'_> {
    /// Goes back to the last revision of `release` that was deployed, and waits until it runs. A
    /// release that was held by Helm in the middle of its first installation is removed instead.
    ///
    /// # Errors
    /// There is none, it may still be held (unless `force`), Helm or the cluster refused, or it does
    /// not become ready either.
    pub async fn roll_back(&self, release: &str, force: bool) -> Result<WentBack, Error> {
        let history = self.helm.history(release).await?;
        let Some(last) = history.last() else { return Err(Error::NothingBefore { release: release.to_owned() }) };
        if last.is_pending() && !force && !last.is_older_than(self.deployment.deadline) {
            return Err(Error::Held { release: release.to_owned(), revision: last.clone() });
        }
        let Some(target) = before(&history) else {
            return self.remove_first(release, last).await;
        };
        let mut rollout = Rollout::begin(self.cluster, &self.deployment.namespace).await?;
        self.helm.rollback(release, target.revision).await?;
        let workloads: Vec<Workload> = self.helm.manifest(release).await?.iter().filter_map(Workload::of).collect();
        self.settle(release, &workloads, &mut rollout, |_| None).await?;
        Ok(WentBack::To(target.revision))
    }

    async fn remove_first(&self, release: &str, last: &Revision) -> Result<WentBack, Error> {
        if !last.is_pending() {
            return Err(Error::NothingBefore { release: release.to_owned() });
        }
        self.helm.uninstall(release).await?;
        Ok(WentBack::Removed)
    }
}

/// The revision of `history` that ran before the last one; of a last one that failed or was never
/// done, the last that was deployed.
fn before(history: &[Revision]) -> Option<&Revision> {
    let (last, earlier) = history.split_last()?;
    let ran = |one: &&Revision| ["deployed", "superseded"].contains(&one.status.as_str());
    earlier.iter().rev().filter(|one| one.revision < last.revision).find(ran)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(revision: u32, status: &str) -> Revision {
        Revision { revision, status: status.into(), updated: String::new() }
    }

    #[test]
    fn what_ran_before_is_the_last_that_was_deployed() {
        let history = [revision(1, "superseded"), revision(2, "failed"), revision(3, "pending-upgrade")];
        assert_eq!(before(&history).map(|one| one.revision), Some(1));
        assert!(before(&history[1..2]).is_none());
        assert!(before(&[revision(1, "deployed")]).is_none());
        let history = [revision(1, "superseded"), revision(2, "deployed"), revision(3, "failed")];
        assert_eq!(before(&history).map(|one| one.revision), Some(2));
    }
}
