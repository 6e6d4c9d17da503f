//! What is said at the end of a run over several images: a table, and a line for all of it.

use crate::cli::render::state::{Block, Screen};
use crate::cli::render::{live, text};
use crate::cli::terminal::Paint;
use console::measure_text_width;

type Cell = Box<dyn Fn(&Block) -> Option<String>>;

/// One column: its head, and what it has of an image.
struct Column {
    head: String,
    cell: Cell,
}

impl Column {
    fn new(head: &str, cell: impl Fn(&Block) -> Option<String> + 'static) -> Self {
        Self { head: head.to_owned(), cell: Box::new(cell) }
    }
}

/// The table of all images, and how many journeys passed.
pub fn lines(screen: &Screen, paint: Paint) -> Vec<String> {
    let mut lines = images(screen, paint);
    lines.extend(releases(screen, paint));
    lines.extend(journeys(screen));
    lines
}

/// How many journeys passed; nothing if none was made.
pub fn journeys(screen: &Screen) -> Option<String> {
    screen.finished.and_then(|(outcome, ms)| screen.journeys.total(outcome, ms))
}

/// Nothing for one image, which has said it all.
fn images(screen: &Screen, paint: Paint) -> Vec<String> {
    if screen.images.len() < 2 {
        return Vec::new();
    }
    let columns: Vec<Column> =
        columns(screen).into_iter().filter(|column| screen.images.iter().any(|b| (column.cell)(b).is_some())).collect();
    let mut rows = vec![columns.iter().map(|column| column.head.clone()).collect::<Vec<_>>()];
    rows[0].insert(0, String::new());
    for block in &screen.images {
        let mut row = vec![block.name.clone()];
        row.extend(columns.iter().map(|column| (column.cell)(block).unwrap_or_else(|| "-".into())));
        rows.push(row);
    }
    let mut lines = table(&rows, paint);
    lines.extend(total(screen));
    lines
}

/// The releases of a run; nothing for one, which has said it all.
fn releases(screen: &Screen, paint: Paint) -> Vec<String> {
    if screen.releases.len() < 2 {
        return Vec::new();
    }
    let mut rows = vec![["", "revision", "time"].map(str::to_owned).to_vec()];
    rows.extend(screen.releases.iter().map(|release| {
        let unchanged = if release.changed { "" } else { ", unchanged" };
        vec![release.name.clone(), format!("{}{unchanged}", release.revision), text::ms(release.ms)]
    }));
    table(&rows, paint)
}

fn columns(screen: &Screen) -> Vec<Column> {
    let mut columns = Vec::new();
    // Who checked or loaded wants the verdicts; who only built wants to know what was built.
    let only_built = screen.images.iter().all(|b| b.verified.is_none() && b.smoked.is_none() && b.nodes.is_empty());
    if only_built {
        columns.push(Column::new("id", |b| Some(text::short(&b.built.as_ref()?.id).to_owned())));
        columns.push(Column::new("size", |b| Some(text::size(b.built.as_ref()?.size?))));
        columns.push(Column::new("cached", |b| {
            b.built.as_ref().map(|built| match built.unchanged {
                Some(_) => "unchanged".to_owned(),
                None => format!("{} of {}", built.cached, built.steps),
            })
        }));
    }
    columns.push(Column::new("size", |b| {
        b.verified.as_ref().map(|verified| text::size_and_budget(verified.size, verified.budget))
    }));
    columns.push(Column::new("user", |b| b.verified.as_ref().map(|verified| verified.user.clone())));
    columns.push(Column::new("verify", |b| b.verified.as_ref().map(|verified| verdict(verified.passed))));
    columns.push(Column::new("smoke", |b| {
        b.smoked.as_ref().map(|smoked| match smoked.passed {
            true => format!("{} in {}", smoked.answer, text::ms(smoked.ready_ms)),
            false => "failed".to_owned(),
        })
    }));
    for node in nodes(screen) {
        let name = node.clone();
        columns.push(Column::new(&node, move |b| {
            let node = b.nodes.iter().find(|node| node.name == name)?;
            node.loaded.map(|_| live::sent(node.done))
        }));
    }
    columns.push(Column::new("time", |b| match (&b.failed, b.ms()) {
        (Some(_), _) => Some("failed".to_owned()),
        (None, 0) => None,
        (None, ms) => Some(text::ms(ms)),
    }));
    columns
}

fn verdict(passed: bool) -> String {
    if passed { "passed".into() } else { "failed".into() }
}

fn nodes(screen: &Screen) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in screen.images.iter().flat_map(|block| &block.nodes) {
        if !names.contains(&node.name) {
            names.push(node.name.clone());
        }
    }
    names
}

fn table(rows: &[Vec<String>], paint: Paint) -> Vec<String> {
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0))
        .collect();
    let line = |(number, row): (usize, &Vec<String>)| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| text::fill(cell, *width)).collect();
        let line = format!(" {}", cells.join("  ")).trim_end().to_owned();
        if number == 0 { paint.faint(&line) } else { line }
    };
    rows.iter().enumerate().map(line).collect()
}

/// How long each step took, which is that of the image that it took longest for; nothing if there was
/// only one. A step that was not done took nothing and is left out.
fn split(screen: &Screen) -> String {
    let longest = |ms: &dyn Fn(&Block) -> Option<u64>| screen.images.iter().filter_map(ms).max();
    let steps = [
        ("build", longest(&|b| Some(b.built.as_ref()?.ms))),
        ("verify", longest(&|b| Some(b.verified.as_ref()?.ms))),
        ("smoke", longest(&|b| Some(b.smoked.as_ref()?.ms))),
        ("load", longest(&|b| b.nodes.iter().filter_map(|node| node.loaded).max())),
    ];
    let said = steps.iter().filter_map(|(step, ms)| Some(format!("{step} {}", text::ms((*ms)?))));
    let said: Vec<String> = said.collect();
    if said.len() < 2 { String::new() } else { format!(" ({}; side by side)", said.join(", ")) }
}

fn total(screen: &Screen) -> Option<String> {
    let (_, ms) = screen.finished?;
    let failed = screen.images.iter().filter(|block| block.failed.is_some()).count();
    let images = text::count(screen.images.len(), "image");
    Some(match failed {
        0 => format!(" {images} in {}{}", text::ms(ms), split(screen)),
        _ => format!(" {failed} of {images} failed, in {}", text::ms(ms)),
    })
}
