//! One pass over an engine's export feeds all nodes. Each has a short queue, so the slowest of
//! them sets the pace and nothing piles up; one that fails leaves its queue and no more. What a
//! node has already is read, but not sent to it.

use crate::engine::{self, Engine};
use crate::image::transfer::{ArchiveError, Chunk, Contents, Converter};
use crate::types::Digest;
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// How many chunks may wait for a node.
const QUEUE: usize = 4;

/// What goes to a node.
pub(super) enum Piece {
    /// The next bytes of the archive.
    Bytes(Bytes),
    /// All that is needed was sent.
    End {
        contents: Arc<Contents>,
        /// The blobs that were not sent, because they were there.
        spared: HashSet<Digest>,
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
struct Receiver {
    queue: mpsc::Sender<Piece>,
    total: Total,
    present: HashSet<Digest>,
    spared: HashSet<Digest>,
    sent: u64,
}

/// Why a pass ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    Engine(engine::Error),
    Archive(ArchiveError),
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

    /// Reads `image` out of `engine` and sends it to all who joined.
    pub(super) async fn run(mut self, engine: &Engine, image: &Digest, mut converter: Converter) -> Result<(), Broken> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut export = engine.export(image.as_str());
        let mut ready = vec![Converter::head()];
        loop {
            for chunk in ready.drain(..) {
                self.send(&chunk).await;
            }
            if self.0.is_empty() {
                return Ok(());
            }
            self.foresee(&converter);
            let Some(chunk) = export.recv().await else { break };
            converter.push(chunk.map_err(Broken::Engine)?, &mut ready).map_err(Broken::Archive)?;
        }
        let contents = Arc::new(converter.finish().map_err(Broken::Archive)?);
        for Receiver { queue, spared, .. } in self.0 {
            // A node that left has its own error.
            let end = Piece::End { contents: contents.clone(), spared };
            let _left = queue.send(end).await.is_err();
        }
        Ok(())
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
        self.sent += chunk.bytes.len() as u64;
        self.queue.send(Piece::Bytes(chunk.bytes.clone())).await.is_ok()
    }
}
