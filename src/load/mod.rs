//! `load`: an image out of its engine into the nodes of a target, and the proof that it arrived.

mod delivery;
mod error;
mod pass;

pub use error::Error;

use crate::engine::{Engine, ImageSummary};
use crate::event::{Event, Events};
use crate::image::transfer::Converter;
use crate::node::{self, Node, Session, Wanted};
use crate::types::{ByteSize, Digest, ImageId, ImageRef};
use delivery::{Delivery, Source};
use futures_util::future::join_all;
use pass::{Broken, Pass};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

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
    /// The uncompressed sum of its layers' tar sizes, if it was measured.
    pub size: Option<ByteSize>,
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
    /// From the first question to the proof.
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
/// keep the others from it.
///
/// # Errors
/// What is wrong with the image, its engine, or any of the nodes.
pub async fn load(
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Vec<Arrived>, Error> {
    tokio::select! {
        done = run(engine, image, nodes, events) => done,
        () = cancel.cancelled() => Err(Error::Interrupted { image: image.name.clone() }),
    }
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

async fn run(engine: &Engine, image: &Image, nodes: &[Node], events: &Events) -> Result<Vec<Arrived>, Error> {
    let begun = Instant::now();
    let names = names(image)?;
    let failed = |source| Error::Engine { image: image.name.clone(), source };
    let summary = engine.inspect(image.engine_id.as_str()).await.map_err(failed)?;
    let diff_ids = summary.root_fs.clone();
    let wanted = Wanted { id: image.id.clone(), engine_id: image.engine_id.clone(), diff_ids, names };
    let sessions = join_all(nodes.iter().map(|node| node.open(engine, &wanted))).await;
    let mut pass = Pass::default();
    pass.total.at_least(expected(image, &summary));
    let mut deliveries = Vec::new();
    for (node, session) in nodes.iter().zip(sessions) {
        let delivery =
            Delivery { image: image.name.clone(), node: node.name().to_owned(), begun, events: events.clone() };
        let source = matches!(&session, Ok(session) if must_be_sent(session))
            .then(|| Source { queue: pass.join(), total: pass.total.clone() });
        deliveries.push(deliver(delivery, session, source, &image.id));
    }
    let converter = Converter::new(image.id.clone(), wanted.diff_ids.clone());
    // A task of its own: hashing and writing then go on at the same time.
    let (engine, engine_id) = (engine.clone(), image.engine_id.clone());
    let pass = tokio::spawn(async move { pass.run(&engine, &engine_id, converter).await });
    let (passed, delivered) = tokio::join!(AbortOnDropHandle::new(pass), join_all(deliveries));
    settle(image, passed, delivered)
}

fn must_be_sent(session: &Session) -> bool {
    let found = session.found();
    !found.complete && !found.content
}

/// How much will be sent, as far as that can be known before it is: containerd's store counts
/// something else as an image's size.
fn expected(image: &Image, summary: &ImageSummary) -> u64 {
    let shown = if image.engine_id == image.id.0 { summary.shown_size } else { 0 };
    image.size.map_or(shown, |size| size.0)
}

/// All that one node goes through.
async fn deliver(
    delivery: Delivery,
    session: Result<Session, node::Error>,
    source: Option<Source>,
    id: &ImageId,
) -> Result<Option<Arrived>, node::Error> {
    let session = session?;
    let arrived = match source {
        Some(source) => delivery.send(session, source).await?,
        None if session.found().complete => Some(delivery.nothing()),
        None => Some(delivery.name(session).await?),
    };
    if let Some(arrived) = &arrived {
        announce(&delivery, arrived, id);
    }
    Ok(arrived)
}

fn announce(delivery: &Delivery, arrived: &Arrived, id: &ImageId) {
    let (image, node) = (delivery.image.clone(), delivery.node.clone());
    delivery.events.say(Event::Loaded {
        image: image.clone(),
        node: node.clone(),
        id: id.clone(),
        sent: arrived.sent,
        how: arrived.how.clone(),
        ms: arrived.took.as_millis() as u64,
    });
    for Moved { name, from, pods } in &arrived.moved {
        let still = match pods.as_slice() {
            [] => "no pod runs the old one".to_owned(),
            pods => format!("still the old one in {}, until they are replaced or restart", pods.join(", ")),
        };
        let text = format!("{node}: `{name}` was {}, now {}; {still}", from.short(), id.short());
        delivery.events.say(Event::Note { image: Some(image.clone()), text });
    }
}

/// A broken pass is the cause of all that it left undone; what nodes say of themselves comes first
/// only if the pass itself was whole.
fn settle(
    image: &Image,
    passed: Result<Result<(), Broken>, tokio::task::JoinError>,
    delivered: Vec<Result<Option<Arrived>, node::Error>>,
) -> Result<Vec<Arrived>, Error> {
    let name = || image.name.clone();
    match passed {
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => return Err(Error::Interrupted { image: name() }),
        },
        Ok(Err(Broken::Engine(source))) => return Err(Error::Engine { image: name(), source }),
        Ok(Err(Broken::Archive(source))) => return Err(Error::Archive { image: name(), source }),
        Ok(Ok(())) => {}
    }
    let mut errors = Vec::new();
    let mut arrived = Vec::new();
    for one in delivered {
        match one {
            Ok(one) => arrived.extend(one),
            Err(error) => errors.push(error),
        }
    }
    Error::of_nodes(&image.name, errors).map_or(Ok(arrived), Err)
}
