//! The lines below: all that is known of what is selected.

use super::files::{link, mode, owner, package};
use super::{Ink, entries, foreign, instruction, put, size, span};
use crate::cli::browse::model::app::{App, Pane};
use crate::cli::browse::model::files::Node;
use crate::cli::browse::model::index::{Change, Item};
use crate::cli::browse::model::keys::Page;
use crate::cli::browse::model::opened::Opened;
use crate::cli::browse::model::pages::{Grown, GrowthRow};
use crate::cli::render::text;
use crate::types::ByteSize;
use console::measure_text_width;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// How many twins are named.
const NAMED: usize = 3;

/// Draws them, the first bold, below a rule.
pub fn draw(app: &mut App<'_>, ink: Ink, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    put(buffer, area, 0, &span("─".repeat(width), ink.faint()).into());
    let lines = lines(app).into_iter().flat_map(|line| wrapped(&line, width));
    for ((number, line), y) in lines.enumerate().zip(area.y + 1..area.bottom()) {
        let style = if number == 0 { ink.strong() } else { Style::new() };
        put(buffer, Rect { y, height: 1, ..area }, 0, &span(line, style).into());
    }
}

fn lines(app: &mut App<'_>) -> Vec<String> {
    let (page, pane) = (app.page, app.pane);
    let opened = app.opened();
    match (page, pane) {
        (Page::Files, Pane::Layers) => layer(opened),
        (Page::Files, Pane::Files) => file(opened),
        (Page::Cuts, _) => {
            opened.cuts.selected().map_or_else(Vec::new, |cut| vec![super::pages::costs(cut), foreign(&cut.what)])
        }
        (Page::Growth, _) => match opened.grown.as_ref().and_then(Grown::selected) {
            Some(GrowthRow::Change(_, change)) => {
                let size =
                    |size: Option<ByteSize>| size.map_or_else(|| "not there".to_owned(), |size| size.to_string());
                vec![instruction(&change.what), format!("before {}, now {}", size(change.was), size(change.is))]
            }
            _ => Vec::new(),
        },
    }
}

fn layer(opened: &Opened<'_>) -> Vec<String> {
    let Some(number) = opened.layers.selected() else { return image(opened) };
    let layer = &opened.layers.all[number];
    let place = match (layer.origin.line, layer.origin.base) {
        (Some(line), true) => format!("of the base, line {line}"),
        (Some(line), false) => format!("line {line}"),
        (None, _) => "of no line that is known".to_owned(),
    };
    let (number, all) = (number + 1, opened.layers.all.len());
    let mut lines =
        vec![format!("layer {number} of {all}, {place}: {} in {}", size(layer.bytes), entries(layer.entries))];
    lines.push(instruction(&layer.origin.text));
    if layer.hidden > 0 {
        lines.push(format!("{} of it are hidden by later layers", size(layer.hidden)));
    }
    if layer.hides > 0 {
        lines.push(format!("it hides {} of layers below, which stay in the image", size(layer.hides)));
    }
    lines.push(opened.subject.facts.layers[number - 1].diff_id.to_string());
    lines
}

fn image(opened: &Opened<'_>) -> Vec<String> {
    let subject = opened.subject;
    let blame = subject.blame;
    let wasted: u64 = blame.twins.iter().map(|twins| twins.wasted.0).sum();
    let hidden: u64 = blame.hidden.iter().map(|hidden| hidden.size.0).sum();
    let bytes = |bytes: u64| if bytes > 0 { size(bytes) } else { "nothing".to_owned() };
    vec![
        format!("{}: {} in {}", foreign(subject.name), blame.size, entries(opened.index.items.len())),
        format!("{} hidden by later layers, {} there more than once", bytes(hidden), bytes(wasted)),
        format!("id {}", blame.id),
    ]
}

fn file(opened: &Opened<'_>) -> Vec<String> {
    let index = &opened.index;
    match (opened.files.selected().map(|row| row.node), opened.item()) {
        (None, _) => Vec::new(),
        (Some(Node::Folder(folder)), item) => {
            let sum = opened.files.sum(folder);
            let hidden = if sum.hidden > 0 { format!(", {} of it hidden", size(sum.hidden)) } else { String::new() };
            let mut lines = vec![
                format!("/{}/", foreign(index.folders[folder as usize].path)),
                format!("{} in {}{hidden}", size(sum.bytes), entries(sum.entries as usize)),
            ];
            lines.extend(item.map(|item| {
                format!("{} {}, {}", mode(index.entry(item)), owner(index.entry(item)), origin(opened, item.layer))
            }));
            lines.extend(item.and_then(|item| hider(opened, item)));
            lines
        }
        (Some(Node::Item(_)), None) => Vec::new(),
        (Some(Node::Item(_)), Some(item)) => {
            let entry = index.entry(item);
            let does = if item.change == Change::Deletes { "deleted by" } else { "in" };
            let mut facts = format!(
                "{} in the tar ({} of content), {} {}",
                size(entry.span),
                size(entry.size),
                mode(entry),
                owner(entry)
            );
            facts += &package(opened, item).map_or_else(String::new, |package| format!(", of {package}"));
            let mut lines = vec![format!("/{}{}", foreign(&index.path(item)), link(entry)), facts];
            lines.push(format!("{does} {}", origin(opened, item.layer)));
            lines.extend(hider(opened, item));
            lines.extend(twins(opened, item));
            lines
        }
    }
}

/// The layer, its line and its instruction.
fn origin(opened: &Opened<'_>, layer: u32) -> String {
    let origin = opened.layers.all.get(layer as usize).map(|layer| &layer.origin);
    let line = origin.and_then(|origin| origin.line).map_or_else(String::new, |line| format!(", line {line}"));
    let text = origin.map(|origin| instruction(&origin.text)).unwrap_or_default();
    text::cut(&format!("layer {}{line}: {text}", layer + 1), 120)
}

fn hider(opened: &Opened<'_>, item: &Item) -> Option<String> {
    let by = item.hidden_by()?;
    let same = if by == item.layer { "hidden in the same layer: " } else { "hidden by " };
    Some(format!("{same}{}", origin(opened, by)))
}

fn twins(opened: &Opened<'_>, item: &Item) -> Option<String> {
    let own = opened.index.entry(item);
    let others = opened.index.twins(item).map(|number| opened.index.entry(&opened.index.items[number as usize]));
    let paths: Vec<&str> = others.filter(|entry| !std::ptr::eq(*entry, own)).map(|entry| &*entry.path).collect();
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| format!("/{}", foreign(path))).collect();
    let more = paths.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!paths.is_empty()).then(|| format!("same content: {}{more}", named.join(", ")))
}

/// `line` in lines of `width` columns, broken between words where it can be; what goes on is indented.
pub fn wrapped(line: &str, width: usize) -> Vec<String> {
    let width = width.max(4);
    let (mut lines, mut now, mut columns) = (Vec::new(), String::new(), 0);
    for word in line.split_inclusive(' ') {
        let wide = measure_text_width(word.trim_end());
        if columns + wide > width && columns > 2 && wide <= width - 2 {
            lines.push(std::mem::replace(&mut now, "  ".to_owned()));
            columns = 2;
        }
        for c in word.chars() {
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4]));
            if columns + wide > width && c != ' ' {
                lines.push(std::mem::replace(&mut now, "  ".to_owned()));
                columns = 2;
            }
            now.push(c);
            columns += wide;
        }
    }
    lines.push(now);
    lines
}
