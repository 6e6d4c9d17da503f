//! What each key does: one table, from which keys are read, the help is shown and the document is made.

use super::filter::Only;
use super::list::Step;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Moves the cursor.
    Move(Step),
    /// Closes the folder, goes to the one above, or back to the layers.
    Out,
    /// Opens the folder, or goes into it.
    In,
    /// Chooses: a layer's files, a folder, where a cut or a change is.
    Choose,
    /// The next pane.
    NextPane,
    /// A layer's changes, or all up to it.
    Extent,
    /// By size, or by name.
    Sort,
    /// Opens all folders.
    OpenAll,
    /// Closes all folders.
    CloseAll,
    /// Begins to type a filter.
    Type,
    /// Shows only these, or all again.
    Only(Only),
    /// The layer that hides the selected file.
    Hider,
    /// The next file of the same content.
    Twin,
    /// A page.
    Page(Page),
    /// The next image.
    NextImage,
    /// The image before.
    LastImage,
    /// The help, or away with it.
    Help,
    /// Away with what was opened last; leaves if nothing was.
    Back,
    /// Leaves.
    Leave,
    /// Leaves as interrupted.
    Interrupt,
    /// Gives the terminal to the shell until it continues this.
    Suspend,
}

/// What there is to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Layers and files.
    #[default]
    Files,
    /// What could be left out.
    Cuts,
    /// What is more or less than in another image.
    Growth,
}

/// Keys of one meaning.
pub struct Key {
    /// How they are written.
    pub keys: &'static str,
    /// What they do.
    pub does: &'static str,
    /// What each does.
    codes: &'static [(KeyModifiers, KeyCode, Action)],
}

const NO: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

const fn letter(letter: char, action: Action) -> (KeyModifiers, KeyCode, Action) {
    (NO, KeyCode::Char(letter), action)
}

const fn control(letter: char, action: Action) -> (KeyModifiers, KeyCode, Action) {
    (CTRL, KeyCode::Char(letter), action)
}

const fn key(code: KeyCode, action: Action) -> (KeyModifiers, KeyCode, Action) {
    (NO, code, action)
}

const UP: Action = Action::Move(Step::Up);
const DOWN: Action = Action::Move(Step::Down);
const PAGE_UP: Action = Action::Move(Step::PageUp);
const PAGE_DOWN: Action = Action::Move(Step::PageDown);
const FIRST: Action = Action::Move(Step::First);
const LAST: Action = Action::Move(Step::Last);

/// All keys, as the help lists them.
pub const KEYS: [Key; 24] = [
    Key {
        keys: "Up Down, k j",
        does: "one row up, down",
        codes: &[key(KeyCode::Up, UP), key(KeyCode::Down, DOWN), letter('k', UP), letter('j', DOWN)],
    },
    Key {
        keys: "PgUp PgDn, Ctrl-B Ctrl-F",
        does: "one page up, down",
        codes: &[
            key(KeyCode::PageUp, PAGE_UP),
            key(KeyCode::PageDown, PAGE_DOWN),
            control('b', PAGE_UP),
            control('f', PAGE_DOWN),
        ],
    },
    Key {
        keys: "Home End, g G",
        does: "to the first, last row",
        codes: &[key(KeyCode::Home, FIRST), key(KeyCode::End, LAST), letter('g', FIRST), letter('G', LAST)],
    },
    Key {
        keys: "Left Right, h l",
        does: "close the folder or go to the one above; open it or go into it",
        codes: &[
            key(KeyCode::Left, Action::Out),
            key(KeyCode::Right, Action::In),
            letter('h', Action::Out),
            letter('l', Action::In),
        ],
    },
    Key {
        keys: "Enter, Space",
        does: "layers: to its files; files: open or close the folder; other pages: go there",
        codes: &[key(KeyCode::Enter, Action::Choose), letter(' ', Action::Choose)],
    },
    Key {
        keys: "Tab",
        does: "from layers to files, and back",
        codes: &[key(KeyCode::Tab, Action::NextPane), key(KeyCode::BackTab, Action::NextPane)],
    },
    Key { keys: "a", does: "the layer's own changes, or all files up to it", codes: &[letter('a', Action::Extent)] },
    Key { keys: "s", does: "sort by size, or by name", codes: &[letter('s', Action::Sort)] },
    Key {
        keys: "+ -",
        does: "open, close all folders",
        codes: &[letter('+', Action::OpenAll), letter('=', Action::OpenAll), letter('-', Action::CloseAll)],
    },
    Key {
        keys: "/",
        does: "filter by part of the path, or with `*` and `**` by its end; Enter keeps it, Esc drops it",
        codes: &[letter('/', Action::Type)],
    },
    Key {
        keys: "v",
        does: "only what a container sees, or all again",
        codes: &[letter('v', Action::Only(Only::Seen))],
    },
    Key {
        keys: "x",
        does: "only what a later layer replaces or deletes",
        codes: &[letter('x', Action::Only(Only::Hidden))],
    },
    Key {
        keys: "d",
        does: "only duplicates: the same content under several names",
        codes: &[letter('d', Action::Only(Only::Twins))],
    },
    Key { keys: "u", does: "only programs with setuid or setgid", codes: &[letter('u', Action::Only(Only::SetId))] },
    Key { keys: "w", does: "only what everyone may change", codes: &[letter('w', Action::Only(Only::Writable))] },
    Key { keys: "o", does: "to the layer that hides the selected file", codes: &[letter('o', Action::Hider)] },
    Key { keys: "t", does: "to the next file of the same content", codes: &[letter('t', Action::Twin)] },
    Key {
        keys: "1 2 3",
        does: "layers and files; what could go; what is more or less (with --against)",
        codes: &[
            letter('1', Action::Page(Page::Files)),
            letter('2', Action::Page(Page::Cuts)),
            letter('3', Action::Page(Page::Growth)),
        ],
    },
    Key {
        keys: "n p",
        does: "the next image, the one before",
        codes: &[letter('n', Action::NextImage), letter('p', Action::LastImage)],
    },
    Key { keys: "?", does: "these keys, or away with them", codes: &[letter('?', Action::Help)] },
    Key {
        keys: "Esc",
        does: "drop the filter or close what is open; leave if nothing is",
        codes: &[key(KeyCode::Esc, Action::Back)],
    },
    Key { keys: "q", does: "leave (exit code 0)", codes: &[letter('q', Action::Leave)] },
    Key { keys: "Ctrl-C", does: "leave at once (exit code 130)", codes: &[control('c', Action::Interrupt)] },
    Key { keys: "Ctrl-Z", does: "suspend; `fg` comes back", codes: &[control('z', Action::Suspend)] },
];

/// What the marks of files mean.
pub const MARKS: [(&str, &str); 7] = [
    ("A", "added by the layer"),
    ("C", "changed by the layer: other content"),
    ("M", "the same content again: only mode, owner or time is another one"),
    ("D", "deletes what a layer below has"),
    ("H", "hidden: a later layer replaces or deletes it"),
    ("h", "some of what is in the folder is hidden"),
    ("=", "a container sees the same content under another name, too"),
];

/// What `pressed` asks for.
pub fn action(pressed: &KeyEvent) -> Option<Action> {
    // Which shift a letter takes is the keyboard's affair.
    let modifiers = pressed.modifiers - KeyModifiers::SHIFT;
    let mut all = KEYS.iter().flat_map(|key| key.codes);
    all.find(|(with, code, _)| *with == modifiers && *code == pressed.code).map(|(_, _, action)| *action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn no_key_has_two_meanings() {
        let all: Vec<_> = KEYS.iter().flat_map(|key| key.codes).map(|(with, code, _)| (with, code)).collect();
        for (number, one) in all.iter().enumerate() {
            assert!(!all[..number].contains(one), "{one:?}");
        }
    }

    #[test]
    fn capitals_come_with_shift_and_control_is_no_letter() {
        let pressed = |code, with| action(&KeyEvent::new(code, with));
        assert_eq!(pressed(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(LAST));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::NextPane));
        assert_eq!(pressed(KeyCode::Char('c'), CTRL), Some(Action::Interrupt));
        assert_eq!(pressed(KeyCode::Char('q'), CTRL), None);
        assert_eq!(pressed(KeyCode::Char('q'), KeyModifiers::ALT), None);
    }

    /// The table in `docs/why.md` is made of that in the code: `BLESS=1 cargo test` makes it anew.
    #[test]
    fn the_document_has_all_keys() {
        const BEGIN: &str = "<!-- Made from src/cli/browse/model/keys.rs; a test compares. -->\n";
        const END: &str = "<!-- End of the keys. -->";
        let row = |key: &Key| format!("| {} | {} |\n", key.keys, key.does);
        let table = format!("| keys | what they do |\n| --- | --- |\n{}", KEYS.iter().map(row).collect::<String>());
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/why.md");
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (kept, after) = rest.split_once(END).unwrap();
        if kept != table && std::env::var_os("BLESS").is_some() && std::env::var_os("CI").is_none() {
            std::fs::write(&file, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
            return;
        }
        assert_eq!(kept, table, "docs/why.md is out of date: run `BLESS=1 cargo test --lib keys`");
    }
}
