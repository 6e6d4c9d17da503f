//! What happens to one node in a load.

use super::pass::{Piece, Source};
use super::{Arrived, Moved, Permit};
use crate::event::{Event, Events};
use crate::image::transfer::Contents;
use crate::node::{Error, Session};
use crate::types::{ByteSize, Digest, ImageId};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How often a node's progress is said.
const PACE: Duration = Duration::from_millis(100);

/// One image on its way to one node.
pub(super) struct Delivery {
    pub(super) image: String,
    pub(super) id: ImageId,
    pub(super) node: String,
    /// Whether pods run there, that may go on with an old image.
    pub(super) runs_pods: bool,
    pub(super) begun: Instant,
    pub(super) permit: Permit,
    pub(super) events: Events,
}

/// How a delivery ended, if not by a failure.
pub(super) enum Delivered {
    /// The node has the image.
    Arrived(Arrived),
    /// The archive broke off before its end; its own error says why.
    Cut,
    /// Not everything was sent, and the node does not have the image now.
    Lacking(Error),
}

impl Delivery {
    /// Brings the node what it lacks; `source` if that is more than names.
    pub(super) async fn run(&self, session: Session, source: Option<Source>) -> Result<Delivered, Error> {
        let delivered = match source {
            Some(source) => self.send(session, source).await?,
            // What was said long before the permit is no answer any more.
            None if session.found().complete && self.permit.is_given() => {
                Delivered::Arrived(self.arrived(0, format!("asked {}", session.asked()), Vec::new()))
            }
            None => Delivered::Arrived(self.name(session).await?),
        };
        if let Delivered::Arrived(arrived) = &delivered {
            self.announce(arrived);
        }
        Ok(delivered)
    }

    async fn send(&self, mut session: Session, mut source: Source) -> Result<Delivered, Error> {
        session.begin();
        let (mut sent, mut said) = (0, None::<Instant>);
        while let Some(piece) = source.queue.recv().await {
            match piece {
                Piece::Chunk(chunk) => {
                    sent += chunk.size() as u64;
                    if let Err(error) = session.take(chunk).await {
                        // What goes into its store one by one may be refused; in one archive it may not be.
                        let again = session.takes_blobs() && error.may_lack_content();
                        return if again { Ok(Delivered::Lacking(error)) } else { Err(error) };
                    }
                    // Before the first layer comes, nothing is known of how much there will be.
                    let total = source.total.get();
                    if total > sent && said.is_none_or(|said| said.elapsed() >= PACE) {
                        said = Some(Instant::now());
                        self.progress(sent, total);
                    }
                }
                Piece::End { contents, spared, pushed } => {
                    let all_at_once = spared.is_empty() && !session.takes_blobs();
                    return match self.finish(session, &contents, sent, &spared, pushed).await {
                        Err(error) if !all_at_once && error.may_lack_content() => Ok(Delivered::Lacking(error)),
                        finished => finished.map(Delivered::Arrived),
                    };
                }
            }
        }
        Ok(Delivered::Cut)
    }

    async fn finish(
        &self,
        session: Session,
        contents: &Contents,
        sent: u64,
        spared: &HashSet<Digest>,
        pushed: bool,
    ) -> Result<Arrived, Error> {
        self.permit.wait().await;
        let tail = contents.tail(session.names(), session.form());
        let sent = sent + tail.len() as u64;
        self.progress(sent, sent);
        let how = match contents.layers_of(spared) {
            0 => "whole".to_owned(),
            spared => {
                let way = if pushed { "thin, pushed" } else { "thin" };
                format!("{way}: {spared} of {} layers were there", contents.layers())
            }
        };
        let moving = session.found().moving.clone();
        let pods = session.finish(tail, &contents.manifest()).await?;
        Ok(self.arrived(sent, how, Moved::all(moving, &pods)))
    }

    async fn name(&self, session: Session) -> Result<Arrived, Error> {
        self.permit.wait().await;
        let (moving, asked) = (session.found().moving.clone(), session.asked());
        let how = if session.found().complete { "asked" } else { "under other names; asked" };
        let pods = session.name().await?;
        Ok(self.arrived(0, format!("{how} {asked}"), Moved::all(moving, &pods)))
    }

    fn arrived(&self, sent: u64, how: String, moved: Vec<Moved>) -> Arrived {
        let took = self.begun.elapsed().saturating_sub(self.permit.waited());
        Arrived { node: self.node.clone(), sent: ByteSize(sent), how, moved, took }
    }

    fn progress(&self, done: u64, total: u64) {
        let (image, node) = (self.image.clone(), self.node.clone());
        self.events.say(Event::Loading { image, node, done: ByteSize(done), total: ByteSize(total.max(done)) });
    }

    fn announce(&self, arrived: &Arrived) {
        self.events.say(Event::Loaded {
            image: self.image.clone(),
            node: self.node.clone(),
            id: self.id.clone(),
            sent: arrived.sent,
            how: arrived.how.clone(),
            ms: arrived.took.as_millis() as u64,
        });
        for Moved { name, from, pods } in &arrived.moved {
            let still = match pods.as_slice() {
                [] if !self.runs_pods => String::new(),
                [] => "; no pod runs the old one".to_owned(),
                pods => format!("; still the old one in {}, until they are replaced or restart", pods.join(", ")),
            };
            self.note(format!("`{name}` was {}, now {}{still}", from.short(), self.id.short()));
        }
    }

    /// Says `text` of this node.
    pub(super) fn note(&self, text: String) {
        self.events.say(Event::Note { image: Some(self.image.clone()), text: format!("{}: {text}", self.node) });
    }
}
