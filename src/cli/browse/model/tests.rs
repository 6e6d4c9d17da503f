//! What is seen after which keys, with no terminal.

use super::app::{App, Next, Pane};
use super::files::Node;
use super::fixture::{Image, file, folder, link, mode, press, shop};
use super::index::Change;
use super::keys::Page;
use super::pages::{GrowthRow, What};
use crate::blame::{Survey, blame_surveyed};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The rows of the tree, each with its mark, its size and its path.
fn tree(app: &mut App<'_>) -> String {
    let opened = app.opened();
    let (files, index) = (&opened.files, &opened.index);
    let mut text = String::new();
    for (number, row) in files.rows.iter().enumerate() {
        let at = if number == files.list.cursor { ">" } else { " " };
        let (name, item) = match row.node {
            Node::Folder(folder) => (format!("{}/", index.folders[folder as usize].path), files.own(index, folder)),
            Node::Item(item) => (index.path(&index.items[item as usize]), Some(&index.items[item as usize])),
        };
        let change = match item.filter(|item| files.scope.marked == Some(item.layer)).map(|item| item.change) {
            Some(Change::Added) => "A",
            Some(Change::Changed) => "C",
            Some(Change::Touched) => "M",
            Some(Change::Deletes) => "D",
            Some(Change::Same) | None => " ",
        };
        let hidden = if item.is_some_and(|item| item.is_hidden(files.scope.horizon)) { "H" } else { " " };
        writeln!(text, "{at}{change}{hidden} {} {}", files.size(index, row.node), name.escape_default()).unwrap();
    }
    text
}

#[test]
fn the_whole_image_has_every_entry_once() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "+");
    insta::assert_snapshot!(tree(&mut app));
    let opened = app.opened();
    let framing = 1024 * shop.facts.layers.len() as u64;
    let deleting = 2 * 512;
    assert_eq!(opened.files.sum(0).bytes + framing + deleting, shop.blame.size.0);
    let hidden: u64 = shop.blame.hidden.iter().map(|hidden| hidden.size.0).sum();
    assert_eq!(opened.files.sum(0).hidden, hidden);
    assert_eq!(opened.layers.all.iter().map(|layer| layer.hidden).sum::<u64>(), hidden);
}

#[test]
fn a_layer_has_its_changes_or_all_up_to_it() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "+ down down down");
    insta::assert_snapshot!("changes", tree(&mut app));
    press(&mut app, "a");
    insta::assert_snapshot!("up_to", tree(&mut app));
    press(&mut app, "down");
    let touched = tree(&mut app);
    assert!(touched.contains("M  20000256 app/server\n") || touched.contains("M  20000768 app/server\n"), "{touched}");
}

#[test]
fn filters_find_by_part_and_by_pattern_and_open_what_they_find() {
    let shop = shop();
    let mut app = shop.app();
    let mut found = |keys: &str| {
        press(&mut app, keys);
        let opened = app.opened();
        let index = &opened.index;
        let items = opened.files.rows.iter().filter_map(|row| match row.node {
            Node::Item(item) => Some(index.path(&index.items[item as usize])),
            Node::Folder(_) => None,
        });
        items.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("/ :SERVER"), "app/server app/server app/server.map");
    assert_eq!(found("back back back back back back :*.map"), "app/server.map");
    assert_eq!(found("^u :/app/*"), "app/server app/server app/server.map");
    assert_eq!(found("^u :/app/**db"), "app/data/copy.db app/data/shop.db");
    assert_eq!(found("^u :data/*.db"), "app/data/copy.db app/data/shop.db");
    assert_eq!(found("^u :s*e*.m*p"), "app/server.map");
    assert_eq!(found("^u :s*map*p"), "");
    assert_eq!(found("^u :data/*.db"), "app/data/copy.db app/data/shop.db");
    assert_eq!(found("^w"), "app/data/copy.db app/data/shop.db", "`data/` is left");
    assert_eq!(found("^u :(["), "");
    assert_eq!(found("^u :*(["), "");
    // Letters are typed, and do nothing else.
    assert_eq!(found("^u :q"), "");
    assert_eq!(found("esc"), "bin", "folders are closed as they were");
    assert_eq!(found("x"), "build/objects.o build/名前\u{1b}[2J.txt app/server app/server.map etc/passwd");
    assert_eq!(found("d"), "app/data/copy.db app/data/shop.db");
    assert_eq!(found("u"), "usr/bin/sudo");
    assert_eq!(found("w"), "app/data/shop.db");
    assert_eq!(found("w + v / :passwd enter"), "etc/passwd");
    assert_eq!(found("esc -"), "bin");
}

#[test]
fn layers_tell_what_the_filter_finds_in_each() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "/ :server enter");
    let counts: Vec<u32> = app.opened().files.taken.iter().map(|(_, entries)| *entries).collect();
    assert_eq!(counts, [0, 2, 1, 1]);
}

#[test]
fn the_cursor_goes_in_and_out_and_stays_where_it_was() {
    let shop = shop();
    let mut app = shop.app();
    let at = |app: &mut App<'_>| tree(app).lines().find(|line| line.starts_with('>')).unwrap_or_default().to_owned();
    press(&mut app, "tab right right");
    assert!(at(&mut app).ends_with("app/server"), "{}", tree(&mut app));
    press(&mut app, "s");
    assert!(at(&mut app).ends_with("app/server"), "{}", tree(&mut app));
    press(&mut app, "left");
    assert!(at(&mut app).ends_with(" app/"));
    press(&mut app, "left");
    assert_eq!(tree(&mut app).matches("app/").count(), 1, "it is closed");
    assert_eq!(app.pane, Pane::Files);
    press(&mut app, "left");
    assert_eq!(app.pane, Pane::Layers, "there is nothing above");
    press(&mut app, "tab end g G k pgdn j");
    assert!(at(&mut app).ends_with(" bin"), "{}", tree(&mut app));
}

#[test]
fn from_a_hidden_file_to_what_hides_it_and_from_twin_to_twin() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "tab / :objects enter down down o");
    assert!(tree(&mut app).contains(">D  512 build\n"), "{}", tree(&mut app));
    assert_eq!(app.opened().layers.selected(), Some(2));
    press(&mut app, "o");
    assert_eq!(app.note.as_deref(), Some("no layer hides it"));
    let mut app = shop.app();
    press(&mut app, "tab / :copy.db enter end t");
    assert!(
        tree(&mut app).lines().any(|line| line.starts_with('>') && line.ends_with("shop.db")),
        "{}",
        tree(&mut app)
    );
    press(&mut app, "t");
    assert!(
        tree(&mut app).lines().any(|line| line.starts_with('>') && line.ends_with("copy.db")),
        "{}",
        tree(&mut app)
    );
}

/// Chooses the first change of this kind that is there still, or is not.
fn to_change(app: &mut App<'_>, what: What, is_there: bool) {
    press(app, "3 g");
    let rows = &app.opened().grown.as_ref().unwrap().rows;
    let is_it = |row: &GrowthRow<'_>| matches!(row, GrowthRow::Change(of, change) if *of == what && change.is.is_some() == is_there);
    let place = rows.iter().position(is_it).unwrap();
    for _ in 0..place {
        press(app, "j");
    }
    press(app, "enter");
}

#[test]
fn pages_lead_back_to_the_files() {
    let before = shop();
    let mut layers = vec![(4, "COPY --from=build /out /", vec![folder("app"), file("app/server", 21_000_000, 30)])];
    layers.insert(0, (1, "FROM debian:13", vec![file("etc/passwd", 900, 1)]));
    let now = Image::new("shop", layers).since(&before);
    let mut app = now.app();
    press(&mut app, "3 enter");
    assert_eq!((app.page, app.note.as_deref()), (Page::Growth, None), "a heading leads nowhere");
    to_change(&mut app, What::File, false);
    assert_eq!((app.page, app.note.as_deref()), (Page::Growth, Some("it is in the other image only")));
    to_change(&mut app, What::Part, true);
    assert_eq!((app.page, app.note.as_deref()), (Page::Growth, Some("only lines and files can be gone to")));
    to_change(&mut app, What::Line, true);
    assert_eq!((app.page, app.pane, app.opened().layers.selected()), (Page::Files, Pane::Layers, Some(1)));
    to_change(&mut app, What::File, true);
    assert_eq!((app.page, app.pane), (Page::Files, Pane::Files));
    assert!(
        tree(&mut app).lines().any(|line| line.starts_with('>') && line.ends_with("app/server")),
        "{}",
        tree(&mut app)
    );
    assert_eq!(press(&mut app, "2 enter"), Next::Stay);
    press(&mut app, "2 esc");
    assert_eq!(app.page, Page::Files);
    let mut app = before.app();
    press(&mut app, "3");
    assert_eq!(app.note.as_deref(), Some("nothing to compare with: give --against REF"));
    press(&mut app, "2 enter");
    assert_eq!((app.page, app.opened().layers.selected()), (Page::Files, Some(1)), "the line of the first cut");
}

#[test]
fn images_are_switched_and_keep_what_was_selected() {
    let (one, other) = (shop(), Image::new("empty", Vec::new()));
    let mut app = App::new(vec![one.subject(), other.subject()]).unwrap();
    press(&mut app, "down down n");
    assert_eq!((app.at, app.opened().layers.list.cursor), (1, 0));
    press(&mut app, "down tab down enter a x / :x enter esc + - o t 2 enter 3 1 p");
    assert_eq!((app.at, app.opened().layers.list.cursor), (0, 2));
    assert!(App::new(Vec::new()).is_none());
}

#[test]
fn leaving_closes_first_what_is_open() {
    let shop = shop();
    let mut app = shop.app();
    assert_eq!(press(&mut app, "? q"), Next::Stay);
    assert_eq!(press(&mut app, "? esc"), Next::Stay);
    assert_eq!(press(&mut app, "x esc"), Next::Stay);
    assert_eq!(press(&mut app, "/ :a esc"), Next::Stay);
    assert_eq!(press(&mut app, "esc"), Next::Leave);
    assert_eq!(press(&mut app, "q"), Next::Leave);
    assert_eq!(press(&mut app, "/ ^c"), Next::Interrupt);
    assert_eq!(press(&mut app, "^z"), Next::Suspend);
}

#[test]
fn what_was_deleted_with_its_folder_is_seen_no_more_until_it_is_made_again() {
    let layers = vec![
        (1, "FROM a", vec![folder("a"), folder("a/b"), file("a/b/c", 10, 1), folder("d"), file("d/e", 10, 2)]),
        (2, "RUN rm", vec![file(".wh.a", 0, 0), file("d/.wh..wh..opq", 0, 0)]),
        (3, "RUN mk", vec![folder("a"), folder("d"), mode(folder("f"), 0o777), link("a/b", "../d")]),
    ];
    let image = Image::new("gone", layers);
    let mut app = image.app();
    press(&mut app, "+ v");
    insta::assert_snapshot!(tree(&mut app));
    press(&mut app, "v s down down down");
    insta::assert_snapshot!("made_again", tree(&mut app));
    press(&mut app, "w");
    assert!(tree(&mut app).contains(" f/"), "{}", tree(&mut app));
    press(&mut app, "w g / :c enter end o");
}

/// 120,000 files in 4,000 folders of two layers.
fn large() -> Image {
    let layer = |of: &str| {
        let folders = (0..2_000).flat_map(|number| {
            let path = format!("usr/lib/{of}{}/node_modules/package-{number}", number % 7);
            let files = (0..30).map({
                let path = path.clone();
                move |file: u64| {
                    self::file(&format!("{path}/dist/file-{file}.js"), 3_000 + file * 400, number * 30 + file)
                }
            });
            std::iter::once(folder(&path)).chain(files.collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        folders.collect()
    };
    Image::new("large", vec![(1, "FROM base", layer("a")), (2, "COPY . .", layer("b"))])
}

/// That nothing is quadratic, and not how fast it is, which no test can promise on a busy machine: each key
/// with its time is printed with `--nocapture`.
#[test]
#[expect(clippy::print_stdout, reason = "seen with --nocapture")]
fn large_images_are_opened_and_every_key_is_answered() {
    let image = large();
    let begun = Instant::now();
    blame_surveyed(&image.facts, &image.origins, &Survey::of(&image.facts));
    println!("blamed in {:?}", begun.elapsed());
    let begun = Instant::now();
    let mut app = image.app();
    let opening = begun.elapsed();
    let mut slowest = (Duration::ZERO, "");
    for keys in [
        "down", "a", "down", "a", "up", "tab", "+", "end", "up", "left", "left", "g", "s", "-", "/", ":f", ":i", ":l",
        ":e-2", "back", "^u", ":*", ":.js", "enter", "esc", "x", "x", "d", "d", "v", "end", "t", "g", "+", "right",
        "enter", "enter", "2", "1",
    ] {
        let begun = Instant::now();
        press(&mut app, keys);
        slowest = slowest.max((begun.elapsed(), keys));
        println!("{keys}: {:?}", begun.elapsed());
    }
    println!("{} entries: opened in {opening:?}, slowest key {slowest:?}", app.opened().index.items.len());
    assert!(opening < Duration::from_secs(10) && slowest.0 < Duration::from_secs(5), "{opening:?} {slowest:?}");
}
