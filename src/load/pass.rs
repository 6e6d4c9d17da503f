//! One pass over an engine's export feeds all nodes. Each has a short queue, so the slowest of
//! them sets the pace and nothing piles up; one that fails leaves the queue and no more.

use crate::engine::{self, Engine};
use crate::image::transfer::{ArchiveError, Contents, Converter};
use crate::types::Digest;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// How many chunks may wait for a node.
const QUEUE: usize = 4;

/// What goes to a node.
#[derive(Clone)]
pub(super) enum Piece {
    /// The next bytes of the archive.
    Bytes(Bytes),
    /// All layers were sent.
    End(Arc<Contents>),
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

/// Why a pass ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    Engine(engine::Error),
    Archive(ArchiveError),
}

/// The queues of one pass.
#[derive(Default)]
pub(super) struct Pass {
    queues: Vec<mpsc::Sender<Piece>>,
    pub(super) total: Total,
}

impl Pass {
    /// Another node takes part.
    pub(super) fn join(&mut self) -> mpsc::Receiver<Piece> {
        let (send, receive) = mpsc::channel(QUEUE);
        self.queues.push(send);
        receive
    }

    /// Reads `image` out of `engine` and sends it to all who joined.
    pub(super) async fn run(mut self, engine: &Engine, image: &Digest, mut converter: Converter) -> Result<(), Broken> {
        if self.queues.is_empty() {
            return Ok(());
        }
        let mut export = engine.export(image.as_str());
        let mut sent = 0;
        let mut ready = vec![Converter::head()];
        loop {
            for bytes in ready.drain(..) {
                sent += bytes.len() as u64;
                self.send(&Piece::Bytes(bytes)).await;
            }
            self.total.at_least(sent + converter.left_of_member());
            if self.queues.is_empty() {
                return Ok(());
            }
            let Some(chunk) = export.recv().await else { break };
            converter.push(chunk.map_err(Broken::Engine)?, &mut ready).map_err(Broken::Archive)?;
        }
        let contents = converter.finish().map_err(Broken::Archive)?;
        self.send(&Piece::End(Arc::new(contents))).await;
        Ok(())
    }

    async fn send(&mut self, piece: &Piece) {
        let mut index = 0;
        while let Some(queue) = self.queues.get(index) {
            if queue.send(piece.clone()).await.is_ok() {
                index += 1;
            } else {
                self.queues.swap_remove(index);
            }
        }
    }
}
