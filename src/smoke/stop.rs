//! Asks a container to end, as the kubelet does: the image's stop signal, the grace period, then
//! SIGKILL.

use super::Error;
use super::fault::seconds;
use super::setup::Setup;
use super::trial::Trial;
use crate::event::Event;
use crate::types::{Finding, Severity, format_duration};
use std::time::{Duration, Instant};

/// How a container ended that was asked to.
pub(super) struct Stopped {
    /// So long after the signal.
    pub(super) after: Duration,
    /// What it ended with; none if it had to be killed.
    code: Option<i64>,
}

/// Sends the container `id` its stop signal and waits for its end, up to the grace period.
pub(super) async fn stop(trial: &Trial<'_>, id: &str) -> Result<Stopped, Error> {
    let (image, signal) = (trial.setup.plan.name.clone(), trial.setup.stop_signal().to_owned());
    trial.events.say(Event::Stopping { image, signal });
    let begun = Instant::now();
    trial.lost(trial.engine.signal_container(id, trial.setup.stop_signal()).await)?;
    let end = trial.until_cancelled(trial.engine.container_end(id));
    let code = match tokio::time::timeout(trial.setup.plan.run.grace, end).await {
        Ok(code) => Some(code?),
        Err(_) => None,
    };
    Ok(Stopped { after: begun.elapsed(), code })
}

impl Stopped {
    /// What is wrong with how it ended.
    pub(super) fn finding(&self, setup: &Setup<'_>) -> Option<Finding> {
        let signal = setup.stop_signal();
        match self.code {
            None => Some(killed(setup, signal)),
            Some(0) => None,
            Some(code) if number(signal).is_some_and(|number| code == 128 + number) => None,
            Some(code) => Some(exit_code(code, signal, self.after)),
        }
    }
}

fn killed(setup: &Setup<'_>, signal: &str) -> Finding {
    let grace = seconds(setup.plan.run.grace);
    let hint = if setup.settings.shell_form {
        "a shell is the first process and passes no signal on: write CMD or ENTRYPOINT as a list, or put `exec` before the program".to_owned()
    } else {
        format!("handle {signal} in the first process: the kernel ignores signals that it has no handler for")
    };
    warning(
        "stop.sigkill",
        format!("ends within {grace} of {signal}"),
        format!("still ran {grace} after {signal}, and was killed"),
        hint,
    )
}

fn exit_code(code: i64, signal: &str, after: Duration) -> Finding {
    let expected = match number(signal) {
        Some(number) => format!("exits with 0 or {} after {signal}", 128 + number),
        None => format!("exits with 0 after {signal}"),
    };
    let found = format!("exited with {code}, {} after {signal}", format_duration(after));
    let hint = format!("end with 0 once {signal} is handled, so that a stop does not look like a crash");
    warning("stop.exit-code", expected, found, hint)
}

pub(super) fn warning(rule: &str, expected: String, found: String, hint: String) -> Finding {
    let (severity, hint) = (Severity::Warn, Some(hint));
    Finding { rule: rule.into(), severity, place: None, expected, found, details: Vec::new(), hint }
}

/// The number of a signal (signal(7)), by name or as written.
fn number(signal: &str) -> Option<i64> {
    let name = signal.strip_prefix("SIG").unwrap_or(signal);
    let known =
        [("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15), ("WINCH", 28)];
    known.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_numbers() {
        assert_eq!(["SIGTERM", "QUIT", "15", "SIGRTMIN+3"].map(number), [Some(15), Some(3), Some(15), None]);
    }
}
