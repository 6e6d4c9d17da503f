//! The pages beside the files.

use super::{Ink, Places, Row, foreign, instruction, row, rows, size, span, title};
use crate::blame::{Cut, Effort, line_name};
use crate::cli::browse::model::app::App;
use crate::cli::browse::model::pages::{GrowthRow, What};
use crate::cli::render::text;
use crate::cli::render::why::signed;
use ratatui::buffer::Buffer;
use ratatui::style::Style;

/// Draws what could go.
pub fn cuts(app: &mut App<'_>, ink: Ink, places: &Places, buffer: &mut Buffer) {
    let cuts = &mut app.opened().cuts;
    cuts.list.resize(places.body.height.into(), cuts.all.len());
    let (free, little) = (size(cuts.saved(Effort::None)), size(cuts.saved(Effort::Little)));
    let words = format!("What could go: {free} that no container would miss, {little} that is rarely needed");
    title(true, &words, ink, places.title, buffer);
    if cuts.all.is_empty() {
        super::put(buffer, places.body, 0, &span(" nothing worth a word", ink.faint()).into());
    }
    rows(&cuts.list, cuts.all.len(), places.body, buffer, |number, width| {
        cut(cuts.all[number], number == cuts.list.cursor, width, ink)
    });
}

fn cut(cut: &Cut, selected: bool, width: usize, ink: Ink) -> Row {
    let (effort, style) = match cut.effort {
        Effort::None => ("free", ink.good()),
        Effort::Little => ("rarely needed", ink.warn()),
        Effort::Decision => ("a package", Style::new()),
    };
    let line = cut.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
    let head = format!("{:>9}  ", cut.saves.to_string());
    let used = head.len() + 13 + 10;
    let what = text::cut(&foreign(&cut.what), width.saturating_sub(used));
    let spans = vec![
        span(head, Style::new()),
        span(format!("{effort:13}"), style),
        span(format!(" line {line:<3} "), ink.faint()),
        span(what, Style::new()),
    ];
    row(spans, selected, true, ink)
}

/// What a cut costs, in words.
pub fn costs(cut: &Cut) -> String {
    let cost = match cut.effort {
        Effort::None => "no container would miss it",
        Effort::Little => "it is rarely needed at run time",
        Effort::Decision => "whether it is needed, only you know",
    };
    format!("{} of {}: {cost}", cut.saves, line_name(cut.line))
}

/// Draws what is more or less.
pub fn growth(app: &mut App<'_>, ink: Ink, places: &Places, buffer: &mut Buffer) {
    let Some(grown) = &mut app.opened().grown else { return };
    grown.list.resize(places.body.height.into(), grown.rows.len());
    let growth = grown.growth;
    let words = format!("{} since {}, which has {}", signed(growth.by), growth.against.short(), growth.was);
    title(true, &words, ink, places.title, buffer);
    if grown.rows.is_empty() {
        super::put(buffer, places.body, 0, &span(" nothing is of another size", ink.faint()).into());
    }
    rows(&grown.list, grown.rows.len(), places.body, buffer, |number, width| {
        change(grown.rows[number], number == grown.list.cursor, width, ink)
    });
}

fn change(shown: GrowthRow<'_>, selected: bool, width: usize, ink: Ink) -> Row {
    let spans = match shown {
        GrowthRow::Head(what, count) => {
            let what = match what {
                What::Line => "by line",
                What::Part => "by package and folder",
                What::File => "by file, as a container sees it",
            };
            vec![span(format!(" {what} ({count})"), ink.strong())]
        }
        GrowthRow::Change(_, change) => {
            let (state, style) = match (change.was, change.is) {
                (None, _) => ("new ", ink.good()),
                (_, None) => ("gone", ink.bad()),
                _ => ("    ", Style::new()),
            };
            let what = text::cut(&instruction(&change.what), width.saturating_sub(19));
            vec![
                span(format!("{:>11}  ", signed(change.by())), Style::new()),
                span(state, style),
                span("  ", style),
                span(what, Style::new()),
            ]
        }
    };
    row(spans, selected, true, ink)
}
