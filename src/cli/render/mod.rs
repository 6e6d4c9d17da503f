//! From events to what is seen: a live view, plain lines, JSON lines, or next to nothing.

pub mod difference;
mod driver;
mod failure;
pub mod forecast;
mod journeys;
mod live;
pub mod measured;
mod plain;
pub mod plan;
mod state;
pub mod status;
mod summary;
pub mod text;
pub mod why;

#[cfg(test)]
mod tests;

use crate::cli::args::{Global, Progress};
use crate::cli::terminal::{Terminal, WriteError};
use crate::event::{Event, Line};
use driver::Driver;
use plain::Plain;
use state::Screen;
use std::time::Duration;

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only what fails.
    Quiet,
    /// One line after the other.
    Plain,
    /// Redrawn in place.
    Live,
    /// JSON lines on stdout.
    Json,
}

impl Mode {
    /// What `global` asks for. `live` says that stderr can be redrawn, `streams` that the verb's
    /// data are its events, and not a document of its own.
    pub fn of(global: &Global, live: bool, streams: bool) -> Self {
        if !streams {
            return Self::Quiet;
        }
        match (global.json, global.quiet, global.progress.unwrap_or(Progress::Auto)) {
            (true, ..) => Self::Json,
            (_, true, _) => Self::Quiet,
            (_, _, Progress::Live) => Self::Live,
            (_, _, Progress::Auto) if live => Self::Live,
            _ => Self::Plain,
        }
    }
}

/// Receives events and shows them.
pub struct Renderer {
    terminal: Terminal,
    screen: Screen,
    show: Show,
    lost: Option<WriteError>,
}

enum Show {
    Quiet,
    Plain(Plain),
    Live(Driver),
    Json,
}

impl Renderer {
    /// Shows events on `terminal` as `mode` says.
    pub fn new(mode: Mode, terminal: Terminal) -> Self {
        let show = match mode {
            Mode::Quiet => Show::Quiet,
            Mode::Plain => Show::Plain(Plain::default()),
            Mode::Live => Show::Live(Driver::default()),
            Mode::Json => Show::Json,
        };
        Self { terminal, screen: Screen::default(), show, lost: None }
    }

    /// Takes in `event`, which came `at` after the start.
    pub fn receive(&mut self, event: &Event, at: Duration) {
        self.screen.receive(event, at);
        let paint = self.terminal.err;
        match &mut self.show {
            Show::Quiet => self.terminal.say(&failures(event, self.terminal)),
            Show::Json => self.json(event, at),
            Show::Plain(plain) => {
                self.terminal.say(&plain.receive(event, at, paint));
                if matches!(event, Event::Finished { .. }) {
                    self.terminal.say(&summary::lines(&self.screen, paint));
                }
            }
            Show::Live(driver) => match event {
                Event::Note { .. }
                | Event::BuildWarning { .. }
                | Event::StepRan { .. }
                | Event::ReleaseStarted { .. }
                | Event::Waiting { .. }
                | Event::Deployed { .. }
                | Event::JourneyFinished { .. } => {
                    driver.above(&Plain::default().receive(event, at, paint), self.terminal);
                }
                Event::Finished { .. } => {
                    driver.clear();
                    self.terminal.say(&self.last_lines(at));
                }
                _ => {}
            },
        }
    }

    /// Time went on.
    pub fn tick(&mut self, now: Duration) {
        match &mut self.show {
            Show::Plain(plain) => self.terminal.say(&plain.tick(&self.screen, now)),
            Show::Live(driver) => driver.draw(&self.screen, now, self.terminal.err),
            Show::Quiet | Show::Json => {}
        }
    }

    /// Takes away what is drawn.
    pub fn clear(&mut self) {
        if let Show::Live(driver) = &mut self.show {
            driver.clear();
        }
    }

    /// Why events that stdout should have had are not there, if some are not.
    pub fn lost(&mut self) -> Option<WriteError> {
        self.lost.take()
    }

    /// One line of JSON. What fails is said on stderr as well: stdout may go to a file nobody reads.
    fn json(&mut self, event: &Event, at: Duration) {
        if let Ok(line) = serde_json::to_string(&Line { event, at_ms: at.as_millis() as u64 }) {
            self.lost = self.lost.take().or(self.terminal.data(&format!("{line}\n")).err());
        }
        self.terminal.say(&failures(event, self.terminal));
    }

    /// What stays of a live view: the folded block or the table, and what failed.
    fn last_lines(&self, at: Duration) -> Vec<String> {
        let paint = self.terminal.err;
        let mut lines = match self.screen.images.len() {
            1 => {
                let block = live::lines(&self.screen, at, driver::room(), paint);
                block.into_iter().chain(summary::journeys(&self.screen)).collect()
            }
            _ => summary::lines(&self.screen, paint),
        };
        lines.extend(self.screen.failures.iter().flat_map(|failed| failure::lines(failed, paint)));
        lines
    }
}

fn failures(event: &Event, terminal: Terminal) -> Vec<String> {
    match event {
        Event::Failed(failed) => failure::lines(failed, terminal.err),
        _ => Vec::new(),
    }
}
