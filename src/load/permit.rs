//! When nodes may have an image: its bytes can go there before that is certain.

use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Leave to give an image to nodes. Before it is given, they get what the image is made of, but not
/// the end of it, without which they have no image and keep nothing.
#[derive(Clone, Debug, Default)]
pub struct Permit(CancellationToken);

impl Permit {
    /// One that is given already.
    pub fn given() -> Self {
        let permit = Self::default();
        permit.give();
        permit
    }

    /// Gives it to all who wait for it.
    pub fn give(&self) {
        self.0.cancel();
    }

    /// Whether it is.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is given, and says how long that took.
    pub(super) async fn wait(&self) -> Duration {
        let since = Instant::now();
        self.0.cancelled().await;
        since.elapsed()
    }
}
