//! The pane of layers.

use super::{Ink, Row, instruction, row, rows, size, span, title};
use crate::cli::browse::model::layers::Layer;
use crate::cli::browse::model::opened::Opened;
use crate::cli::render::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Narrower panes have no column of what is hidden; nor has one where nothing is.
const HIDDEN: usize = 44;
/// Narrower panes have no bars.
const BARS: usize = 60;
/// How long a bar is.
const BAR: usize = 10;

/// Draws the layers of `opened`.
pub fn draw(opened: &Opened<'_>, focused: bool, ink: Ink, head: Rect, area: Rect, buffer: &mut Buffer) {
    let filtered = opened.files.is_filtered();
    let words = if filtered { "Layers: what the filter finds" } else { "Layers" };
    title(focused, words, ink, head, buffer);
    let all = opened.subject.blame.size.0;
    let list = &opened.layers.list;
    let hidden_of_all = opened.layers.hidden;
    rows(list, opened.layers.length(), area, buffer, |number, width| {
        let layer = number.checked_sub(1).map(|number| &opened.layers.all[number]);
        let hidden = layer.map_or(hidden_of_all, |layer| layer.hidden);
        let hidden = Some(hidden).filter(|_| hidden_of_all > 0 && width >= HIDDEN);
        let bytes = match (number.checked_sub(1), filtered) {
            (None, true) => opened.files.taken.iter().map(|(bytes, _)| bytes).sum(),
            (Some(number), true) => opened.files.taken.get(number).map_or(0, |(bytes, _)| *bytes),
            (_, false) => layer.map_or(all, |layer| layer.bytes),
        };
        line(&Numbers { bytes, hidden, all }, layer, number == list.cursor, focused, width, ink)
    });
}

struct Numbers {
    bytes: u64,
    /// None has no column.
    hidden: Option<u64>,
    all: u64,
}

fn line(numbers: &Numbers, layer: Option<&Layer>, selected: bool, focused: bool, width: usize, ink: Ink) -> Row {
    let share = numbers.bytes as f64 / numbers.all.max(1) as f64;
    let shown = if numbers.bytes == 0 { ink.faint() } else { Style::new() };
    let mut spans = vec![
        span(if selected { ">" } else { " " }, ink.strong()),
        span(format!("{:>8} {:>3.0}% ", size(numbers.bytes), share * 100.0), shown),
    ];
    if width >= BARS {
        let long = (share * BAR as f64).round() as usize;
        spans.push(span(text::fill(&"█".repeat(long.min(BAR)), BAR + 1), ink.good()));
    }
    if let Some(hidden) = numbers.hidden {
        let hidden = if hidden > 0 { format!("-{}", size(hidden)) } else { String::new() };
        spans.push(span(format!("{hidden:>9} "), ink.bad()));
    }
    let place = match layer.and_then(|layer| layer.origin.line) {
        Some(line) => format!("{line:>3} "),
        None => "    ".to_owned(),
    };
    spans.push(span(place, ink.faint()));
    let used: usize = spans.iter().map(ratatui::text::Span::width).sum();
    let words = layer.map_or_else(|| "the whole image".to_owned(), words);
    spans.push(span(text::cut(&words, width.saturating_sub(used)), shown));
    row(spans, selected, focused, ink)
}

fn words(layer: &Layer) -> String {
    let text = instruction(&layer.origin.text);
    match (text.is_empty(), layer.origin.base) {
        (true, _) => "(nothing is known)".to_owned(),
        (false, true) => format!("{text} (base)"),
        (false, false) => text,
    }
}
