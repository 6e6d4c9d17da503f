//! What is seen, cell by cell.

use super::{Ink, draw};
use crate::cli::browse::model::app::App;
use crate::cli::browse::model::fixture::{Image, file, press, shop};
use crate::cli::terminal::Paint;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

fn drawn(app: &mut App<'_>, (width, height): (u16, u16), paint: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, Ink(Paint(paint)), frame.area(), frame.buffer_mut())).unwrap();
    terminal.backend().buffer().clone()
}

/// The rows without what is empty at their ends.
fn screen(app: &mut App<'_>, size: (u16, u16)) -> String {
    let buffer = drawn(app, size, true);
    let row = |y: u16| {
        let (mut text, mut x) = (String::new(), 0);
        while x < size.0 {
            let symbol = buffer[(x, y)].symbol();
            text += symbol;
            // A wide character takes the next cell, too.
            x += console::measure_text_width(symbol).max(1) as u16;
        }
        text.trim_end().to_owned()
    };
    (0..size.1).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_whole_image_at_80_by_24() {
    let shop = shop();
    insta::assert_snapshot!(screen(&mut shop.app(), (80, 24)));
}

#[test]
fn a_layer_and_its_changes_at_120_by_30() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "down down enter + down down");
    insta::assert_snapshot!(screen(&mut app, (120, 30)));
}

#[test]
fn a_wide_terminal_has_all_columns() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "tab + x down down");
    insta::assert_snapshot!(screen(&mut app, (200, 24)));
}

#[test]
fn a_narrow_terminal_has_one_pane() {
    let shop = shop();
    let mut app = shop.app();
    insta::assert_snapshot!("narrow_layers", screen(&mut app, (40, 12)));
    press(&mut app, "tab right");
    insta::assert_snapshot!("narrow_files", screen(&mut app, (40, 12)));
}

#[test]
fn a_filter_is_typed() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "/ :serv");
    insta::assert_snapshot!(screen(&mut app, (80, 16)));
}

#[test]
fn what_could_go_and_what_is_more_or_less() {
    let now = shop();
    let before = Image::new("old", vec![(4, "COPY --from=build /out /", vec![file("app/server", 19_000_000, 9)])]);
    let now = now.since(&before);
    let mut app = now.app();
    press(&mut app, "2 down");
    insta::assert_snapshot!("cuts", screen(&mut app, (100, 20)));
    press(&mut app, "3 down");
    insta::assert_snapshot!("growth", screen(&mut app, (100, 30)));
}

#[test]
fn the_help_lists_all_keys() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "?");
    insta::assert_snapshot!(screen(&mut app, (100, 36)));
    // It scrolls to its end where there is less room, and no further.
    drawn(&mut app, (60, 10), true);
    for _ in 0..100 {
        press(&mut app, "down");
    }
    let end = screen(&mut app, (60, 10));
    assert!(end.trim_end().ends_with("too"), "{end}");
    press(&mut app, "up");
    assert_ne!(screen(&mut app, (60, 10)), end);
}

#[test]
fn without_colour_letters_bold_and_reverse_say_it_all() {
    let shop = shop();
    let mut app = shop.app();
    press(&mut app, "tab + x down");
    let buffer = drawn(&mut app, (120, 30), false);
    for cell in buffer.content() {
        assert!(cell.fg == Color::Reset && cell.bg == Color::Reset, "{cell:?}");
        assert!((Modifier::BOLD | Modifier::REVERSED).contains(cell.modifier), "{cell:?}");
    }
    assert!(drawn(&mut app, (120, 30), true).content().iter().any(|cell| cell.fg == Color::Red));
}

#[test]
fn no_size_panics_and_no_control_character_is_drawn() {
    let shop = shop();
    let empty = Image::new("\u{1b}]0;x\u{7}名", Vec::new());
    let odd = Image::new("odd", vec![(1, "RUN \u{1b}[31m\n名前", (0..40).map(deep).collect())]);
    let mut app = App::new(vec![shop.subject(), empty.subject(), odd.subject()]).unwrap();
    for keys in [
        "+", "tab", "x", "/", ":名", "enter", "esc", "2", "3", "1", "?", "?", "n", "tab", "?", "?", "2", "1", "n", "+",
        "tab", "end", "a",
    ] {
        press(&mut app, keys);
        for size in [(0, 0), (1, 1), (2, 3), (5, 1), (20, 5), (7, 30), (69, 9), (70, 10), (81, 21), (300, 3), (230, 60)]
        {
            for cell in drawn(&mut app, size, true).content() {
                assert!(!cell.symbol().chars().any(char::is_control), "{keys} {size:?} {cell:?}");
            }
        }
    }
}

/// Deep folders with wide and with control characters in their names.
fn deep(number: u64) -> crate::image::files::Entry {
    file(&format!("{}\u{9b}é\n{number}", "深い/".repeat(number as usize)), 10, number)
}
