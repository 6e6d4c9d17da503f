//! What is selected, as cells of a terminal. Only rows that are seen are made.

mod details;
mod files;
mod help;
mod ink;
mod layers;
mod pages;

#[cfg(test)]
mod tests;

use crate::cli::browse::model::app::{App, Pane};
use crate::cli::browse::model::keys::Page;
use crate::cli::browse::model::list::List;
use crate::cli::render::text;
use crate::types::{ByteSize, visible};
pub use ink::Ink;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// A narrower terminal has one pane at a time, in columns.
const TWO_PANES: u16 = 70;

/// Where the parts of the page are.
struct Places {
    header: Rect,
    title: Rect,
    body: Rect,
    details: Rect,
    footer: Rect,
}

impl Places {
    fn new(area: Rect) -> Self {
        let details = match area.height {
            0..10 => 0,
            10..20 => 3,
            20..40 => 6,
            _ => 8,
        };
        let mut rest = area;
        let mut take = |rows: u16| {
            let part = Rect { height: rows.min(rest.height), ..rest };
            rest.y += part.height;
            rest.height -= part.height;
            part
        };
        let (header, title) = (take(1), take(1));
        let body = take(area.height.saturating_sub(3 + details));
        let (details, footer) = (take(details), take(1));
        Self { header, title, body, details, footer }
    }
}

/// Draws all of `app`.
pub fn draw(app: &mut App<'_>, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let places = Places::new(area);
    header(app, ink, places.header, buffer);
    match app.page {
        Page::Files => panes(app, ink, &places, buffer),
        Page::Cuts => pages::cuts(app, ink, &places, buffer),
        Page::Growth => pages::growth(app, ink, &places, buffer),
    }
    details::draw(app, ink, places.details, buffer);
    footer(app, ink, places.footer, buffer);
    if app.help.is_some() {
        help::draw(app, ink, area, buffer);
    }
}

fn panes(app: &mut App<'_>, ink: Ink, places: &Places, buffer: &mut Buffer) {
    let pane = app.pane;
    let opened = app.opened();
    let width = places.body.width;
    // Both know their room, whichever is seen.
    opened.layers.list.resize(places.body.height.into(), opened.layers.length());
    opened.files.list.resize(places.body.height.into(), opened.files.rows.len());
    if width < TWO_PANES {
        match pane {
            Pane::Layers => layers::draw(opened, true, ink, places.title, places.body, buffer),
            Pane::Files => files::draw(opened, true, ink, places.title, places.body, buffer),
        }
        return;
    }
    let left = if width < 100 { width * 9 / 20 } else { (width * 2 / 5).min(84) };
    let part = |area: Rect| {
        let right = Rect { x: area.x + left + 1, width: width - left - 1, ..area };
        (Rect { width: left, ..area }, right)
    };
    let ((left_title, right_title), (left_body, right_body)) = (part(places.title), part(places.body));
    layers::draw(opened, pane == Pane::Layers, ink, left_title, left_body, buffer);
    files::draw(opened, pane == Pane::Files, ink, right_title, right_body, buffer);
    for y in places.title.y..places.body.bottom() {
        put(buffer, Rect { x: left_body.right(), y, width: 1, height: 1 }, 0, &span("│", ink.faint()).into());
    }
}

fn header(app: &mut App<'_>, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let (page, several) = (app.page, app.subjects.len() > 1);
    let place = format!(" ({} of {})", app.at + 1, app.subjects.len());
    let opened = app.opened();
    let (subject, hidden) = (opened.subject, opened.layers.hidden);
    let mut left = vec![span(foreign(subject.name), ink.strong())];
    left.extend(several.then(|| span(place, Style::new())));
    left.push(span(
        format!("  {} in {}", subject.blame.size, text::count(opened.layers.all.len(), "layer")),
        Style::new(),
    ));
    if hidden > 0 {
        left.push(span(format!(", {} hidden", size(hidden)), ink.bad()));
    }
    let mut right = tab(page == Page::Files, "1 Files", ink);
    right.extend(tab(page == Page::Cuts, "2 Cuts", ink));
    right.extend(opened.grown.iter().flat_map(|_| tab(page == Page::Growth, "3 Growth", ink)));
    let right = Line::from(right);
    let room = area.width.saturating_sub(right.width() as u16 + 1);
    let left = Line::from(left);
    put(buffer, Rect { width: if area.width > 60 { room } else { area.width }, ..area }, 0, &left);
    if area.width > 60 {
        put(buffer, area, area.width.saturating_sub(right.width() as u16), &right);
    }
}

fn tab(chosen: bool, name: &'static str, ink: Ink) -> Vec<Span<'static>> {
    if chosen { vec![span(format!("[{name}]"), ink.strong())] } else { vec![span(format!(" {name} "), ink.faint())] }
}

/// The filter while it is typed, what could not be done, or the keys.
fn footer(app: &mut App<'_>, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let line = if app.typing {
        let files = &app.opened().files;
        let count = entries(files.sum(0).entries as usize);
        let (typed, width) = (foreign(files.pattern.text()), usize::from(area.width).saturating_sub(count.len() + 5));
        let line =
            vec![span("/", ink.strong()), span(last(&typed, width), Style::new()), span(" ", ink.selected(true))];
        Line::from(line.into_iter().chain([span(format!("  {count}"), ink.faint())]).collect::<Vec<_>>())
    } else if let Some(note) = &app.note {
        span(note.clone(), ink.warn()).into()
    } else {
        let keys = match app.page {
            Page::Files if area.width < TWO_PANES => "? keys  Tab pane  / filter  q leave",
            Page::Files => "? keys  Tab pane  / filter  a up to here  s sort  x hidden  d twins  q leave",
            _ => "? keys  1 files  Enter go there  q leave",
        };
        span(text::cut(keys, area.width.into()), ink.faint()).into()
    };
    put(buffer, area, 0, &line);
}

/// A pane's title; where keys go it is reversed, and stands in brackets.
fn title(focused: bool, words: &str, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let words = if focused { format!("[{}]", text::cut(words, width.saturating_sub(2))) } else { format!(" {words}") };
    let style = if focused { ink.selected(true) } else { ink.strong() };
    put(buffer, area, 0, &span(text::fill(&words, width), style).into());
}

/// The rows of `list` that are seen, from `row`, which makes a line of a number and a width.
fn rows(list: &List, length: usize, area: Rect, buffer: &mut Buffer, row: impl Fn(usize, usize) -> Row) {
    for (y, number) in (area.y..area.bottom()).zip(list.first..length) {
        let Row { line, style } = row(number, area.width.into());
        let area = Rect { y, height: 1, ..area };
        put(buffer, area, 0, &line);
        buffer.set_style(area, style);
    }
}

/// A line, and what is done to all of it.
struct Row {
    line: Line<'static>,
    style: Style,
}

fn row(line: Vec<Span<'static>>, selected: bool, focused: bool, ink: Ink) -> Row {
    Row { line: line.into(), style: if selected { ink.selected(focused) } else { Style::new() } }
}

/// Writes `line` from column `x` of `area` on, and no further than that.
fn put(buffer: &mut Buffer, area: Rect, x: u16, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if area.height > 0 && x < area.width {
        buffer.set_line(area.x + x, area.y, line, area.width - x);
    }
}

fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// Text of an image, on one line.
fn foreign(text: &str) -> String {
    visible(text)
}

/// An instruction on one line.
fn instruction(text: &str) -> String {
    foreign(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// The end of `text` that has room.
fn last(text: &str, width: usize) -> String {
    let from = text.char_indices().map(|(at, _)| at).find(|at| console::measure_text_width(&text[*at..]) <= width);
    from.map_or_else(String::new, |at| text[at..].to_owned())
}
