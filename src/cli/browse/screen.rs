//! The terminal while it is ours: raw, on its other screen, without a cursor; and how it is given back,
//! which it is whatever ends the process short of a signal that cannot be caught.

use super::draw::{Ink, draw};
use super::model::app::App;
use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use std::io::{self, BufWriter, Stdout};
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The terminal is ours. A process has one.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The terminal.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// What is done at a panic otherwise.
    hook: Hook,
}

/// Gives the terminal back as it was; does nothing if it is not ours.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // If the terminal has gone there is nobody to give it to.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

impl Screen {
    /// Takes the terminal.
    pub fn take() -> io::Result<Self> {
        let hook: Hook = take_hook().into();
        let then = Arc::clone(&hook);
        set_hook(Box::new(move |info| {
            give_back();
            then(info);
        }));
        // From here on it is given back by being dropped.
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout())));
        let screen = Self { terminal: terminal?, hook };
        enter()?;
        Ok(screen)
    }

    /// Draws `app`, whatever size the terminal has now.
    pub fn draw(&mut self, app: &mut App<'_>, ink: Ink) -> io::Result<()> {
        self.terminal.draw(|frame| draw(app, ink, frame.area(), frame.buffer_mut())).map(|_| ())
    }

    /// Lets the shell have the terminal until it continues this process. Where there is no shell with jobs
    /// nobody would, and nothing happens.
    pub fn suspend(&mut self) -> io::Result<()> {
        if getsid(None).is_ok_and(|session| session != getpgrp()) {
            give_back();
            // Not SIGTSTP, which we would catch again.
            kill_current_process_group(Signal::STOP)?;
            self.again()?;
        }
        Ok(())
    }

    /// Takes the terminal again, whatever was done to it, and draws all of it anew.
    pub fn again(&mut self) -> io::Result<()> {
        give_back();
        enter()?;
        // Its `clear` would ask the terminal where the cursor is, and not every terminal answers.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        // Hooks cannot be changed while one runs.
        if !std::thread::panicking() {
            let hook = Arc::clone(&self.hook);
            set_hook(Box::new(move |info| hook(info)));
        }
    }
}
