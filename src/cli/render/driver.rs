//! Draws the live view. One bar holds all blocks, so that a frame is one write and nothing
//! flickers; `indicatif` counts its lines, clears them, and draws at most ten times a second.

use crate::cli::render::live::{self, Room};
use crate::cli::render::state::Screen;
use crate::cli::terminal::{Paint, Terminal};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

const FRAMES_PER_SECOND: u8 = 10;

/// The drawn part of the terminal.
#[derive(Default)]
pub struct Driver {
    drawn: Option<(MultiProgress, ProgressBar)>,
}

impl Driver {
    /// Draws `screen` as it is at `now`.
    pub fn draw(&mut self, screen: &Screen, now: Duration, paint: Paint) {
        let lines = live::lines(screen, now, room(), paint);
        if lines.is_empty() {
            return;
        }
        let (_, bar) = self.drawn.get_or_insert_with(start);
        bar.set_message(lines.join("\n"));
        bar.tick();
    }

    /// Says `lines` above what is drawn.
    pub fn above(&self, lines: &[String], terminal: Terminal) {
        match &self.drawn {
            Some((all, _)) => all.suspend(|| terminal.say(lines)),
            None => terminal.say(lines),
        }
    }

    /// Takes away what is drawn.
    pub fn clear(&mut self) {
        if let Some((_, bar)) = self.drawn.take() {
            bar.finish_and_clear();
        }
    }
}

fn start() -> (MultiProgress, ProgressBar) {
    let target = ProgressDrawTarget::stderr_with_hz(FRAMES_PER_SECOND);
    let all = MultiProgress::with_draw_target(target);
    let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = all.add(ProgressBar::new_spinner().with_style(style));
    (all, bar)
}

/// The terminal's size now; it may be resized at any time.
pub fn room() -> Room {
    let (rows, columns) = console::Term::stderr().size_checked().unwrap_or((24, 80));
    Room { columns: usize::from(columns).max(20), rows: usize::from(rows).max(4) }
}
