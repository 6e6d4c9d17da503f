//! The pane of files.

use super::{Ink, Row, foreign, row, rows, size, span, title};
use crate::cli::browse::model::files::{Node, Sort};
use crate::cli::browse::model::index::{Change, Item};
use crate::cli::browse::model::layers::Extent;
use crate::cli::browse::model::opened::Opened;
use crate::cli::render::text;
use crate::image::files::{Entry, Kind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// Narrower panes have no modes and owners.
const MODES: usize = 64;
/// Narrower panes have no column of what is hidden in a folder; nor has one where nothing is.
const HIDDEN: usize = 78;
/// Narrower panes have no packages.
const PACKAGES: usize = 100;
/// How wide the column of packages is.
const PACKAGE: usize = 26;

/// Draws the files of `opened`.
pub fn draw(opened: &Opened<'_>, focused: bool, ink: Ink, head: Rect, area: Rect, buffer: &mut Buffer) {
    title(focused, &words(opened), ink, head, buffer);
    let files = &opened.files;
    if files.rows.is_empty() {
        let why = if files.is_filtered() { " nothing here; Esc drops the filter" } else { " no files" };
        super::put(buffer, area, 0, &span(why, ink.faint()).into());
    }
    rows(&files.list, files.rows.len(), area, buffer, |number, width| line(opened, number, focused, width, ink));
}

/// What is shown, and in which order.
fn words(opened: &Opened<'_>) -> String {
    let files = &opened.files;
    let of = match (opened.layers.selected(), opened.layers.extent) {
        (None, _) => "All files".to_owned(),
        (Some(layer), Extent::Changes) => format!("Changes of layer {}", layer + 1),
        (Some(layer), Extent::UpTo) => format!("All up to layer {}", layer + 1),
    };
    let mut words = of;
    if !files.only.words().is_empty() {
        words += &format!(", {}", files.only.words());
    }
    if !files.pattern.is_empty() {
        words += &format!(", `{}`", foreign(files.pattern.text()));
    }
    let sort = if files.sort == Sort::Size { "by size" } else { "by name" };
    let sum = files.sum(0);
    format!("{words}: {} in {}, {sort}", size(sum.bytes), super::entries(sum.entries as usize))
}

fn line(opened: &Opened<'_>, number: usize, focused: bool, width: usize, ink: Ink) -> Row {
    let (files, index) = (&opened.files, &opened.index);
    let shown = files.rows[number];
    let (item, hidden) = match shown.node {
        Node::Item(item) => (Some(&index.items[item as usize]), 0),
        Node::Folder(folder) => (files.own(index, folder), files.sum(folder).hidden),
    };
    let mut spans = marks(opened, shown.node, item, ink);
    spans.push(span(format!("{:>8} ", size(files.size(index, shown.node))), Style::new()));
    if width >= HIDDEN && opened.layers.hidden > 0 {
        let hidden = if hidden > 0 { format!("-{}", size(hidden)) } else { String::new() };
        spans.push(span(format!("{hidden:>9} "), ink.bad()));
    }
    if width >= MODES {
        let entry = item.map(|item| index.entry(item));
        spans.push(span(
            format!("{:10} {:<9} ", entry.map(mode).unwrap_or_default(), entry.map(owner).unwrap_or_default()),
            ink.faint(),
        ));
    }
    let package = if width >= PACKAGES { PACKAGE } else { 0 };
    let used: usize = spans.iter().map(Span::width).sum();
    let room = width.saturating_sub(used + package);
    spans.extend(name(opened, shown.node, shown.depth as usize, room, ink));
    if package > 0 {
        let owner =
            item.filter(|item| !item.is_folder).and_then(|item| self::package(opened, item)).unwrap_or_default();
        spans.push(span(format!(" {}", text::cut(&owner, package - 1)), ink.faint()));
    }
    row(spans, number == files.list.cursor, focused, ink)
}

/// `A` added, `C` changed, `M` only mode, owner or time, `D` deletes; `H` hidden, `h` some of it; `=` twins.
fn marks(opened: &Opened<'_>, node: Node, item: Option<&Item>, ink: Ink) -> Vec<Span<'static>> {
    let scope = opened.files.scope;
    let change = item.filter(|item| scope.marked == Some(item.layer)).map(|item| item.change);
    let (letter, style) = match change {
        Some(Change::Added) => ("A", ink.good()),
        Some(Change::Changed) => ("C", ink.warn()),
        Some(Change::Touched) => ("M", ink.warn()),
        Some(Change::Deletes) => ("D", ink.bad()),
        Some(Change::Same) | None => (" ", Style::new()),
    };
    let hidden = match node {
        Node::Item(_) if item.is_some_and(|item| item.is_hidden(scope.horizon)) => "H",
        Node::Folder(_) if item.is_some_and(|item| item.is_hidden(scope.horizon)) => "H",
        Node::Folder(folder) if opened.files.sum(folder).hidden > 0 => "h",
        _ => " ",
    };
    let twin = if item.is_some_and(|item| item.twin) { "=" } else { " " };
    vec![span(letter, style), span(hidden, ink.bad()), span(twin, ink.warn())]
}

/// The name in its folder, with a link's target, in exactly `room` columns.
fn name(opened: &Opened<'_>, node: Node, depth: usize, room: usize, ink: Ink) -> Vec<Span<'static>> {
    // What is very deep must still have a name.
    let indent = " ".repeat((depth * 2).min(room / 2));
    let (mark, name, link, style) = match node {
        Node::Folder(folder) => {
            let path = opened.index.folders[folder as usize].path;
            let name = foreign(path.rsplit('/').next().unwrap_or(path));
            let mark = if opened.files.is_open(folder) { "▾ " } else { "▸ " };
            (mark, format!("{name}/"), String::new(), ink.folder())
        }
        Node::Item(number) => {
            let item = &opened.index.items[number as usize];
            let entry = opened.index.entry(item);
            let hidden = item.is_hidden(opened.files.scope.horizon) || item.change == Change::Deletes;
            let style = if hidden { ink.bad() } else { Style::new() };
            ("  ", foreign(opened.index.name(item)), link(entry), style)
        }
    };
    let start = format!("{indent}{mark}");
    let left = room.saturating_sub(console::measure_text_width(&start));
    let name = text::cut(&name, left);
    let left = left.saturating_sub(console::measure_text_width(&name));
    let link = if left > 4 { text::fill(&link, left) } else { " ".repeat(left) };
    vec![span(start, ink.faint()), span(name, style), span(link, ink.faint())]
}

/// Where a link leads.
pub fn link(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Symlink(target) => format!(" → {}", foreign(target)),
        Kind::HardLink(target) => format!(" = /{}", foreign(target)),
        _ => String::new(),
    }
}

/// As `ls -l` shows it.
pub fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::File | Kind::HardLink(_) => '-',
        Kind::Directory => 'd',
        Kind::Symlink(_) => 'l',
        Kind::Other => '?',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, entry.mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// `uid:gid`.
pub fn owner(entry: &Entry) -> String {
    format!("{}:{}", entry.uid, entry.gid)
}

/// The package that `item` belongs to, and its version.
pub fn package(opened: &Opened<'_>, item: &Item) -> Option<String> {
    let package = opened.subject.survey.owners.owner(&opened.index.path(item))?;
    let version = package.version.map_or_else(String::new, |version| format!(" {version}"));
    Some(foreign(&format!("{} {}{version}", package.manager, package.name)))
}
