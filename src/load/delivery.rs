//! What happens to one node in a load.

use super::pass::{Piece, Total};
use super::{Arrived, Moved};
use crate::event::{Event, Events};
use crate::image::transfer::Contents;
use crate::node::{Error, Session};
use crate::types::ByteSize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often a node's progress is said.
const PACE: Duration = Duration::from_millis(100);

/// One image on its way to one node.
pub(super) struct Delivery {
    pub(super) image: String,
    pub(super) node: String,
    pub(super) begun: Instant,
    pub(super) events: Events,
}

/// Where a node's bytes come from.
pub(super) struct Source {
    pub(super) queue: mpsc::Receiver<Piece>,
    pub(super) total: Total,
}

impl Delivery {
    /// Takes the archive from `source` to the node. `None` if the source ended before the archive
    /// did: its own error says why.
    pub(super) async fn send(&self, mut session: Session, mut source: Source) -> Result<Option<Arrived>, Error> {
        session.begin().await?;
        let (mut sent, mut said) = (0, None::<Instant>);
        while let Some(piece) = source.queue.recv().await {
            match piece {
                Piece::Bytes(bytes) => {
                    sent += bytes.len() as u64;
                    session.write(bytes).await?;
                    if said.is_none_or(|said| said.elapsed() >= PACE) {
                        said = Some(Instant::now());
                        self.progress(sent, source.total.get());
                    }
                }
                Piece::End(contents) => return self.finish(session, &contents, sent).await.map(Some),
            }
        }
        Ok(None)
    }

    async fn finish(&self, mut session: Session, contents: &Contents, sent: u64) -> Result<Arrived, Error> {
        let tail = contents.tail(session.names(), session.form());
        let sent = sent + tail.len() as u64;
        session.write(tail).await?;
        self.progress(sent, sent);
        let moving = session.found().moving.clone();
        let how = if moving.is_empty() { "whole" } else { "whole; the tag moved" };
        let pods = session.finish(contents).await?;
        Ok(self.arrived(sent, how.to_owned(), Moved::all(moving, &pods)))
    }

    /// Gives names to what the node holds already.
    pub(super) async fn name(&self, session: Session) -> Result<Arrived, Error> {
        let moving = session.found().moving.clone();
        let pods = session.name().await?;
        Ok(self.arrived(0, format!("{} had it under other names", self.node), Moved::all(moving, &pods)))
    }

    /// The node has everything.
    pub(super) fn nothing(&self) -> Arrived {
        self.arrived(0, format!("{} has it", self.node), Vec::new())
    }

    fn arrived(&self, sent: u64, how: String, moved: Vec<Moved>) -> Arrived {
        Arrived { node: self.node.clone(), sent: ByteSize(sent), how, moved, took: self.begun.elapsed() }
    }

    fn progress(&self, done: u64, total: u64) {
        let (image, node) = (self.image.clone(), self.node.clone());
        self.events.say(Event::Loading { image, node, done: ByteSize(done), total: ByteSize(total.max(done)) });
    }
}
