//! `load`: an image out of its engine into the nodes of a target, and the proof that it arrived.

mod asked;
mod delivery;
mod error;
mod fetch;
mod layers;
mod pass;
mod permit;
mod push;
mod teach;

pub use asked::{Asked, ask};
pub use error::Error;
pub use fetch::{Fetched, fetch};
pub use permit::Permit;
pub use teach::{is_worth_teaching, teach};

use crate::engine::{Engine, ImageSummary, RootFs, saying_if_slow};
use crate::event::{Event, Events};
use crate::image::digests::Digests;
use crate::image::store::Store;
use crate::image::transfer::Converter;
use crate::node::{self, Node, Session, Wanted};
use crate::types::{ByteSize, Digest, ImageId, ImageRef};
use delivery::{Delivered, Delivery};
use futures_util::future::join_all;
use layers::Layers;
use pass::{Broken, Pass};
use push::Push;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// How long it may take to remove what is left when a load ends.
const CLEANUP_LIMIT: Duration = Duration::from_secs(10);

/// An image to load.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name in the plan, for events and errors.
    pub name: String,
    /// Its id: the digest of its config.
    pub id: ImageId,
    /// How its engine names it: `id`, or the manifest's digest where the store is containerd's.
    pub engine_id: Digest,
    /// Its own tags: what manifests name it by.
    pub tags: Vec<ImageRef>,
    /// The diff ids of its layers, bottom first.
    pub diff_ids: RootFs,
}

/// What is remembered of layers from one load to the next: it decides which way out of the
/// engine is the quicker one.
#[derive(Clone, Debug)]
pub struct Memory {
    /// By which digests the engine pushes them.
    pub digests: Digests,
    /// How large they are.
    pub sizes: Store,
}

impl Image {
    /// The image `id`, of which its engine says `summary`.
    pub fn of(name: &str, id: &ImageId, summary: &ImageSummary, tags: &[ImageRef]) -> Self {
        let (engine_id, diff_ids) = (summary.engine_id.clone(), summary.root_fs.clone());
        Self { name: name.to_owned(), id: id.clone(), engine_id, tags: tags.to_vec(), diff_ids }
    }

    /// What a node is to have of it.
    ///
    /// # Errors
    /// It has no tag.
    pub fn wanted(&self) -> Result<Wanted, Error> {
        let (id, engine_id) = (self.id.clone(), self.engine_id.clone());
        Ok(Wanted { id, engine_id, diff_ids: self.diff_ids.clone(), names: names(self)? })
    }

    /// Whether its engine keeps the layers as blobs (the containerd store), not unpacked: there an
    /// image is named by its manifest.
    fn is_kept_as_blobs(&self) -> bool {
        self.engine_id != self.id.0
    }
}

/// An image that is on a node, and that the node confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The node.
    pub node: String,
    /// How many bytes were written to it.
    pub sent: ByteSize,
    /// How it went there, and why.
    pub how: String,
    /// The names that were another image's before.
    pub moved: Vec<Moved>,
    /// From the first question to the proof, without the time in which a node waited for the permit.
    pub took: Duration,
}

/// A name that was another image's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The name.
    pub name: ImageRef,
    /// Whose it was.
    pub from: ImageId,
    /// The pods that still run images whose names moved; a restart of a container in them would
    /// silently bring up the new one.
    pub pods: Vec<String>,
}

impl Moved {
    fn all(moving: Vec<(ImageRef, ImageId)>, pods: &[String]) -> Vec<Self> {
        moving.into_iter().map(|(name, from)| Self { name, from, pods: pods.to_vec() }).collect()
    }
}

/// Brings `image` from `engine` to all `nodes`, in one pass over its bytes, and proves that each
/// has it under its own tags and under `NAME:id-<first 12 of the id>`. A node that fails does not
/// keep the others from it. No node has the image before `permit` is given: if this is cancelled
/// until then, they have nothing of it. What is learned of its layers goes into `memory`.
///
/// # Errors
/// What is wrong with the image, its engine, or any of the nodes.
pub async fn load(
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    memory: &Memory,
    permit: &Permit,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<Arrived>, Error> {
    let cleanup = TaskTracker::new();
    let loaded = tokio::select! {
        done = run(engine, image, nodes, memory, permit, &cleanup, events) => done,
        () = cancel.cancelled() => Err(Error::Interrupted { image: image.name.clone() }),
    };
    cleanup.close();
    // What cannot be removed in this time is swept by the next run.
    let _late = tokio::time::timeout(CLEANUP_LIMIT, cleanup.wait()).await;
    loaded
}

/// All names that `image` gets on a node: its own tags, and for each repository one of its id.
///
/// # Errors
/// It has no tag.
pub fn names(image: &Image) -> Result<Vec<ImageRef>, Error> {
    let tagged = image.tags.iter().filter(|tag| tag.tag().is_some());
    let mut names: Vec<ImageRef> = tagged.cloned().collect();
    for tag in &image.tags {
        let named = tag.with_tag(&format!("id-{}", image.id.short()));
        names.extend(named.ok().filter(|named| !names.contains(named)));
    }
    if names.is_empty() { Err(Error::NoName { image: image.name.clone() }) } else { Ok(names) }
}

async fn run(
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    memory: &Memory,
    permit: &Permit,
    cleanup: &TaskTracker,
    events: &Events,
) -> Result<Vec<Arrived>, Error> {
    let wanted = image.wanted()?;
    let failed = |source| Error::Engine { image: image.name.clone(), source };
    let summary = engine.inspect(image.engine_id.as_str()).await.map_err(failed)?;
    let shown = shown(image, &summary);
    let layers = Layers::of(&image.diff_ids, &memory.sizes, shown);
    let begun = Instant::now();
    let load = Load { engine, image, wanted, layers, memory, permit, shown, cleanup, begun, events };
    let all: Vec<&Node> = nodes.iter().collect();
    let mut ended = load.attempt(&all, true).await?;
    let mut arrived = std::mem::take(&mut ended.arrived);
    if !ended.lacking.is_empty() {
        // Something that the node said it had is gone, or never was whole: once more, with all.
        let again = load.attempt(&ended.lacking, false).await?;
        arrived.extend(again.arrived);
        ended.errors.extend(again.errors);
    }
    Error::of_nodes(&image.name, ended.errors).map_or(Ok(arrived), Err)
}

/// The size of its files, if the engine says that: the containerd store counts something else as
/// an image's size.
fn shown(image: &Image, summary: &ImageSummary) -> Option<u64> {
    Some(summary.shown_size).filter(|size| *size > 0 && !image.is_kept_as_blobs())
}

struct Load<'a> {
    engine: &'a Engine,
    image: &'a Image,
    wanted: Wanted,
    layers: Layers,
    memory: &'a Memory,
    permit: &'a Permit,
    /// What the engine says of its size.
    shown: Option<u64>,
    cleanup: &'a TaskTracker,
    begun: Instant,
    events: &'a Events,
}

/// How one attempt ended for the nodes.
#[derive(Default)]
struct Ended<'a> {
    arrived: Vec<Arrived>,
    lacking: Vec<&'a Node>,
    errors: Vec<node::Error>,
}

impl Load<'_> {
    /// One pass over the image for `nodes`; if `thin`, without what they have.
    async fn attempt<'a>(&self, nodes: &[&'a Node], thin: bool) -> Result<Ended<'a>, Error> {
        // An engine may work for a second before the first byte: an export that is certain begins
        // before all is known. That of a layer that was never seen here is.
        let certain = || self.permit.is_given() && (!thin || self.must_export());
        let mut export = (self.layers.any_unseen() && certain()).then(|| self.engine.export(self.engine_id()));
        let opened = join_all(nodes.iter().map(|node| self.open(node))).await;
        if export.is_none() && opened.iter().flatten().any(lacks_content) && certain() {
            export = Some(self.engine.export(self.engine_id()));
        }
        let sessions = join_all(opened.into_iter().map(|opened| present(opened, thin))).await;
        let mut pass = Pass::default();
        let deliveries: Vec<_> =
            nodes.iter().zip(sessions).map(|(node, session)| self.deliver(node, session, &mut pass)).collect();
        let mut layers = self.layers.clone();
        let mut push = if thin { self.push(&layers, &pass) } else { None };
        // What takes the machine long would change what is measured there meanwhile.
        let light = pass.present().is_empty() || push.as_ref().is_some_and(|push| push.is_light(&pass.present()));
        if !light && !self.permit.is_given() {
            self.permit.wait().await;
            // Meanwhile the image was read, so more is known of its layers.
            layers = Layers::of(&self.image.diff_ids, &self.memory.sizes, self.shown);
            push = if thin { self.push(&layers, &pass) } else { None };
        }
        let there = layers.held_by_all(pass.present().into_iter());
        let converter = Converter::new(self.image.id.clone(), self.wanted.diff_ids.clone(), there);
        // A task of its own: hashing and writing then go on at the same time.
        let (engine, engine_id) = (self.engine.clone(), self.image.engine_id.clone());
        let permit = self.permit.clone();
        let pass = tokio::spawn(async move { pass.run(&engine, &engine_id, converter, push, export, &permit).await });
        let (passed, delivered) = tokio::join!(AbortOnDropHandle::new(pass), join_all(deliveries));
        self.remember(self.whole(passed)?).await;
        let mut ended = Ended::default();
        for (node, delivered) in nodes.iter().zip(delivered) {
            match delivered {
                Ok(Delivered::Arrived(arrived)) => ended.arrived.push(arrived),
                Ok(Delivered::Lacking(_)) => ended.lacking.push(node),
                Ok(Delivered::Cut) => {}
                Err(error) => ended.errors.push(error),
            }
        }
        Ok(ended)
    }

    fn engine_id(&self) -> &str {
        self.image.engine_id.as_str()
    }

    /// Whether an export is the only way out, whatever the nodes have: too much of the image was
    /// never pushed.
    fn must_export(&self) -> bool {
        if !self.engine.address().may_share_loopback() {
            return true;
        }
        if self.image.is_kept_as_blobs() {
            return false;
        }
        let known = self.memory.digests.known();
        let untaught = self.layers.sum(|diff_id| !known.contains_key(diff_id));
        !push::pays(untaught, self.layers.total(), push::COMPRESSED_SHARE)
    }

    /// Opens the stream to a node, which says what it has of the image.
    async fn open(&self, node: &Node) -> Result<Session, node::Error> {
        let waiting = || format!("waiting for {}", node.name());
        let opening = node.open(self.engine, &self.wanted);
        let session = saying_if_slow(self.events, Some(&self.image.name), waiting, opening).await?;
        let (image, node) = (self.image.name.clone(), node.name().to_owned());
        self.events.say(Event::Reached { image, node, by: session.by() });
        Ok(session)
    }

    /// All that one node goes through, as a future; it takes part in `pass` if it needs bytes.
    fn deliver(
        &self,
        node: &Node,
        session: Result<(Session, Option<HashSet<Digest>>), node::Error>,
        pass: &mut Pass,
    ) -> impl Future<Output = Result<Delivered, node::Error>> + use<> {
        let delivery = Delivery {
            image: self.image.name.clone(),
            id: self.image.id.clone(),
            node: node.name().to_owned(),
            runs_pods: node.runs_pods(),
            begun: self.begun,
            permit: self.permit.clone(),
            events: self.events.clone(),
        };
        let diff_ids = &self.wanted.diff_ids;
        let session = session.map(|(session, present)| {
            let nothing_there = present.as_ref().is_some_and(|there| diff_ids.iter().all(|id| !there.contains(id)));
            let source = present.map(|present| pass.join(present));
            if let Some(source) = source.as_ref().filter(|_| nothing_there) {
                source.total.at_least(self.layers.total().unwrap_or_default());
            }
            (session, source)
        });
        async move {
            let (session, source) = session?;
            let delivered = delivery.run(session, source).await?;
            if let Delivered::Lacking(error) = &delivered {
                delivery.note(format!("once more, whole, because it lacks something after all: {error}"));
            }
            Ok(delivered)
        }
    }

    /// The push that brings what those who take part in `pass` lack, if it is possible and
    /// quicker than an export.
    fn push(&self, layers: &Layers, pass: &Pass) -> Option<Push> {
        if pass.present().is_empty() || !self.engine.address().may_share_loopback() {
            return None;
        }
        let push = Push {
            engine: self.engine.clone(),
            image: self.image.clone(),
            layers: layers.clone(),
            digests: self.memory.digests.clone(),
            known: self.memory.digests.known(),
            cleanup: self.cleanup.clone(),
        };
        push.is_worth_it(&pass.present()).then_some(push)
    }

    /// Keeps the sizes that were not known. If that fails the next load is slower, no more.
    async fn remember(&self, counted: Vec<(Digest, u64)>) {
        let sizes = self.memory.sizes.clone();
        let keep = move || {
            for (diff_id, size) in counted {
                if sizes.size(&diff_id).is_none() {
                    sizes.keep_size(&diff_id, ByteSize(size)).ok();
                }
            }
        };
        let _kept = tokio::task::spawn_blocking(keep).await;
    }

    /// A broken pass is the cause of all that it left undone; what nodes say of themselves counts
    /// only if it was whole.
    fn whole<T>(&self, passed: Result<Result<T, Broken>, tokio::task::JoinError>) -> Result<T, Error> {
        let image = self.image.name.clone();
        match passed {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Broken::Engine(source))) => Err(Error::Engine { image, source }),
            Ok(Err(Broken::Archive(source))) => Err(Error::Archive { image, source }),
            Ok(Err(Broken::Spill(source))) => Err(Error::Spill { image, source }),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::Interrupted { image }),
            },
        }
    }
}

fn lacks_content(session: &Session) -> bool {
    !session.found().complete && !session.found().content
}

/// What need not be sent to a node, if anything must be.
async fn present(
    opened: Result<Session, node::Error>,
    thin: bool,
) -> Result<(Session, Option<HashSet<Digest>>), node::Error> {
    let mut session = opened?;
    let present = match (lacks_content(&session), thin) {
        (false, _) => None,
        (true, true) => Some(session.present().await?),
        (true, false) => Some(HashSet::new()),
    };
    Ok((session, present))
}
