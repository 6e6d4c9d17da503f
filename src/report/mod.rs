//! One page of images for a browser: where the bytes are, what the last build did, what was found. One file
//! that needs no other and asks no network; views are switched by the style sheet, so there is no script.
//!
//! Pure, and the same for the same evidence but for the date.

mod areas;
mod findings;
mod growth;
mod html;
mod map;
mod timeline;
mod treemap;

use crate::blame::{Blame, Growth};
use crate::event::Failure;
use crate::evidence::Timeline;
use crate::types::ByteSize;
use crate::verify::format::{Report, Result as Checked};
use crate::verify::{Before, Verdict};
use html::{Html, short};
use jiff::Timestamp;

/// No browser of it loads or runs anything, whatever an image is called or has in it.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<style>\n";
const STYLE: &str = include_str!("page.css");

/// All that a page says of one image.
#[derive(Clone, Debug)]
pub struct Image {
    /// What was found, or why nothing could be.
    pub report: Report,
    /// Where the bytes are, if it could be read.
    pub blame: Option<Blame>,
    /// What became of it since another, or why it is not compared.
    pub growth: Result<Growth, String>,
    /// What its last build did, or why that is not known.
    pub timeline: Result<Timeline, String>,
}

/// The page, made at `at` (seconds since 1970).
pub fn page(images: &[Image], at: u64) -> String {
    let mut html = Html::default();
    html.raw(HEAD);
    html.raw(STYLE);
    html.raw("</style>\n");
    let names: Vec<&str> = images.iter().map(|image| image.report.image.as_str()).collect();
    html.leaf("title", &[], &short(&format!("Loadline: {}", names.join(", "))));
    html.raw("\n</head>\n<body>\n");
    html.element("header", &[], |html| header(html, images, at));
    html.raw("\n");
    html.element("main", &[], |html| {
        for (number, one) in images.iter().enumerate() {
            html.element("article", &[("id", &anchor(number)), ("aria-labelledby", &title(number))], |html| {
                image(html, number, one);
            });
            html.raw("\n");
        }
    });
    html.raw("\n</body>\n</html>\n");
    html.into_text()
}

fn anchor(number: usize) -> String {
    format!("image-{}", number + 1)
}

fn title(number: usize) -> String {
    format!("title-{}", number + 1)
}

fn header(html: &mut Html, images: &[Image], at: u64) {
    html.raw("<h1>Container images, held to their load line</h1>");
    html.element("p", &[("class", "note")], |html| {
        html.text("Made at ");
        date(html, at);
        html.text(concat!(" by Loadline ", env!("CARGO_PKG_VERSION"), "."));
    });
    if images.len() < 2 {
        return;
    }
    html.element("nav", &[("aria-label", "Images")], |html| {
        html.element("ul", &[], |html| {
            for (number, image) in images.iter().enumerate() {
                html.element("li", &[], |html| {
                    html.leaf("a", &[("href", &format!("#{}", anchor(number)))], &short(&image.report.image));
                    html.raw(" ");
                    badge(html, &image.report.result);
                });
            }
        });
    });
}

fn image(html: &mut Html, number: usize, image: &Image) {
    html.element("div", &[("class", "title")], |html| {
        html.leaf("h2", &[("id", &title(number))], &short(&image.report.image));
        badge(html, &image.report.result);
    });
    match &image.report.result {
        Checked::Verdict(verdict) => seen(html, number, image, verdict),
        Checked::Failure(failure) => unread(html, failure),
    }
}

fn badge(html: &mut Html, result: &Checked) {
    let (class, text) = match result {
        Checked::Verdict(verdict) if verdict.passed => ("good", "passed"),
        Checked::Verdict(verdict) if verdict.is_whole() => ("bad", "failed"),
        Checked::Verdict(_) => ("bad", "not checked in full"),
        Checked::Failure(_) => ("bad", "not checked"),
    };
    html.leaf("span", &[("class", &format!("badge {class}"))], text);
}

fn unread(html: &mut Html, Failure { message, causes, details, hint, .. }: &Failure) {
    html.prose("p", &[], message);
    html.element("ul", &[], |html| causes.iter().for_each(|cause| html.prose("li", &[], &format!("because: {cause}"))));
    details.iter().for_each(|(name, text)| html.prose("p", &[], &format!("{name}: {text}")));
    hint.iter().for_each(|hint| html.prose("p", &[("class", "hint")], &format!("Hint: {hint}")));
}

fn seen(html: &mut Html, number: usize, image: &Image, verdict: &Verdict) {
    facts(html, image, verdict);
    if let Some(blame) = &image.blame {
        html.element("section", &[], |html| {
            html.leaf("h3", &[], "Where the bytes are");
            match blame.size {
                ByteSize(0) => html.leaf("p", &[("class", "none")], "The image has no bytes."),
                _ => map::write(html, number, blame, &verdict.layers),
            }
        });
    }
    html.element("section", &[], |html| findings::write(html, verdict));
    if let Some(blame) = &image.blame {
        html.element("section", &[], |html| findings::cuts(html, &blame.cuts, blame.size));
    }
    html.element("section", &[], |html| growth::write(html, &image.growth, verdict.size));
    html.element("section", &[], |html| timeline::write(html, &image.timeline));
}

fn facts(html: &mut Html, image: &Image, verdict: &Verdict) {
    html.element("dl", &[("class", "facts")], |html| {
        fact(html, "size", |html| size(html, verdict));
        if let Some(blame) = &image.blame {
            let hidden = ByteSize(blame.lines.iter().map(|line| line.hidden.0).sum());
            let text = format!("{hidden}, {}", share(hidden, blame.size));
            fact(html, "replaced or deleted in it", |html| html.text(&text));
        }
        if let Some(Before { size, .. }) = &verdict.before {
            let by = verdict.size.0.cast_signed().saturating_sub(size.0.cast_signed());
            fact(html, "before", |html| html.text(&format!("{size} ({})", growth::signed(by))));
        }
        fact(html, "user", |html| html.text(&short(if verdict.user.is_empty() { "0" } else { &verdict.user })));
        fact(html, "layers", |html| html.text(&verdict.layers.len().to_string()));
        if let Some(base) = &verdict.stand_in {
            fact(html, "base", |html| html.text(&format!("stand-in ({})", short(base))));
        }
        fact(html, "id", |html| html.leaf("code", &[], &verdict.id.to_string()));
    });
}

fn fact(html: &mut Html, name: &str, inside: impl FnOnce(&mut Html)) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], name);
        html.element("dd", &[], inside);
    });
}

/// The size, with a bar that says how much of the budget it is.
fn size(html: &mut Html, verdict: &Verdict) {
    let exact = verdict.size.0.to_string();
    html.leaf("data", &[("value", &exact), ("class", "whole")], &verdict.size.to_string());
    let Some(budget) = verdict.budget else { return html.text(&format!(" ({} bytes), no budget", grouped(&exact))) };
    html.text(&format!(" of {}, {} ({} bytes)", budget.limit(), share(verdict.size, budget), grouped(&exact)));
    let over = verdict.size >= budget;
    if over {
        html.leaf("strong", &[], " over budget");
    }
    let full = if budget.0 > 0 { (verdict.size.0 as f64 / budget.0 as f64).min(1.0) * 100.0 } else { 100.0 };
    html.element("div", &[("class", if over { "gauge over" } else { "gauge" }), ("aria-hidden", "true")], |html| {
        html.leaf("span", &[("style", &format!("width:{full:.2}%"))], "");
    });
}

/// `158512640` → `158,512,640`
fn grouped(digits: &str) -> String {
    let mut shown = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A part of a whole: `3.1 %`.
fn share(part: ByteSize, whole: ByteSize) -> String {
    match (part.0, whole.0) {
        (0, _) => "0 %".to_owned(),
        (_, 0) => "more than there may be".to_owned(),
        (part, whole) => match part as f64 / whole as f64 * 100.0 {
            share if share < 0.05 => "< 0.1 %".to_owned(),
            share => format!("{share:.1} %"),
        },
    }
}

/// A second since 1970, in UTC.
fn date(html: &mut Html, at: u64) {
    let time = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let shown = time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    html.leaf("time", &[("datetime", &time.to_string())], &shown);
}

/// Says how many of `all` are not among the first `shown`.
fn more(html: &mut Html, all: usize, shown: usize, what: &str) {
    if all > shown {
        html.prose("p", &[("class", "note")], &format!("{} more {what}.", all - shown));
    }
}
