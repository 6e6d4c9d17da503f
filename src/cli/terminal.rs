//! The streams of the process. stdout is data, stderr is everything else; a reader that has gone
//! is no error: what it did not want is not written.

use crate::cli::args::When;
use crate::types::{Explained, Outcome};
use std::io::{ErrorKind, IsTerminal, Write};

/// The process's output.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// How stdout is painted.
    pub out: Paint,
    /// How stderr is painted.
    pub err: Paint,
    /// Lines on stderr may be redrawn.
    pub live: bool,
    /// Somebody sits there: stdin and stdout are a terminal that can move its cursor.
    pub attended: bool,
}

/// stdout could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub struct WriteError(#[source] std::io::Error);

impl Explained for WriteError {
    fn outcome(&self) -> Outcome {
        Outcome::StepFailed
    }
}

impl Terminal {
    /// What the streams and the environment allow, unless `color` decides.
    pub fn new(color: When, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let dumb = variable("TERM").is_none_or(|term| term == "dumb");
        let paint = |terminal: bool| match color {
            When::Always => Paint(true),
            When::Never => Paint(false),
            When::Auto => Paint(terminal && !dumb && !set("NO_COLOR")),
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let able = !dumb && !set("CI");
        let attended = std::io::stdin().is_terminal() && out && able;
        Self { out: paint(out), err: paint(err), live: err && able, attended }
    }

    /// Writes `text` to stdout.
    pub fn data(&self, text: &str) -> Result<(), WriteError> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(WriteError(error)),
            _ => Ok(()),
        }
    }

    /// Writes `lines` to stderr. If that fails there is nobody to tell.
    pub fn say(&self, lines: &[String]) {
        let mut err = std::io::stderr().lock();
        let _ = lines.iter().try_for_each(|line| writeln!(err, "{line}"));
    }
}

/// Colour, which only repeats what the words say.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

impl Paint {
    /// For what failed.
    pub fn bad(self, text: &str) -> String {
        self.with("31;1", text)
    }

    /// For what passed.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// For warnings.
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For names.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what matters least.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
