//! All keys, over what is there.

use super::details::wrapped;
use super::{Ink, put, span, title};
use crate::cli::browse::model::app::{App, Help};
use crate::cli::browse::model::keys::{KEYS, MARKS};
use crate::cli::render::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget};

/// How wide the column of keys is at most.
const KEY: usize = 25;

/// Draws them.
pub fn draw(app: &mut App<'_>, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let Some(Help { list, length }) = &mut app.help else { return };
    let head = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + head.height, height: area.height - head.height, ..area };
    let rows = rows(area.width.into());
    *length = rows.len();
    list.room = body.height.into();
    list.first = list.first.min(rows.len().saturating_sub(list.room));
    Clear.render(area, buffer);
    let more = if rows.len() > list.room { "; Up, Down for more" } else { "" };
    title(true, &format!("Keys, and marks of files: ? closes{more}"), ink, head, buffer);
    for ((keys, does), y) in rows.iter().skip(list.first).zip(body.y..body.bottom()) {
        let line = vec![span(keys.clone(), ink.strong()), span(does.clone(), Style::new())];
        put(buffer, Rect { y, height: 1, ..body }, 0, &line.into());
    }
}

/// Keys and what they do, in as many rows as that takes.
fn rows(width: usize) -> Vec<(String, String)> {
    let key = KEY.min(width / 3);
    let keys = KEYS.iter().map(|key| (key.keys, key.does));
    let all = keys.chain([("", "")]).chain(MARKS);
    all.flat_map(|(keys, does)| {
        let (keys, does) = (wrapped(keys, key.saturating_sub(1)), wrapped(does, width.saturating_sub(key)));
        let row = move |number: usize| {
            let part = |all: &[String]| all.get(number).cloned().unwrap_or_default();
            (text::fill(&part(&keys), key), part(&does), keys.len().max(does.len()))
        };
        let count = row(0).2;
        (0..count).map(move |number| {
            let (keys, does, _) = row(number);
            (keys, does)
        })
    })
    .collect()
}
