//! The maps: boxes laid out here, and the same numbers as tables.

use super::areas::{Area, Group, by_layer, by_line, by_part};
use super::html::{Html, short};
use super::treemap::{Rect, squarify};
use super::{grouped, share};
use crate::blame::Blame;
use crate::types::ByteSize;
use crate::verify::LayerLine;

/// A map is laid out for two shapes; the style sheet stretches the one that fits, which keeps all ratios.
const WIDE: Rect = Rect { x: 0.0, y: 0.0, width: 1900.0, height: 1000.0 };
const NARROW: Rect = Rect { x: 0.0, y: 0.0, width: 700.0, height: 1000.0 };
/// Colours of groups that did not come with the base; the style sheet has them.
const COLOURS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

/// One side from which the bytes are seen.
struct View {
    class: &'static str,
    title: &'static str,
    says: &'static str,
    groups: Vec<Group>,
}

/// All views of an image. `number` tells its names from those of other images of the page.
pub(super) fn write(html: &mut Html, number: usize, blame: &Blame, layers: &[LayerLine]) {
    let views = [
        View {
            class: "by-line",
            title: "Dockerfile line",
            says: "Each group is a line of the Dockerfile, each box in it a package or a folder.",
            groups: by_line(blame),
        },
        View {
            class: "by-layer",
            title: "layer",
            says: "Each group is a line of the Dockerfile, each box in it a layer that it made.",
            groups: by_layer(blame, layers),
        },
        View {
            class: "by-part",
            title: "package and folder",
            says: "Each box is a package or a folder, whichever line it came with.",
            groups: by_part(blame),
        },
    ];
    html.element("div", &[("class", "views")], |html| {
        let name = format!("view-{number}");
        html.element("fieldset", &[("class", "switch")], |html| {
            html.leaf("legend", &[], "Bytes by");
            for (place, view) in views.iter().enumerate() {
                switch(html, &name, view, place == 0);
            }
        });
        views.iter().for_each(|view| one(html, view, blame));
    });
}

fn switch(html: &mut Html, name: &str, view: &View, checked: bool) {
    html.element("label", &[], |html| {
        let mut with = vec![("type", "radio"), ("name", name), ("class", view.class)];
        with.extend(checked.then_some(("checked", "")));
        html.open("input", &with);
        html.leaf("span", &[], view.title);
    });
}

fn one(html: &mut Html, view: &View, blame: &Blame) {
    html.element("section", &[("class", &format!("view {}", view.class))], |html| {
        html.leaf("h4", &[], &format!("Bytes by {}", view.title));
        let says = "A box is as large as its share of the bytes; what is hatched of it, a later line replaces or \
                    deletes: it is in the image, and no container sees it.";
        html.leaf("p", &[("class", "note")], &format!("{} {says}", view.says));
        let boxes: usize = view.groups.iter().map(|group| group.areas.len()).sum();
        let label =
            format!("Map of {boxes} boxes in {} groups; the table below has the same numbers", view.groups.len());
        html.element("div", &[("class", "map"), ("role", "img"), ("aria-label", &label)], |html| {
            map(html, &view.groups, blame.size);
        });
        html.element("details", &[], |html| {
            html.leaf("summary", &[], &format!("The same numbers as a table: {boxes} parts, {} in all", blame.size));
            table(html, view, blame.size);
        });
    });
}

fn map(html: &mut Html, groups: &[Group], whole: ByteSize) {
    let sizes: Vec<u64> = groups.iter().map(|group| group.all.size.0).collect();
    let (wide, narrow) = (squarify(&sizes, WIDE), squarify(&sizes, NARROW));
    let mut colours = COLOURS.iter().cycle();
    for (group, at) in groups.iter().zip(wide.into_iter().zip(narrow)) {
        let colour = if group.base { "base" } else { colours.next().copied().unwrap_or_default() };
        let with = [("class", &*format!("group {colour}")), ("style", &style(at, (WIDE, NARROW)))];
        html.element("div", &with, |html| {
            boxes(html, group, at, whole);
            // The size before the instruction, whose end has no room.
            let name = format!("{} · {} · {}", group.place, group.all.size, share(group.all.size, whole));
            let name = if group.text.is_empty() { name } else { format!("{name} · {}", short(&group.text)) };
            html.leaf("div", &[("class", "name")], &name);
        });
    }
}

/// The boxes of a group, which is at `group` in both shapes.
fn boxes(html: &mut Html, of: &Group, group: (Rect, Rect), whole: ByteSize) {
    let sizes: Vec<u64> = of.areas.iter().map(|area| area.size.0).collect();
    let (wide, narrow) = (squarify(&sizes, group.0), squarify(&sizes, group.1));
    for (area, at) in of.areas.iter().zip(wide.into_iter().zip(narrow)) {
        // Below the name of its group, if it is at the top of it.
        let top = |at: Rect, group: Rect, class| if at.y <= group.y + 0.5 { class } else { "" };
        let class = format!("box {} {}", top(at.0, group.0, "top"), top(at.1, group.1, "narrow-top"));
        let title = format!("{}: {}", short(&of.all.name), told(area, whole));
        let bytes = area.size.0.to_string();
        let style = style(at, group);
        let with = [("class", class.trim_end()), ("style", &style), ("title", &title), ("data-bytes", &bytes)];
        html.element("div", &with, |html| {
            html.leaf("span", &[("class", "what")], &short(&area.name));
            html.leaf("span", &[("class", "size")], &format!("{} · {}", area.size, share(area.size, whole)));
            if area.hidden.0 > 0 {
                let part = format!("height:{}", percent(area.hidden.0 as f64 / area.size.0 as f64));
                html.leaf("i", &[("style", &part)], "");
            }
        });
    }
}

/// All of a part, for a tooltip.
fn told(area: &Area, whole: ByteSize) -> String {
    let Area { name, size, hidden } = area;
    let hidden = if hidden.0 > 0 { format!(", {hidden} of it replaced or deleted later") } else { String::new() };
    format!("{}, {size} ({} bytes), {}{hidden}", short(name), grouped(&size.0.to_string()), share(*size, whole))
}

/// Where a box is in the one around it, in both shapes.
fn style((wide, narrow): (Rect, Rect), around: (Rect, Rect)) -> String {
    let place = |at: Rect, around: Rect| {
        let along = |part: f64, whole: f64| percent(if whole > 0.0 { part / whole } else { 0.0 });
        let left = along(at.x - around.x, around.width);
        let top = along(at.y - around.y, around.height);
        (left, top, along(at.width, around.width), along(at.height, around.height))
    };
    let (left, top, width, height) = place(wide, around.0);
    let wide = format!("--l:{left};--t:{top};--w:{width};--h:{height}");
    let (left, top, width, height) = place(narrow, around.1);
    format!("{wide};--nl:{left};--nt:{top};--nw:{width};--nh:{height}")
}

fn percent(part: f64) -> String {
    format!("{:.4}%", part * 100.0)
}

fn table(html: &mut Html, view: &View, whole: ByteSize) {
    html.element("table", &[("class", "bytes")], |html| {
        html.leaf("caption", &[], &format!("Bytes by {}", view.title));
        html.raw("<thead><tr><th scope=\"col\">part</th><th scope=\"col\">size</th><th scope=\"col\">share</th>");
        html.raw("<th scope=\"col\">replaced or deleted</th></tr></thead>");
        for group in &view.groups {
            html.element("tbody", &[], |html| {
                row(html, "group-row", "rowgroup", &group.all, whole);
                group.areas.iter().for_each(|area| row(html, "part-row", "row", area, whole));
            });
        }
        let hidden = view.groups.iter().map(|group| group.all.hidden.0).sum();
        let all = Area { name: "all of the image".to_owned(), size: whole, hidden: ByteSize(hidden) };
        html.element("tfoot", &[], |html| row(html, "all-row", "row", &all, whole));
    });
}

fn row(html: &mut Html, class: &str, scope: &str, area: &Area, whole: ByteSize) {
    html.element("tr", &[("class", class)], |html| {
        html.leaf("th", &[("scope", scope)], &short(&area.name));
        html.element("td", &[], |html| bytes(html, area.size));
        html.leaf("td", &[], &share(area.size, whole));
        html.element("td", &[], |html| {
            if area.hidden.0 > 0 {
                bytes(html, area.hidden)
            }
        });
    });
}

/// A size as people write it, and to the byte.
fn bytes(html: &mut Html, size: ByteSize) {
    let exact = size.0.to_string();
    html.leaf("data", &[("value", &exact), ("title", &format!("{} bytes", grouped(&exact)))], &size.to_string());
}
