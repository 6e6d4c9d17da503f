//! All that a rollout shows, kept up to date.

use super::{Cluster, Error};
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, future};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Resource, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long is waited for more to come with what came: controllers change several objects at once.
const SETTLE: Duration = Duration::from_millis(30);
/// The kinds that are watched.
const KINDS: usize = 8;
/// For how long nothing but errors may come until the cluster is taken for lost.
const LOST: Duration = Duration::from_secs(15);

/// The objects of one namespace at a moment, by name.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each holds what its name says")]
pub struct Snapshot {
    pub deployments: BTreeMap<String, Deployment>,
    pub replica_sets: BTreeMap<String, ReplicaSet>,
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    pub daemon_sets: BTreeMap<String, DaemonSet>,
    pub jobs: BTreeMap<String, Job>,
    pub pods: BTreeMap<String, Pod>,
    pub claims: BTreeMap<String, PersistentVolumeClaim>,
    pub events: BTreeMap<String, Event>,
}

/// A watch of one namespace.
pub struct Watch {
    changes: SelectAll<BoxStream<'static, Result<Change, watcher::Error>>>,
    snapshot: Snapshot,
    /// The kinds that are listed in full.
    listed: BTreeSet<usize>,
    /// Since when nothing but errors came.
    failing: Option<Instant>,
    doing: String,
}

/// One change of the snapshot.
struct Change {
    kind: usize,
    /// Whether its kind is listed in full from now on, if that changed.
    listed: Option<bool>,
    apply: Box<dyn FnOnce(&mut Snapshot) + Send>,
}

impl Cluster {
    /// Watches the workloads of `namespace`, with their pods, claims and events.
    pub fn watch(&self, namespace: &str) -> Watch {
        let mut changes = SelectAll::new();
        changes.push(self.changes(namespace, 0, |all| &mut all.deployments));
        changes.push(self.changes(namespace, 1, |all| &mut all.replica_sets));
        changes.push(self.changes(namespace, 2, |all| &mut all.stateful_sets));
        changes.push(self.changes(namespace, 3, |all| &mut all.daemon_sets));
        changes.push(self.changes(namespace, 4, |all| &mut all.jobs));
        changes.push(self.changes(namespace, 5, |all| &mut all.pods));
        changes.push(self.changes(namespace, 6, |all| &mut all.claims));
        changes.push(self.changes(namespace, 7, |all| &mut all.events));
        let doing = format!("watching the namespace `{namespace}`");
        Watch { changes, snapshot: Snapshot::default(), listed: BTreeSet::new(), failing: None, doing }
    }

    fn changes<K>(
        &self,
        namespace: &str,
        kind: usize,
        of: fn(&mut Snapshot) -> &mut BTreeMap<String, K>,
    ) -> BoxStream<'static, Result<Change, watcher::Error>>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>,
        K: Clone + Debug + Send + Sync + serde::de::DeserializeOwned + 'static,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        stream.map(move |event| event.map(|event| change(kind, of, event))).boxed()
    }
}

fn change<K: ResourceExt + Send + 'static>(
    kind: usize,
    of: fn(&mut Snapshot) -> &mut BTreeMap<String, K>,
    event: watcher::Event<K>,
) -> Change {
    let listed = match event {
        watcher::Event::Init => Some(false),
        watcher::Event::InitDone => Some(true),
        _ => None,
    };
    let apply: Box<dyn FnOnce(&mut Snapshot) + Send> = match event {
        watcher::Event::Apply(object) | watcher::Event::InitApply(object) => Box::new(move |all| {
            of(all).insert(object.name_any(), object);
        }),
        watcher::Event::Delete(object) => Box::new(move |all| {
            of(all).remove(&object.name_any());
        }),
        // It begins anew: what is gone meanwhile is not listed any more.
        watcher::Event::Init => Box::new(move |all| of(all).clear()),
        watcher::Event::InitDone => Box::new(|_| {}),
    };
    Change { kind, listed, apply }
}

/// Whether the cluster answered, and said no: another try would say the same.
fn is_refusal(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(source) | WatchStartFailed(source) | WatchFailed(source) => {
            matches!(source, kube::Error::Api(status) if [401, 403].contains(&status.code))
        }
        _ => false,
    }
}

impl Watch {
    /// Waits until something changed, and all kinds were listed; gives what is there then.
    ///
    /// # Errors
    /// The cluster refused, or was lost for longer than a moment.
    pub async fn next(&mut self) -> Result<&Snapshot, Error> {
        self.take().await?;
        let settled = tokio::time::Instant::now() + SETTLE;
        while let Ok(taken) = tokio::time::timeout_at(settled, self.take()).await {
            taken?;
        }
        while self.listed.len() < KINDS {
            self.take().await?;
        }
        Ok(&self.snapshot)
    }

    /// What was there last.
    pub fn current(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn take(&mut self) -> Result<(), Error> {
        match self.changes.next().await {
            Some(Ok(change)) => {
                // That a list begins is said before the cluster is asked for it.
                if change.listed != Some(false) {
                    self.failing = None;
                }
                (change.apply)(&mut self.snapshot);
                match change.listed {
                    Some(true) => self.listed.insert(change.kind),
                    Some(false) => self.listed.remove(&change.kind),
                    None => false,
                };
                Ok(())
            }
            // The watch begins anew by itself, after a while.
            Some(Err(source))
                if !is_refusal(&source) && self.failing.get_or_insert_with(Instant::now).elapsed() < LOST =>
            {
                Ok(())
            }
            Some(Err(source)) => Err(Error::watch(&self.doing, source)),
            // Watches never end.
            None => future::pending().await,
        }
    }
}
