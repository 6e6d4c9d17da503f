//! From BuildKit's vertices to steps, and from its updates to events.

use super::lines::{Lines, split_name};
use crate::engine::buildkit::{Log, Progress, Vertex};
use crate::event::{Event, Events, Step};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How many of a step's last lines are kept for the report of a failure.
const KEPT_LINES: usize = 12;

/// The steps of one build as they are known so far.
pub(super) struct Steps {
    image: String,
    lines: Lines,
    events: Events,
    known: HashMap<String, Known>,
    numbered: usize,
}

/// A step, and what it did so far.
pub(super) struct Known {
    /// As BuildKit has it.
    name: String,
    pub(super) step: Step,
    pub(super) error: String,
    pub(super) last_lines: VecDeque<String>,
    partial: Vec<u8>,
    /// It is an instruction of the Dockerfile that ran or was cached, `FROM` excluded: whether a
    /// base counts as cached varies from run to run.
    counted: bool,
    cached: bool,
    started: bool,
    ended: bool,
    /// When it began, by the builder's clock, since 1970.
    from: Option<Duration>,
    /// How long it ran.
    ms: u64,
}

/// A step that ended, and when.
pub(super) struct Timed<'a> {
    pub(super) step: &'a Step,
    /// It is an instruction of the Dockerfile.
    pub(super) counted: bool,
    pub(super) cached: bool,
    /// When it began, from the first step that did.
    pub(super) from_ms: Option<u64>,
    pub(super) ms: u64,
}

impl Steps {
    pub(super) fn new(image: &str, lines: Lines, events: Events) -> Self {
        Self { image: image.to_owned(), lines, events, known: HashMap::new(), numbered: 0 }
    }

    /// The names of all vertices, as BuildKit has them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(|known| known.name.as_str())
    }

    /// How many steps the build has.
    pub(super) fn count(&self) -> usize {
        self.known.values().filter(|known| known.counted).count()
    }

    /// How many of them came from the cache.
    pub(super) fn cached(&self) -> usize {
        self.known.values().filter(|known| known.counted && known.cached).count()
    }

    /// The steps of the Dockerfile that ran, in order, and how long each did, in milliseconds.
    pub(super) fn ran(&self) -> Vec<(Step, u64)> {
        let ran = self.known.values().filter(|known| known.counted && known.ended && !known.cached);
        let mut ran: Vec<(Step, u64)> = ran.map(|known| (known.step.clone(), known.ms)).collect();
        ran.sort_by_key(|(step, _)| (step.line, step.number));
        ran
    }

    /// All that ended, in the order in which they began; by the builder's clock alone, which may not be ours.
    pub(super) fn timed(&self) -> Vec<Timed<'_>> {
        let ended = || self.known.values().filter(|known| known.ended);
        let first = ended().filter_map(|known| known.from).min().unwrap_or_default();
        let mut all: Vec<Timed<'_>> = ended().map(|known| known.timed(first)).collect();
        all.sort_by_key(|one| (one.from_ms, one.step.line, one.step.number));
        all
    }

    /// The step that failed, if one did. BuildKit cancels the others, which is no failure of theirs.
    pub(super) fn failed(&self) -> Option<&Known> {
        let failed = |known: &&Known| !known.error.is_empty() && !known.error.contains("context canceled");
        self.known.values().filter(failed).min_by_key(|known| known.step.number)
    }

    pub(super) fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Vertex(vertex) => self.vertex(vertex),
            Progress::Log(log) => self.log(log),
            Progress::Warning(warning) => self.events.say(Event::BuildWarning {
                image: self.image.clone(),
                text: warning.text,
                line: warning.line,
            }),
        }
    }

    fn vertex(&mut self, vertex: Vertex) {
        if !self.known.contains_key(&vertex.digest) {
            let known = self.introduce(&vertex);
            self.known.insert(vertex.digest.clone(), known);
        }
        let Some(known) = self.known.get_mut(&vertex.digest) else { return };
        known.cached |= vertex.cached;
        if vertex.started && !known.started && !vertex.cached {
            known.started = true;
            self.events.say(Event::StepStarted { image: self.image.clone(), step: known.step.clone() });
        }
        if !vertex.error.is_empty() {
            known.error = vertex.error.clone();
        }
        if (vertex.took.is_some() || vertex.cached) && !known.ended {
            known.ended = true;
            known.from = vertex.from;
            known.ms = vertex.took.map_or(0, |took| took.as_millis() as u64);
            flush(known, &self.image, &self.events);
            self.events.say(Event::StepFinished {
                image: self.image.clone(),
                step: known.step.clone(),
                cached: known.cached,
                ms: known.ms,
                error: (!known.error.is_empty()).then(|| known.error.clone()),
            });
        }
    }

    fn introduce(&mut self, vertex: &Vertex) -> Known {
        self.numbered += 1;
        self.events.say(Event::StepsKnown { image: self.image.clone(), steps: self.numbered });
        let (name, line, counted) = match split_name(&vertex.name) {
            Some((stage, _, of, rest)) if rest.starts_with("FROM ") => {
                (bare(rest), self.lines.find_from(stage, of), false)
            }
            Some((stage, number, of, rest)) => (bare(rest), self.lines.find(stage, number, of), true),
            None => (vertex.name.clone(), None, false),
        };
        Known {
            name: vertex.name.clone(),
            step: Step { number: self.numbered, name, line },
            error: String::new(),
            last_lines: VecDeque::new(),
            partial: Vec::new(),
            counted,
            cached: false,
            started: false,
            ended: false,
            from: None,
            ms: 0,
        }
    }

    fn log(&mut self, log: Log) {
        let Some(known) = self.known.get_mut(&log.vertex) else { return };
        known.partial.extend_from_slice(&log.data);
        while let Some(end) = known.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = known.partial.drain(..=end).collect();
            say_line(known, &line, &self.image, &self.events);
        }
        // A step that never ends its line must not fill our memory.
        if known.partial.len() > 64 << 10 {
            flush(known, &self.image, &self.events);
        }
    }
}

impl Known {
    /// It, told from when the first step began.
    fn timed(&self, first: Duration) -> Timed<'_> {
        let from_ms = self.from.map(|from| from.saturating_sub(first).as_millis() as u64);
        Timed { step: &self.step, counted: self.counted, cached: self.cached, from_ms, ms: self.ms }
    }
}

/// A `RUN` without its options: `RUN --mount=type=cache,… npm ci` → `RUN npm ci`. What it runs is
/// what a person looks for.
fn bare(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("RUN ") else { return name.to_owned() };
    while let Some((_, after)) = rest.split_once(' ').filter(|(option, _)| option.starts_with("--")) {
        rest = after.trim_start();
    }
    format!("RUN {rest}")
}

fn flush(known: &mut Known, image: &str, events: &Events) {
    let rest = std::mem::take(&mut known.partial);
    if !rest.is_empty() {
        say_line(known, &rest, image, events);
    }
}

fn say_line(known: &mut Known, line: &[u8], image: &str, events: &Events) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    // A carriage return rewrites the line: only its last state is worth keeping.
    let text = text.rsplit('\r').next().unwrap_or_default().to_owned();
    if known.last_lines.len() == KEPT_LINES {
        known.last_lines.pop_front();
    }
    known.last_lines.push_back(text.clone());
    events.say(Event::StepLog { image: image.to_owned(), step: known.step.clone(), text });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn collecting() -> (Events, Arc<Mutex<Vec<Event>>>) {
        let all: Arc<Mutex<Vec<Event>>> = Arc::default();
        let copy = all.clone();
        (Events::new(move |event| copy.lock().unwrap().push(event)), all)
    }

    fn vertex(name: &str) -> Vertex {
        Vertex { digest: name.to_owned(), name: name.to_owned(), ..Vertex::default() }
    }

    #[test]
    fn each_step_begins_and_ends_once_and_cached_ones_only_end() {
        let (events, all) = collecting();
        let mut steps = Steps::new("x", Lines::of("FROM a\nRUN one\nRUN two\n"), events);
        let ran = Vertex { started: true, ..vertex("[2/3] RUN one") };
        steps.take(Progress::Vertex(ran.clone()));
        steps.take(Progress::Vertex(ran.clone()));
        let ended = Vertex { took: Some(Duration::from_millis(5)), ..ran };
        steps.take(Progress::Vertex(ended.clone()));
        steps.take(Progress::Vertex(ended));
        steps.take(Progress::Vertex(Vertex { cached: true, started: true, ..vertex("[3/3] RUN two") }));
        assert_eq!((steps.count(), steps.cached()), (2, 1));
        let all = all.lock().unwrap();
        let ends: Vec<_> = all.iter().filter(|event| matches!(event, Event::StepFinished { .. })).collect();
        assert_eq!(all.iter().filter(|event| matches!(event, Event::StepStarted { .. })).count(), 1);
        assert!(matches!(ends[0], Event::StepFinished { step, cached: false, ms: 5, .. } if step.line == Some(2)));
        assert!(matches!(ends[1], Event::StepFinished { step, cached: true, .. } if step.line == Some(3)));
    }

    #[test]
    fn times_count_from_the_first_step_by_the_builders_clock() {
        let (events, _) = collecting();
        let mut steps = Steps::new("x", Lines::of("FROM a\nRUN one\nRUN two\n"), events);
        let at = |ms: u64| Some(Duration::from_secs(1_700_000_000) + Duration::from_millis(ms));
        let took = Some(Duration::from_millis(40));
        let two = Vertex { started: true, from: at(30), took, ..vertex("[3/3] RUN two") };
        steps.take(Progress::Vertex(two));
        let one =
            Vertex { started: true, cached: true, from: at(7), took: Some(Duration::ZERO), ..vertex("[2/3] RUN one") };
        steps.take(Progress::Vertex(one));
        steps.take(Progress::Vertex(Vertex { started: true, from: at(90), ..vertex("exporting to image") }));
        let timed: Vec<_> = steps.timed().iter().map(|one| (one.step.line, one.from_ms, one.ms, one.cached)).collect();
        assert_eq!(
            timed,
            [(Some(2), Some(0), 0, true), (Some(3), Some(23), 40, false)],
            "what did not end is left out"
        );
    }

    #[test]
    fn options_of_a_run_are_left_out() {
        assert_eq!(bare("RUN --mount=type=cache,target=/x --network=none  npm ci --y"), "RUN npm ci --y");
        assert_eq!(bare("COPY --from=a b c"), "COPY --from=a b c");
    }

    #[test]
    fn output_becomes_whole_lines_and_the_last_ones_are_kept() {
        let (events, all) = collecting();
        let mut steps = Steps::new("x", Lines::of("FROM a\nRUN one\n"), events);
        steps.take(Progress::Vertex(Vertex { started: true, ..vertex("[2/2] RUN one") }));
        for data in ["a", "b\n10%\r20%\n", "rest"] {
            steps.take(Progress::Log(Log { vertex: "[2/2] RUN one".into(), data: data.into() }));
        }
        let took = Some(Duration::ZERO);
        steps.take(Progress::Vertex(Vertex { took, error: "exit code: 1".into(), ..vertex("[2/2] RUN one") }));
        assert_eq!(steps.failed().unwrap().last_lines, ["ab", "20%", "rest"]);
        let logs = all.lock().unwrap().iter().filter(|event| matches!(event, Event::StepLog { .. })).count();
        assert_eq!(logs, 3);
    }
}
