//! When nodes may have an image: its bytes can go there before that is certain.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Leave to give an image to nodes. Before it is given, they get what the image is made of, but not
/// the end of it, without which they have no image and keep nothing.
#[derive(Clone, Debug, Default)]
pub struct Permit {
    given: CancellationToken,
    /// When the first had nothing else to do than to wait for it.
    since: Arc<OnceLock<Instant>>,
    until: Arc<OnceLock<Instant>>,
}

impl Permit {
    /// One that is given already.
    pub fn given() -> Self {
        let permit = Self::default();
        permit.give();
        permit
    }

    /// Gives it to all who wait for it.
    pub fn give(&self) {
        self.until.get_or_init(Instant::now);
        self.given.cancel();
    }

    /// Whether it is given.
    pub(super) fn is_given(&self) -> bool {
        self.given.is_cancelled()
    }

    /// Waits until it is given.
    pub(super) async fn wait(&self) {
        self.since.get_or_init(Instant::now);
        self.given.cancelled().await;
    }

    /// How long it was waited for.
    pub(super) fn waited(&self) -> Duration {
        self.until
            .get()
            .zip(self.since.get())
            .map_or(Duration::ZERO, |(until, since)| until.saturating_duration_since(*since))
    }
}
