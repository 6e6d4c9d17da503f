//! One pass over what an engine gives feeds all nodes. Each has a short queue, so the slowest of
//! them sets the pace and nothing piles up; one that fails leaves its queue and no more. What a
//! node has already is not sent to it.

use super::Permit;
use super::push::{Push, Pushed};
use crate::engine::{self, Engine};
use crate::image::transfer::{ArchiveError, Chunk, Contents, Converter};
use crate::types::Digest;
use bytes::Bytes;
use futures_util::future::join_all;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// How many chunks may wait for a node.
const QUEUE: usize = 4;

/// An export that was begun.
pub(super) type Export = mpsc::Receiver<Result<Bytes, engine::Error>>;

/// What goes to a node.
pub(super) enum Piece {
    /// The next of the archive.
    Chunk(Chunk),
    /// All that is needed was sent.
    End {
        contents: Arc<Contents>,
        /// The blobs that were not sent, because they were there.
        spared: HashSet<Digest>,
        /// Whether the engine pushed it, layer by layer, instead of exporting all.
        pushed: bool,
    },
}

/// How many bytes there will be, as far as is known by now.
#[derive(Clone, Default)]
pub(super) struct Total(Arc<AtomicU64>);

impl Total {
    pub(super) fn at_least(&self, bytes: u64) {
        self.0.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a node's bytes come from.
pub(super) struct Source {
    pub(super) queue: mpsc::Receiver<Piece>,
    pub(super) total: Total,
}

/// A node's end of the pass.
pub(super) struct Receiver {
    queue: mpsc::Sender<Piece>,
    total: Total,
    /// The blobs and layers that it has.
    pub(super) present: HashSet<Digest>,
    spared: HashSet<Digest>,
    sent: u64,
}

/// Why a pass ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    Engine(engine::Error),
    Archive(ArchiveError),
    /// What the engine pushed cannot be read again.
    Spill(io::Error),
}

/// All who take part.
#[derive(Default)]
pub(super) struct Pass(Vec<Receiver>);

impl Pass {
    /// Another node takes part, which has the blobs `present`.
    pub(super) fn join(&mut self, present: HashSet<Digest>) -> Source {
        let (send, queue) = mpsc::channel(QUEUE);
        let total = Total::default();
        let spared = HashSet::new();
        self.0.push(Receiver { queue: send, total: total.clone(), present, spared, sent: 0 });
        Source { queue, total }
    }

    /// What each of those has that joined.
    pub(super) fn present(&self) -> Vec<&HashSet<Digest>> {
        self.0.iter().map(|receiver| &receiver.present).collect()
    }

    /// Reads `image` out of `engine` and sends it to all who joined: by `push` if there is one and
    /// it can be done, else by an export: `export` if that was begun. Gives what was counted of its
    /// layers on the way: their diff ids, and the sizes of their uncompressed tars in bytes.
    pub(super) async fn run(
        self,
        engine: &Engine,
        image: &Digest,
        converter: Converter,
        push: Option<Push>,
        export: Option<Export>,
        permit: &Permit,
    ) -> Result<Vec<(Digest, u64)>, Broken> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        // An engine that cannot reach our loopback is no error: there is another way out.
        match push {
            Some(push) => match push.run(&self.present()).await {
                Ok(pushed) => self.send_pushed(&pushed).await.map(|()| Vec::new()),
                Err(_) => {
                    // To read the whole image is no light work any more.
                    permit.wait().await;
                    self.export(engine.export(image.as_str()), converter).await
                }
            },
            None => self.export(export.unwrap_or_else(|| engine.export(image.as_str())), converter).await,
        }
    }

    async fn send_pushed(self, pushed: &Pushed) -> Result<(), Broken> {
        let sent = join_all(self.0.into_iter().map(|receiver| receiver.send_pushed(pushed))).await;
        sent.into_iter().collect()
    }

    async fn export(mut self, mut export: Export, mut converter: Converter) -> Result<Vec<(Digest, u64)>, Broken> {
        let there: Vec<Digest> = converter.there().cloned().collect();
        let mut ready = vec![Converter::head()];
        loop {
            for chunk in ready.drain(..) {
                self.send(&chunk).await;
            }
            if self.0.is_empty() {
                return Ok(Vec::new());
            }
            self.foresee(&converter);
            // An engine sends its layers in any order: the rest may be what all have.
            if converter.has_all() {
                break;
            }
            let Some(chunk) = export.recv().await else { break };
            converter.push(chunk.map_err(Broken::Engine)?, &mut ready).map_err(Broken::Archive)?;
        }
        drop(export);
        let contents = Arc::new(converter.finish().map_err(Broken::Archive)?);
        for Receiver { queue, mut spared, .. } in self.0 {
            spared.extend(there.iter().cloned());
            // A node that left has its own error.
            let end = Piece::End { contents: contents.clone(), spared, pushed: false };
            let _left = queue.send(end).await.is_err();
        }
        Ok(contents.counted().collect())
    }

    async fn send(&mut self, chunk: &Chunk) {
        let mut index = 0;
        while let Some(node) = self.0.get_mut(index) {
            if node.take(chunk).await {
                index += 1;
            } else {
                self.0.swap_remove(index);
            }
        }
    }

    fn foresee(&self, converter: &Converter) {
        for node in &self.0 {
            let left = converter.underway().filter(|(of, _)| !node.has(*of)).map_or(0, |(_, left)| left);
            node.total.at_least(node.sent + left);
        }
    }
}

impl Receiver {
    fn has(&self, blob: Option<&Digest>) -> bool {
        blob.is_some_and(|blob| self.present.contains(blob))
    }

    /// False if the node left.
    async fn take(&mut self, chunk: &Chunk) -> bool {
        if self.has(chunk.of.as_ref()) {
            self.spared.extend(chunk.of.clone());
            return !self.queue.is_closed();
        }
        self.send(chunk.clone()).await
    }

    /// Sends what this node lacks of an image that was pushed.
    async fn send_pushed(mut self, pushed: &Pushed) -> Result<(), Broken> {
        let selection = pushed.select(&self.present).map_err(Broken::Archive)?;
        self.total.at_least(selection.needed.iter().map(|(layer, _)| layer.size).sum());
        let mut open = self.send(Converter::head()).await;
        for (layer, blob) in selection.needed {
            open = open && self.send(layer.head()).await;
            let mut at = 0;
            while open && at < layer.size {
                let piece = blob.read(at).await.map_err(Broken::Spill)?;
                at += piece.len() as u64;
                open = self.send(layer.body(piece)).await;
            }
            open = open && self.send(layer.end()).await;
        }
        let end = Piece::End { contents: Arc::new(selection.contents), spared: selection.spared, pushed: true };
        // A node that left has its own error.
        let _left = self.queue.send(end).await.is_err();
        Ok(())
    }

    async fn send(&mut self, chunk: Chunk) -> bool {
        self.sent += chunk.size() as u64;
        self.queue.send(Piece::Chunk(chunk)).await.is_ok()
    }
}
