//! HTML, written so that nothing becomes markup but what stands in this program.
//!
//! A template crate escapes by default as well, but lets any text through where a template says so, and would
//! be a dependency for one page. Here the compiler holds to it: markup and names of attributes are
//! `&'static str`, which nothing that was read ever is, and all other text goes through [`Html::text`].

use crate::types::visible;
use std::fmt::Write;

/// Names longer than this are cut, in characters.
const NAME: usize = 160;
/// Sentences longer than this are cut: a name in one may be as long as an image likes.
const SENTENCE: usize = 1200;

/// A name without the end of what is too long.
pub(super) fn short(name: &str) -> String {
    cut(name, NAME)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A document, or a part of it.
#[derive(Default)]
pub(super) struct Html(String);

/// An attribute and its value.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// Markup that this program is made of.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Text from anywhere: none of it is markup, and what could steer its reader is written out.
    pub(super) fn text(&mut self, text: &str) {
        for c in visible(text).chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                // Who turns the direction of text makes `exe.txt` of `txt.exe`.
                '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}' => {
                    // Writing into a String cannot fail.
                    write!(self.0, "{}", c.escape_unicode()).ok();
                }
                c => self.0.push(c),
            }
        }
    }

    /// The start of an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.raw("<");
        self.raw(tag);
        for (name, value) in attributes {
            self.raw(" ");
            self.raw(name);
            self.raw("=\"");
            self.text(value);
            self.raw("\"");
        }
        self.raw(">");
    }

    /// The end of an element.
    pub(super) fn close(&mut self, tag: &'static str) {
        self.raw("</");
        self.raw(tag);
        self.raw(">");
    }

    /// An element with what `inside` writes.
    pub(super) fn element(&mut self, tag: &'static str, with: &[Attribute<'_>], inside: impl FnOnce(&mut Self)) {
        self.open(tag, with);
        inside(self);
        self.close(tag);
    }

    /// An element with text in it.
    pub(super) fn leaf(&mut self, tag: &'static str, with: &[Attribute<'_>], text: &str) {
        self.element(tag, with, |html| html.text(text));
    }

    /// An element with a sentence in it, where what stands between backquotes is code.
    pub(super) fn prose(&mut self, tag: &'static str, with: &[Attribute<'_>], text: &str) {
        let text = &cut(text, SENTENCE);
        self.element(tag, with, |html| {
            // The last of an odd number of backquotes opens nothing.
            let closed = text.matches('`').count() / 2 * 2;
            for (number, part) in text.splitn(closed + 1, '`').enumerate() {
                if number % 2 == 1 { html.leaf("code", &[], part) } else { html.text(part) }
            }
        });
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.into_text()
    }

    #[test]
    fn nothing_that_was_read_becomes_markup() {
        let bad = "<script>alert('x')</script>&\"\u{1b}[2J\n\u{202e}txt";
        let text = written(|html| html.leaf("p", &[("title", bad)], bad));
        let safe = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{1b}[2J\\n\\u{202e}txt";
        assert_eq!(text, format!("<p title=\"{safe}\">{safe}</p>"));
    }

    #[test]
    fn what_stands_between_backquotes_is_code() {
        let prose = |text: &str| written(|html| html.prose("p", &[], text));
        assert_eq!(prose("most is `/<b>`, or `x`"), "<p>most is <code>/&lt;b&gt;</code>, or <code>x</code></p>");
        assert_eq!(prose("a `b"), "<p>a `b</p>");
        assert_eq!(prose("`a` and `b"), "<p><code>a</code> and `b</p>");
        assert_eq!(prose(""), "<p></p>");
        assert_eq!(prose(&"`ü".repeat(1 << 20)).chars().filter(|c| *c == 'ü').count(), SENTENCE / 2, "it has an end");
    }
}
