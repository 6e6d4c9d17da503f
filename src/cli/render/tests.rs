//! One scripted run of two images, seen by every renderer.

use super::live::{self, Room};
use super::plain::Plain;
use super::state::Screen;
use super::summary;
use crate::cli::terminal::Paint;
use crate::event::{Event, Failure, Line, Step};
use crate::types::{ByteSize, Digest, Finding, ImageId, Outcome, Severity};
use std::time::Duration;

const WIDE: Room = Room { columns: 80, rows: 24 };

fn step(number: usize, name: &str, line: u32) -> Step {
    Step { number, name: name.into(), line: Some(line) }
}

fn id(text: &str) -> ImageId {
    ImageId(Digest::of(text.as_bytes()))
}

fn log(image: &str, step: &Step, text: &str) -> Event {
    Event::StepLog { image: image.into(), step: step.clone(), text: text.into() }
}

fn ended(image: &str, step: &Step, cached: bool, ms: u64) -> Event {
    Event::StepFinished { image: image.into(), step: step.clone(), cached, ms, error: None }
}

/// Events with the millisecond that they come at.
fn script() -> Vec<(u64, Event)> {
    let npm = step(9, "RUN npm ci", 9);
    let built = step(12, "RUN npm run build", 14);
    let sync = step(5, "RUN uv sync --frozen --no-dev", 22);
    let image = |name: &str| name.to_owned();
    let started = |name: &str| Event::BuildStarted { image: image(name), engine: "28.5.2".into() };
    let begun = |name: &str, step: &Step| Event::StepStarted { image: image(name), step: step.clone() };
    vec![
        (0, started("frontend")),
        (10, started("backend")),
        (100, Event::StepsKnown { image: image("frontend"), steps: 17 }),
        (100, Event::StepsKnown { image: image("backend"), steps: 9 }),
        (200, begun("backend", &sync)),
        (250, begun("frontend", &npm)),
        (300, log("frontend", &npm, "npm warn deprecated \x1b[33minflight@1.0.6\x1b[0m: This module is not supported")),
        (900, log("backend", &sync, "Resolved 42 packages in 310ms\r\n")),
        (1500, log("backend", &sync, "10%\r55%\r100%")),
        (2100, ended("backend", &sync, false, 1900)),
        (2200, built_event("backend", 138_200_000, 9, 7, 2100)),
        (2300, Event::Reading { image: image("backend"), done: ByteSize(61_000_000) }),
        (2900, verified_event("backend")),
        (3000, Event::SmokeStarted { image: image("backend") }),
        (3400, probing("backend")),
        (3500, loading("backend", 61_000_000)),
        (12_000, ended("frontend", &npm, false, 11_750)),
        (12_100, begun("frontend", &built)),
        (14_000, log("frontend", &built, "Creating an optimized production build ...")),
    ]
}

/// How the scripted run goes on after `script`: one image is done, the other fails.
fn rest() -> Vec<(u64, Event)> {
    let image = |name: &str| name.to_owned();
    let smoked = Event::Smoked {
        image: image("backend"),
        id: id("backend"),
        answer: "200".into(),
        ready_ms: 1300,
        stop_ms: 200,
        findings: vec![],
        passed: true,
        ms: 1700,
    };
    let loaded = Event::Loaded {
        image: image("backend"),
        node: "minikube".into(),
        id: id("backend"),
        sent: ByteSize(96_400_000),
        how: "exported".into(),
        ms: 900,
    };
    let failed = Event::Failed(Failure {
        image: Some(image("frontend")),
        outcome: Outcome::StepFailed,
        message: "failed at line 14: npm run build".into(),
        causes: vec!["exit code 1".into()],
        details: vec![("last log".into(), "Module not found: 'x'".into())],
        hint: None,
    });
    vec![
        (14_200, smoked),
        (14_300, loaded),
        (18_500, failed),
        (18_600, Event::Finished { outcome: Outcome::StepFailed, code: 4, ms: 18_600 }),
    ]
}

fn built_event(image: &str, size: u64, steps: usize, cached: usize, ms: u64) -> Event {
    let (tags, sent) = (vec![format!("{image}:dev")], ByteSize(31_000));
    Event::Built { image: image.into(), id: id(image), tags, size: Some(ByteSize(size)), steps, cached, sent, ms }
}

fn verified_event(image: &str) -> Event {
    let finding = Finding {
        rule: "base.unpinned".into(),
        severity: Severity::Warn,
        place: None,
        expected: "a digest".into(),
        found: "python:3.12-slim".into(),
        details: vec![],
        hint: None,
    };
    Event::Verified {
        image: image.into(),
        id: id(image),
        size: ByteSize(138_200_000),
        budget: Some(ByteSize(400_000_000)),
        user: "1000".into(),
        stand_in: None,
        findings: vec![finding],
        passed: true,
        read_ms: 500,
        ms: 600,
    }
}

fn probing(image: &str) -> Event {
    Event::Probing { image: image.into(), request: "GET /health".into(), answer: "503 database not ready".into() }
}

fn loading(image: &str, done: u64) -> Event {
    let (done, total) = (ByteSize(done), ByteSize(96_400_000));
    Event::Loading { image: image.into(), node: "minikube".into(), done, total }
}

fn played(events: &[(u64, Event)]) -> Screen {
    let mut screen = Screen::default();
    events.iter().for_each(|(at, event)| screen.receive(event, Duration::from_millis(*at)));
    screen
}

fn whole() -> Vec<(u64, Event)> {
    script().into_iter().chain(rest()).collect()
}

fn view(events: &[(u64, Event)], now: u64, room: Room) -> Vec<String> {
    live::lines(&played(events), Duration::from_millis(now), room, Paint(false))
}

#[test]
fn two_builds_side_by_side() {
    insta::assert_snapshot!(view(&script()[..9], 1_600, WIDE).join("\n"));
}

#[test]
fn one_builds_while_the_other_is_smoked_and_loaded() {
    insta::assert_snapshot!(view(&script(), 14_100, WIDE).join("\n"));
}

#[test]
fn one_is_done_and_the_other_has_failed() {
    insta::assert_snapshot!(view(&whole(), 18_600, WIDE).join("\n"));
}

#[test]
fn a_narrow_terminal_cuts_and_never_wraps() {
    for columns in 20..100 {
        for end in 1..whole().len() {
            let lines = view(&whole()[..end], 18_600, Room { columns, rows: 24 });
            let widest = lines.iter().map(|line| console::measure_text_width(line)).max().unwrap_or(0);
            assert!(widest <= columns, "{widest} > {columns}:\n{}", lines.join("\n"));
        }
    }
    insta::assert_snapshot!(view(&script(), 14_100, Room { columns: 40, rows: 24 }).join("\n"));
}

#[test]
fn a_low_terminal_loses_logs_first_and_never_scrolls() {
    let rows = |rows| view(&script()[..9], 1_600, Room { columns: 80, rows });
    assert!(rows(24).len() > rows(4).len());
    assert!(rows(5).iter().any(|line| line.contains("frontend")), "{:#?}", rows(5));
    assert!((2..24).all(|limit| rows(limit).len() < limit));
}

#[test]
fn colour_changes_no_word() {
    let screen = played(&whole());
    let at = Duration::from_secs(19);
    let painted = live::lines(&screen, at, WIDE, Paint(true));
    let bare: Vec<_> = painted.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
    assert_eq!(bare, live::lines(&screen, at, WIDE, Paint(false)));
}

#[test]
fn a_log_has_a_line_for_each_start_end_failure_and_ten_seconds() {
    let (mut screen, mut plain, mut lines) = (Screen::default(), Plain::default(), Vec::new());
    let mut ticked = 0;
    for (at, event) in whole() {
        for now in ticked..at {
            lines.extend(plain.tick(&screen, Duration::from_millis(now)));
        }
        ticked = at;
        screen.receive(&event, Duration::from_millis(at));
        lines.extend(plain.receive(&event, Duration::from_millis(at), Paint(false)));
    }
    lines.extend(summary::lines(&screen, Paint(false)));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_whole_chain_ends_with_how_long_each_step_took() {
    let mut events = whole();
    events.retain(|(_, event)| !matches!(event, Event::Failed(_) | Event::Finished { .. }));
    events.push((90_000, built_event("frontend", 52_100_000, 17, 4, 16_000)));
    events.push((90_001, Event::Finished { outcome: Outcome::Fine, code: 0, ms: 18_600 }));
    let lines = summary::lines(&played(&events), Paint(false));
    assert_eq!(
        lines.last().unwrap(),
        " 2 images in 18.6s (build 16.0s, verify 600 ms, smoke 1.7s, load 900 ms; side by side)"
    );
}

#[test]
fn who_only_built_sees_what_was_built() {
    let mut events = vec![
        (0, built_event("frontend", 52_100_000, 17, 4, 58_000)),
        (1, built_event("backend", 138_200_000, 9, 9, 300)),
    ];
    events.push((2, Event::Finished { outcome: Outcome::Fine, code: 0, ms: 58_300 }));
    insta::assert_snapshot!(summary::lines(&played(&events), Paint(false)).join("\n"));
}

#[test]
fn every_event_is_one_line_of_json_that_names_itself() {
    for (at_ms, event) in whole() {
        let line = serde_json::to_string(&Line { event: &event, at_ms }).unwrap();
        assert!(line.starts_with("{\"event\":\"") && !line.contains('\n'), "{line}");
        assert!(line.ends_with(&format!(",\"at_ms\":{at_ms}}}")), "{line}");
    }
}
