//! What is seen of journeys: a line for each that passed, the ones that go on, and how many there were.
//! What failed is told by `failure`.

use crate::cli::render::text;
use crate::cli::terminal::Paint;
use crate::event::Event;
use crate::types::{Outcome, format_duration};
use std::time::Duration;

/// The journeys of a run.
#[derive(Debug, Default)]
pub struct Journeys {
    /// Those that go on.
    pub running: Vec<Running>,
    ended: usize,
    failed: usize,
}

/// A journey that goes on.
#[derive(Debug)]
pub struct Running {
    pub name: String,
    steps: usize,
    passed: usize,
    since: Duration,
}

impl Journeys {
    /// Takes in `event`, which came `at` after the start.
    pub fn receive(&mut self, event: &Event, at: Duration) {
        match event {
            Event::JourneyStarted { journey, steps, .. } => {
                self.running.push(Running { name: journey.clone(), steps: *steps, passed: 0, since: at });
            }
            Event::StepPassed { journey, step, .. } => {
                let running = self.running.iter_mut().filter(|one| one.name == *journey);
                running.for_each(|one| one.passed = *step);
            }
            Event::JourneyFinished { journey, passed, .. } => {
                self.running.retain(|one| one.name != *journey);
                self.ended += 1;
                self.failed += usize::from(!passed);
            }
            _ => {}
        }
    }

    /// How many passed or failed in the `ms` of the run; nothing if none was made.
    pub fn total(&self, outcome: Outcome, ms: u64) -> Option<String> {
        let all = text::count(self.ended, "journey");
        match (self.ended, self.failed) {
            (0, _) => None,
            // They did not fail: nobody was there to be asked.
            (ended, failed) if ended == failed && outcome == Outcome::Unreachable => None,
            (_, 0) => Some(format!(" {all} passed in {}", text::ms(ms))),
            (_, failed) => Some(format!(" {failed} of {all} failed, in {}", text::ms(ms))),
        }
    }
}

impl Running {
    /// How far it is at `now`.
    pub fn progress(&self, now: Duration) -> String {
        let since = format_duration(now.saturating_sub(self.since));
        format!("{} of {} passed, {since}", self.passed, text::count(self.steps, "step"))
    }
}

/// The line that `event` is worth.
pub fn line(event: &Event, paint: Paint) -> Option<String> {
    match event {
        Event::JourneyFinished { journey, passed: true, steps, ms, .. } => {
            let passed = paint.good("passed");
            Some(format!("{journey}: {passed}, {} in {}", text::count(*steps, "step"), text::ms(*ms)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::live::{self, Room};
    use crate::cli::render::plain::Plain;
    use crate::cli::render::state::Screen;
    use crate::cli::render::summary;

    fn started(journey: &str) -> Event {
        Event::JourneyStarted { journey: journey.into(), file: "a.toml".into(), steps: 2 }
    }

    fn step(journey: &str) -> Event {
        let request = "GET http://h/".to_owned();
        Event::StepPassed {
            journey: journey.into(),
            step: 1,
            name: "GET /".into(),
            request,
            status: 200,
            tries: 1,
            ms: 9,
        }
    }

    fn finished(journey: &str, passed: bool) -> Event {
        Event::JourneyFinished { journey: journey.into(), passed, steps: 2, findings: vec![], ms: 1200 }
    }

    fn played(events: &[Event]) -> Screen {
        let mut screen = Screen::default();
        events.iter().for_each(|event| screen.receive(event, Duration::from_secs(1)));
        screen
    }

    #[test]
    fn what_goes_on_is_drawn_and_said_when_it_takes_long() {
        let screen = played(&[started("sign up"), started("a task"), step("a task"), finished("sign up", true)]);
        let room = Room { columns: 60, rows: 24 };
        let lines = live::lines(&screen, Duration::from_secs(3), room, Paint(false));
        assert_eq!(lines, [" ◐ a task  1 of 2 steps passed, 2.0s"]);
        let mut plain = Plain::default();
        assert_eq!(plain.tick(&screen, Duration::from_secs(3)), [] as [&str; 0]);
        assert_eq!(plain.tick(&screen, Duration::from_secs(13)), ["a task: 1 of 2 steps passed, 12.0s"]);
        assert_eq!(plain.tick(&screen, Duration::from_secs(14)), [] as [&str; 0]);
    }

    #[test]
    fn each_that_passed_has_a_line_and_all_have_one_at_the_end() {
        let line = |event| line(&event, Paint(false));
        assert_eq!(line(finished("a task", true)).as_deref(), Some("a task: passed, 2 steps in 1.2s"));
        assert_eq!(line(finished("a task", false)), None, "a failure is told as such");
        let end = |all: &[Event]| {
            let finished = Event::Finished { outcome: Outcome::Fine, code: 0, ms: 2000 };
            summary::lines(&played(&[all, &[finished]].concat()), Paint(false))
        };
        assert_eq!(end(&[finished("a", true), finished("b", true)]), [" 2 journeys passed in 2.0s"]);
        assert_eq!(end(&[finished("a", true), finished("b", false)]), [" 1 of 2 journeys failed, in 2.0s"]);
        assert_eq!(end(&[]), [] as [&str; 0]);
    }
}
