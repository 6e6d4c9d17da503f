//! A browser of layers and files, on a terminal. What is selected (`model`) knows no terminal; what it
//! looks like (`draw`) is cells; `screen` has the terminal.

mod draw;
mod model;
mod screen;

use crate::cli::session::Session;
use crate::types::{Explained, Outcome};
use crossterm::event::{Event, EventStream, KeyEventKind, poll, read};
use draw::Ink;
use futures_util::StreamExt;
use model::app::{App, Next};
pub use model::opened::Subject;
use screen::Screen;
pub use screen::give_back;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot browse on this terminal")]
pub struct BrowseError(#[from] io::Error);

impl Explained for BrowseError {
    fn outcome(&self) -> Outcome {
        Outcome::Unreachable
    }

    fn hint(&self) -> Option<String> {
        Some("`loadline why --print` prints the same as a page".to_owned())
    }
}

/// Lets somebody look at `subjects` until they leave.
pub async fn run(session: &Session, subjects: Vec<Subject<'_>>) -> Result<Outcome, BrowseError> {
    let Some(mut app) = App::new(subjects) else { return Ok(Outcome::Fine) };
    let mut keys = Keys::new()?;
    let mut screen = Screen::take()?;
    let ink = Ink(session.terminal.out);
    loop {
        screen.draw(&mut app, ink)?;
        let next = tokio::select! {
            biased;
            () = session.cancel.cancelled() => Next::Interrupt,
            _ = keys.stop.recv() => Next::Suspend,
            _ = keys.go_on.recv() => {
                screen.again()?;
                Next::Stay
            }
            event = keys.events.next() => Keys::take(event, &mut app)?,
        };
        match next {
            Next::Stay => {}
            Next::Leave => return Ok(Outcome::Fine),
            Next::Interrupt => return Ok(Outcome::Interrupted),
            Next::Suspend => screen.suspend()?,
        }
    }
}

/// Keys, and the signals that the terminal's shell sends.
struct Keys {
    events: EventStream,
    stop: Signal,
    go_on: Signal,
}

impl Keys {
    fn new() -> io::Result<Self> {
        let (stop, go_on) = (SignalKind::from_raw(libc::SIGTSTP), SignalKind::from_raw(libc::SIGCONT));
        Ok(Self { events: EventStream::new(), stop: signal(stop)?, go_on: signal(go_on)? })
    }

    /// Takes in `first` and all that is typed already: who types faster than a terminal draws waits once.
    fn take(first: Option<io::Result<Event>>, app: &mut App<'_>) -> io::Result<Next> {
        // The terminal has gone if there is none.
        let Some(mut event) = first.transpose()? else { return Ok(Next::Leave) };
        loop {
            let next = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => app.press(&key),
                _ => Next::Stay,
            };
            if next != Next::Stay || !poll(Duration::ZERO)? {
                return Ok(next);
            }
            event = read()?;
        }
    }
}
