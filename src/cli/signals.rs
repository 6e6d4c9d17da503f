//! Ctrl-C and SIGTERM: the first asks the verb to stop and clean up, the second does not ask.

use crate::event::{Event, Events};
use crate::types::Outcome;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Waits for signals until the runtime ends. `leave` is called before the process is left at once.
pub async fn watch(cancel: CancellationToken, events: Events, leave: impl FnOnce() + Send) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    // Without a handler the signal ends the process, which is right if cleaning up cannot be had.
    let [Ok(mut interrupt), Ok(mut terminate)] = kinds else { return };
    either(&mut interrupt, &mut terminate).await;
    cancel.cancel();
    events.say(Event::Note { image: None, text: "interrupted: cleaning up; once more leaves at once".into() });
    either(&mut interrupt, &mut terminate).await;
    leave();
    exit_now();
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

#[expect(clippy::exit, reason = "the second signal leaves without cleaning up; that is what it is for")]
fn exit_now() {
    std::process::exit(i32::from(Outcome::Interrupted.code()));
}
