//! Images to look at in tests.

use super::app::App;
use super::opened::Subject;
use crate::blame::{Blame, Growth, Survey, blame_surveyed};
use crate::image::ImageFacts;
use crate::image::config::Config;
use crate::image::dockerfile::Origin;
use crate::image::files::{Entry, Kind};
use crate::image::layers::LayerFacts;
use crate::types::{ByteSize, Digest, ImageId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::sync::Arc;

/// An image, and all that a browser wants of it.
pub struct Image {
    pub name: String,
    pub facts: ImageFacts,
    pub origins: Vec<Origin>,
    pub survey: Survey,
    pub blame: Blame,
    pub growth: Option<Growth>,
}

impl Image {
    /// Of layers, each with its line, its instruction and its entries.
    pub fn new(name: &str, layers: Vec<(u32, &str, Vec<Entry>)>) -> Self {
        let (mut origins, mut facts) = (Vec::new(), Vec::new());
        for (line, text, entries) in layers {
            origins.push(Origin { line: Some(line), base: text.starts_with("FROM"), text: text.to_owned() });
            let size = ByteSize(entries.iter().map(|entry| entry.span).sum::<u64>() + 1024);
            facts.push(Arc::new(LayerFacts { diff_id: Digest::of(text.as_bytes()), size, entries }));
        }
        let id = ImageId(Digest::of(name.as_bytes()));
        let config = Config::default();
        let facts = ImageFacts { id, config, config_bytes: Vec::new(), tags: Vec::new(), layers: facts };
        let survey = Survey::of(&facts);
        let blame = blame_surveyed(&facts, &origins, &survey);
        Self { name: name.to_owned(), facts, origins, survey, blame, growth: None }
    }

    /// Compared with `before`.
    pub fn since(mut self, before: &Self) -> Self {
        self.growth = Some(Growth::between((&before.blame, &before.facts), (&self.blame, &self.facts)));
        self
    }

    pub fn subject(&self) -> Subject<'_> {
        let Self { name, facts, origins, survey, blame, growth } = self;
        Subject { name, facts, origins, survey, blame, growth: growth.as_ref() }
    }

    pub fn app(&self) -> App<'_> {
        App::new(vec![self.subject()]).unwrap()
    }
}

/// A file whose content is a fingerprint.
pub fn file(path: &str, size: u64, hash: u64) -> Entry {
    let span = 512 + size.div_ceil(512) * 512;
    let path = path.into();
    Entry {
        path,
        kind: Kind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        span,
        hash: Some(hash),
        traces: Vec::new(),
        text: None,
    }
}

pub fn folder(path: &str) -> Entry {
    Entry { kind: Kind::Directory, mode: 0o755, size: 0, span: 512, hash: None, ..file(path, 0, 0) }
}

pub fn mode(entry: Entry, mode: u32) -> Entry {
    Entry { mode, ..entry }
}

pub fn link(path: &str, target: &str) -> Entry {
    Entry { kind: Kind::Symlink(target.into()), mode: 0o777, hash: None, ..file(path, 0, 0) }
}

/// A shop: a base, an application that is built and cleaned up after, and a change of owner.
pub fn shop() -> Image {
    let base = vec![
        folder("etc"),
        file("etc/passwd", 900, 1),
        folder("usr"),
        folder("usr/bin"),
        mode(file("usr/bin/sudo", 280_000, 2), 0o4755),
        file("usr/bin/bash", 1_400_000, 3),
        link("bin", "usr/bin"),
        folder("usr/lib"),
        file("usr/lib/libc.so", 2_100_000, 4),
        mode(folder("tmp"), 0o1777),
    ];
    let build = vec![
        folder("app"),
        file("app/server", 20_000_000, 10),
        file("app/server.map", 5_000_000, 11),
        folder("app/data"),
        mode(file("app/data/shop.db", 70_000, 12), 0o666),
        file("app/data/copy.db", 70_000, 12),
        folder("build"),
        file("build/objects.o", 41_000_000, 13),
        file("build/名前\u{1b}[2J.txt", 3_000, 14),
    ];
    let clean =
        vec![file(".wh.build", 0, 0), folder("app"), file("app/.wh.server.map", 0, 0), file("etc/passwd", 950, 20)];
    let owner = vec![folder("app"), Entry { uid: 1000, gid: 1000, ..file("app/server", 20_000_000, 10) }];
    Image::new(
        "shop",
        vec![
            (1, "FROM debian:13", base),
            (4, "COPY --from=build /out /", build),
            (5, "RUN rm -rf /build /app/server.map && useradd shop", clean),
            (6, "RUN chown -R 1000:1000 /app", owner),
        ],
    )
}

/// A key that is a letter, or one of the names that tests use.
pub fn key(name: &str) -> KeyEvent {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    match name {
        "up" => plain(KeyCode::Up),
        "down" => plain(KeyCode::Down),
        "left" => plain(KeyCode::Left),
        "right" => plain(KeyCode::Right),
        "pgdn" => plain(KeyCode::PageDown),
        "end" => plain(KeyCode::End),
        "tab" => plain(KeyCode::Tab),
        "enter" => plain(KeyCode::Enter),
        "esc" => plain(KeyCode::Esc),
        "back" => plain(KeyCode::Backspace),
        "^c" => KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        "^z" => KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL),
        "^u" => KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL),
        "^w" => KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL),
        letter => plain(KeyCode::Char(letter.chars().next().unwrap())),
    }
}

/// Presses keys: names by spaces, and after a `:` what is typed.
pub fn press(app: &mut App<'_>, keys: &str) -> super::app::Next {
    let mut next = super::app::Next::Stay;
    for name in keys.split_whitespace() {
        match name.strip_prefix(':') {
            Some(text) => {
                for c in text.chars() {
                    next = app.press(&key(&c.to_string()));
                }
            }
            None => next = app.press(&key(name)),
        }
    }
    next
}
