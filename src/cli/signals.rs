//! Ctrl-C and SIGTERM: the first asks the verb to stop and clean up, the second does not ask.

use crate::event::{Event, Events};
use crate::types::Outcome;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals, which from now on do not end the process by themselves.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them over. If that fails a signal ends the process, which is right if cleaning up
    /// cannot be had.
    pub fn take() -> Option<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        Some(Self { interrupt: interrupt.ok()?, terminate: terminate.ok()? })
    }

    /// Waits for them until the runtime ends. `leave` is called before the process is left at once.
    pub async fn watch(mut self, cancel: CancellationToken, events: Events, leave: impl FnOnce() + Send) {
        self.next().await;
        // Said first: what is cancelled may be over before this task runs again.
        events.say(Event::Note { image: None, text: "interrupted: cleaning up; once more leaves at once".into() });
        cancel.cancel();
        self.next().await;
        leave();
        exit_now();
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[expect(clippy::exit, reason = "the second signal leaves without cleaning up; that is what it is for")]
fn exit_now() {
    std::process::exit(i32::from(Outcome::Interrupted.code()));
}
