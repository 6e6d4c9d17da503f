//! The size before and after, by line.

use super::html::{Html, short};
use crate::blame::{Change, Growth};
use crate::types::ByteSize;

/// Changes beyond these are one.
const CHANGES: usize = 30;

/// A row: what, before, now.
struct Row(String, Option<ByteSize>, Option<ByteSize>);

/// What became of an image of `is` bytes, or why that is not known.
pub(super) fn write(html: &mut Html, growth: &Result<Growth, String>, is: ByteSize) {
    html.leaf("h3", &[], "Before and after");
    let growth = match growth {
        Ok(growth) => growth,
        Err(why) => return html.prose("p", &[("class", "none")], &format!("Not compared: {why}.")),
    };
    html.element("p", &[], |html| {
        html.text(&format!("{} before, {is} now: {}. Compared with ", growth.was, signed(growth.by)));
        html.leaf("code", &[], &growth.against.to_string());
        html.text(".");
    });
    html.element("table", &[("class", "growth")], |html| {
        html.leaf("caption", &[], "Instructions, known by their text: lines move");
        html.raw("<thead><tr><th scope=\"col\">instruction</th><th scope=\"col\">before</th>");
        html.raw("<th scope=\"col\">now</th><th scope=\"col\">change</th></tr></thead>");
        html.element("tbody", &[], |html| rows(growth, is).iter().for_each(|one| row(html, one, "")));
        let all = Row("all of the image".to_owned(), Some(growth.was), Some(is));
        html.element("tfoot", &[], |html| row(html, &all, "all-row"));
    });
}

/// Together they are both sizes.
fn rows(growth: &Growth, is: ByteSize) -> Vec<Row> {
    let one = |change: &Change| Row(short(&change.what), change.was, change.is);
    let (shown, folded) = growth.lines.split_at(growth.lines.len().min(CHANGES));
    let mut rows: Vec<Row> = shown.iter().map(one).collect();
    if !folded.is_empty() {
        let sum = |of: fn(&Change) -> Option<ByteSize>| ByteSize(folded.iter().filter_map(of).map(|size| size.0).sum());
        let (was, is) = (sum(|change| change.was), sum(|change| change.is));
        rows.push(Row(format!("{} more", folded.len()), Some(was), Some(is)));
    }
    let changed: u64 = growth.lines.iter().filter_map(|change| change.is).map(|size| size.0).sum();
    let same = ByteSize(is.0.saturating_sub(changed));
    if same.0 > 0 {
        rows.push(Row("what is as large as before".to_owned(), Some(same), Some(same)));
    }
    rows
}

fn row(html: &mut Html, Row(what, was, is): &Row, class: &str) {
    let shown = |size: &Option<ByteSize>| size.map_or_else(|| "none".to_owned(), |size| size.to_string());
    let bytes = |size: &Option<ByteSize>| size.map_or(0, |size| size.0);
    html.element("tr", &[("class", class)], |html| {
        html.leaf("th", &[("scope", "row")], what);
        for size in [was, is] {
            html.element("td", &[], |html| html.leaf("data", &[("value", &bytes(size).to_string())], &shown(size)));
        }
        html.leaf("td", &[], &signed(bytes(is).cast_signed().saturating_sub(bytes(was).cast_signed())));
    });
}

/// `+3.2 MB`; never by its colour alone.
pub(super) fn signed(by: i64) -> String {
    match by {
        0 => "the same".to_owned(),
        1.. => format!("+{}", ByteSize(by.unsigned_abs())),
        _ => format!("−{}", ByteSize(by.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Digest, ImageId};

    #[test]
    fn rows_add_up_to_both_sizes() {
        let size = |bytes: u64| (bytes > 0).then_some(ByteSize(bytes));
        let change = |number: u64| Change { what: format!("RUN {number}"), was: size(number % 3), is: size(number) };
        let lines: Vec<Change> = (3..100).map(change).collect();
        let sum = |of: fn(&Change) -> Option<ByteSize>| lines.iter().filter_map(of).map(|size| size.0).sum::<u64>();
        let (was, is) = (ByteSize(sum(|one| one.was) + 500), ByteSize(sum(|one| one.is) + 500));
        let by = is.0.cast_signed() - was.0.cast_signed();
        let against = ImageId(Digest::of(b"before"));
        let growth = Growth { against, was, by, lines, parts: vec![], files: vec![] };
        let rows = rows(&growth, is);
        assert_eq!(rows.len(), CHANGES + 2);
        let all = |of: fn(&Row) -> Option<ByteSize>| rows.iter().filter_map(of).map(|size| size.0).sum::<u64>();
        assert_eq!((all(|row| row.1), all(|row| row.2)), (was.0, is.0));
    }

    #[test]
    fn a_change_has_its_sign() {
        assert_eq!([3_200_000, -12_000, 0].map(signed), ["+3.2 MB", "−12 KB", "the same"]);
    }
}
