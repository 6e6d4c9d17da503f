//! The live view: one block an image, the last lines of the step that runs, folded when done.
//! From state to lines without a terminal; the driver is in `driver`.

use crate::cli::render::journeys::Running;
use crate::cli::render::state::{Block, Node, Screen};
use crate::cli::render::text::{self, cut, fill};
use crate::cli::terminal::Paint;
use crate::types::{ByteSize, format_duration};
use console::measure_text_width;
use std::time::Duration;

/// How many steps of one image are shown at once.
const STEPS: usize = 3;
/// How many lines of a log.
const LOG: usize = 3;
/// The column of labels: `building`, `✓ verified`.
const LABEL: usize = 10;

/// What stands before a line of a log.
const BAR: &str = "│";

/// Room on the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub columns: usize,
    pub rows: usize,
}

/// The lines that show `screen` at `now`. Logs give way first where rows are few.
pub fn lines(screen: &Screen, now: Duration, room: Room, paint: Paint) -> Vec<String> {
    let whole = |log| -> Vec<String> {
        screen.images.iter().flat_map(|block| View::new(screen, room, log, now, paint).block(block)).collect()
    };
    let fits = |lines: &Vec<String>| lines.len() < room.rows;
    let mut lines = (0..=LOG).rev().map(whole).find(fits).unwrap_or_else(|| whole(0));
    let journey = |one: &Running| cut(&format!(" ◐ {}  {}", one.name, one.progress(now)), room.columns);
    lines.extend(screen.journeys.running.iter().map(journey));
    lines.truncate(room.rows.saturating_sub(1));
    lines
}

struct View {
    /// Columns for the name of an image.
    name: usize,
    columns: usize,
    log: usize,
    now: Duration,
    paint: Paint,
}

/// One line before it is laid out.
struct Line {
    label: String,
    text: String,
    /// On the right.
    time: String,
}

impl View {
    fn new(screen: &Screen, room: Room, log: usize, now: Duration, paint: Paint) -> Self {
        let widest = screen.images.iter().map(|block| measure_text_width(&block.name)).max().unwrap_or(0);
        Self { name: widest.min(room.columns / 4), columns: room.columns, log, now, paint }
    }

    fn block(&self, block: &Block) -> Vec<String> {
        let lines = self.building(block).into_iter().chain(self.checks(block)).chain(self.last(block));
        let shown = lines.enumerate().map(|(number, line)| {
            let name = if number == 0 { block.name.as_str() } else { "" };
            self.laid_out(name, &line)
        });
        shown.collect()
    }

    fn building(&self, block: &Block) -> Vec<Line> {
        let mut lines: Vec<Line> = block.built.iter().map(|_| self.built(block)).collect();
        if !block.building {
            return lines;
        }
        if block.running.is_empty() {
            lines.push(Line::new("building", "waiting for the engine", ""));
        }
        // The newest are what it waits for; a step that began long ago is shown while there is room.
        let skipped = block.running.len().saturating_sub(STEPS);
        for (number, (step, since)) in block.running.iter().skip(skipped).enumerate() {
            let label = if number == 0 { "building" } else { "" };
            let progress = format!("{:>2}/{:<2}", step.number, block.steps);
            let time = format_duration(self.now.saturating_sub(*since));
            lines.push(Line::new(label, &format!("{progress}  {}", text::step(step)), &time));
        }
        let last = block.log.len().saturating_sub(self.log);
        lines.extend(block.log.iter().skip(last).map(|line| Line::log(line)));
        lines
    }

    fn built(&self, block: &Block) -> Line {
        let (text, ms) = built(block);
        Line::new(&self.paint.good("✓ built"), &text, &text::ms(ms))
    }

    fn checks(&self, block: &Block) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(done) = block.reading {
            lines.push(Line::new("◐ reading", &text::size(done), ""));
        }
        if let Some(verified) = &block.verified {
            lines.push(Line::new(&self.mark(verified.passed, "verified"), &verified_text(verified), ""));
        }
        if let Some((since, text)) = &block.probing {
            lines.push(Line::new("◐ smoking", text, &format_duration(self.now.saturating_sub(*since))));
        }
        if let Some((since, signal)) = &block.stopping {
            let text = format!("ready, asked to end by {signal}");
            lines.push(Line::new("◐ smoking", &text, &format_duration(self.now.saturating_sub(*since))));
        }
        if let Some(smoked) = &block.smoked {
            let text = format!("{} in {}", smoked.answer, text::ms(smoked.ready_ms));
            lines.push(Line::new(&self.mark(smoked.passed, "smoked"), &text, ""));
        }
        lines.extend(block.nodes.iter().map(|node| self.node(node, block)));
        lines
    }

    fn node(&self, node: &Node, block: &Block) -> Line {
        match node.loaded {
            Some(ms) => Line::new(&self.paint.good(&format!("✓ {}", node.name)), &sent(node.done), &text::ms(ms)),
            None => {
                // The end of it waits for the checks, which is no slow load.
                let until = if block.is_checked() { self.now } else { node.last };
                let rate = rate(node.done, until.saturating_sub(node.since));
                Line::new(&format!("◐ {}", node.name), &text::part_of(node.done, node.total), &rate)
            }
        }
    }

    fn last(&self, block: &Block) -> Option<Line> {
        let message = block.failed.as_ref()?;
        let message = text::plain(message);
        let message = message.strip_prefix("failed ").unwrap_or(&message);
        Some(Line::new(&self.paint.bad("✗ failed"), message, ""))
    }

    fn mark(&self, passed: bool, what: &str) -> String {
        if passed { self.paint.good(&format!("✓ {what}")) } else { self.paint.bad(&format!("✗ {what}")) }
    }

    fn laid_out(&self, name: &str, line: &Line) -> String {
        if line.label == BAR {
            let start = format!(" {}  {BAR} ", fill(name, self.name));
            return start.clone()
                + &self.paint.faint(&cut(&line.text, self.columns.saturating_sub(measure_text_width(&start))));
        }
        let label = if measure_text_width(&line.label) > LABEL { line.label.clone() } else { fill(&line.label, LABEL) };
        let start = format!(" {}  {label}", self.paint.strong(&fill(name, self.name)));
        let end = if line.time.is_empty() { String::new() } else { format!("  {:>7}", line.time) };
        let room = self.columns.saturating_sub(measure_text_width(&start) + measure_text_width(&end) + 1);
        if room < 8 {
            return cut(&format!("{start} {}", line.text), self.columns);
        }
        let text = if end.is_empty() { cut(&line.text, room) } else { fill(&line.text, room) };
        format!("{start} {text}{end}")
    }
}

impl Line {
    fn new(label: &str, text: &str, time: &str) -> Self {
        Self { label: label.to_owned(), text: text.to_owned(), time: time.to_owned() }
    }

    fn log(text: &str) -> Self {
        Self::new(BAR, text, "")
    }
}

/// What was built, and how long that took.
pub fn built(block: &Block) -> (String, u64) {
    let Some(built) = &block.built else { return (String::new(), 0) };
    let size = built.size.map_or_else(String::new, |size| format!("  {}", text::size(size)));
    let steps = match built.unchanged {
        Some(files) => format!("nothing to do, the same {}", text::count(files, "file")),
        None => format!("{}, {} cached", text::count(built.steps, "step"), built.cached),
    };
    (format!("{}{size}  {steps}", text::short(&built.id)), built.ms)
}

fn verified_text(verified: &crate::cli::render::state::Verified) -> String {
    let size = text::size_and_budget(verified.size, verified.budget);
    match text::findings(&verified.findings) {
        Some(findings) => format!("{size}, user {}; {findings}", verified.user),
        None => format!("{size}, user {}", verified.user),
    }
}

/// What went to a node.
pub fn sent(bytes: ByteSize) -> String {
    if bytes.0 == 0 { "had it".into() } else { format!("{} sent", text::size(bytes)) }
}

fn rate(done: ByteSize, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.5 {
        return String::new();
    }
    format!("{}/s", text::size(ByteSize((done.0 as f64 / seconds) as u64)))
}
