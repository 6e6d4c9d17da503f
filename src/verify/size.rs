//! `size.budget`: what the image weighs, and which lines made it so.

use crate::blame::{Cut, blame, line_name};
use crate::image::files::Kind;
use crate::image::layers::LayerFacts;
use crate::types::ByteSize;
use crate::verify::subject::{Checked, Draft, Subject};
use crate::verify::{LayerLine, Previous};
use std::collections::BTreeMap;

/// How many lines are listed.
const LISTED: usize = 5;
/// How many cuts are listed.
const CUTS: usize = 3;
/// A cut of less than this part of the image is not listed.
const WORTH: u64 = 200;
/// How many characters of an instruction are shown.
const WIDTH: usize = 46;

/// All layers of one line of the Dockerfile.
struct Row {
    size: ByteSize,
    line: Option<u32>,
    base: bool,
    text: String,
    /// The largest of its layers, by place.
    layer: usize,
    /// One of them was not in the image that is compared with.
    new: bool,
}

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let size = subject.facts.size();
    let Some(budget) = subject.policy.budget.filter(|budget| size >= *budget) else {
        return Ok(Vec::new());
    };
    let previous = subject.policy.previous.as_ref().filter(|one| !one.diff_ids.is_empty());
    let rows = rows(&subject.layer_lines(), previous);
    let over = ByteSize(size.0 - budget.0);
    let line = rows.iter().find(|row| !row.base).or(rows.first()).and_then(|row| row.line);
    let (found, wanted) = apart(size, budget);
    let draft = Draft::new("size.budget", format!("under {wanted}"), found)
        .at(line.and_then(|line| subject.place(line)))
        .details([details(over, &rows, previous), cuts(subject)].concat());
    Ok(vec![match hint(subject, &rows) {
        Some(hint) => draft.hint(hint),
        None => draft,
    }])
}

/// A size and the limit that it does not keep. Where rounding would make both the same, only bytes tell.
pub(super) fn apart(size: ByteSize, limit: ByteSize) -> (String, String) {
    if size.to_string() == limit.to_string() {
        return (format!("{} bytes", size.0), format!("{} bytes", limit.0));
    }
    (size.to_string(), limit.limit())
}

/// What could be left out, what costs least first.
fn cuts(subject: &Subject<'_>) -> Vec<String> {
    let blame = blame(subject.facts, &subject.origins);
    let least = blame.size.0 / WORTH;
    let row = |cut: &Cut| {
        let line = line_name(cut.line);
        format!("{:>9}  {line:<8}  {}", cut.saves.to_string(), cut.what)
    };
    let rows: Vec<String> = blame.cuts.iter().filter(|cut| cut.saves.0 >= least).take(CUTS).map(row).collect();
    if rows.is_empty() { rows } else { [vec!["what could go, cheapest first:".to_owned()], rows].concat() }
}

/// The layers by line, the largest first.
fn rows(layers: &[LayerLine], previous: Option<&Previous>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let new = previous.is_some_and(|previous| !previous.diff_ids.contains(&layer.diff_id));
        let same = rows.iter_mut().find(|row| row.line.is_some() && row.line == layer.line);
        match same {
            Some(row) => {
                if layer.size > layers[row.layer].size {
                    row.layer = index;
                }
                row.new |= new;
                row.size.0 = row.size.0.saturating_add(layer.size.0);
            }
            None => rows.push(Row {
                size: layer.size,
                line: layer.line,
                base: layer.base,
                text: layer.instruction.clone(),
                layer: index,
                new,
            }),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.size));
    rows
}

fn details(over: ByteSize, rows: &[Row], previous: Option<&Previous>) -> Vec<String> {
    let mut lines = vec![format!("over by {over}; largest:")];
    lines.extend(rows.iter().take(LISTED).map(|row| {
        let line = line_name(row.line);
        let since =
            previous.filter(|_| row.new).map(|previous| format!("  ← new since {}…", &previous.id.short()[..4]));
        let width = if since.is_some() { WIDTH - 20 } else { WIDTH };
        let text = shortened(&row.text, width);
        format!("{:>9}  {line:<8}  {text}{}", row.size.to_string(), since.unwrap_or_default())
    }));
    if let Some(rest) = rows.get(LISTED..).filter(|rest| !rest.is_empty()) {
        let sum = ByteSize(rest.iter().fold(0, |sum: u64, row| sum.saturating_add(row.size.0)));
        lines.push(format!("{:>9}  in {} more", sum.to_string(), rest.len()));
    }
    lines
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// What the largest line of the Dockerfile's own consists of, if most of it is in one place.
fn hint(subject: &Subject<'_>, rows: &[Row]) -> Option<String> {
    let row = rows.iter().find(|row| !row.base)?;
    let (path, size) = heaviest(subject.facts.layers.get(row.layer)?)?;
    let line = row.line.map_or("the largest layer".into(), |line| format!("line {line}"));
    let advice = match row.text.split(' ').next() {
        Some("COPY" | "ADD") => "if the image does not need it, leave it out by .dockerignore",
        _ => "if the image does not need it, remove it in the same instruction or build it in another stage",
    };
    Some(format!("most of {line} is `/{path}` ({size}); {advice}"))
}

/// The deepest directory or file that has most of a layer's content.
fn heaviest(layer: &LayerFacts) -> Option<(String, ByteSize)> {
    let mut below: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in layer.entries.iter().filter(|entry| entry.kind == Kind::File) {
        let ends = entry.path.match_indices('/').map(|(at, _)| at).chain([entry.path.len()]);
        for end in ends {
            // A sparse file may claim any size.
            let sum = below.entry(&entry.path[..end]).or_default();
            *sum = sum.saturating_add(entry.size);
        }
    }
    let most = layer.size.0 / 3 * 2;
    let heavy = below.into_iter().filter(|(_, size)| *size > most && *size > 0);
    heavy.max_by_key(|(path, _)| path.len()).map(|(path, size)| (path.to_owned(), ByteSize(size)))
}
