//! What takes long before anything can be said of it.

use crate::event::{Event, Events};
use std::time::Duration;

/// Longer than any engine that is well takes to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does `work`; if that takes longer than a moment, says `text`.
pub async fn saying_if_slow<T>(
    events: &Events,
    image: Option<&str>,
    text: impl FnOnce() -> String,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, work.as_mut()).await {
        return done;
    }
    events.say(Event::Note { image: image.map(str::to_owned), text: text() });
    work.await
}
