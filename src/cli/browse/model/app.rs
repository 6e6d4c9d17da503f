//! The whole of it: images, pages, panes, and what each action does.

use super::filter::Pattern;
use super::keys::{self, Action, Page};
use super::layers::Extent;
use super::list::{List, Step};
use super::opened::{Opened, Subject};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A side of the page of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// Layers, left.
    #[default]
    Layers,
    /// Files, right.
    Files,
}

/// What is to happen after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is drawn, and the next key awaited.
    Stay,
    /// All is done.
    Leave,
    /// The run is interrupted.
    Interrupt,
    /// The shell has the terminal for a while.
    Suspend,
}

/// What is seen of the help. It has no cursor: what moves is what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Help {
    /// The rows that are seen.
    pub list: List,
    /// How many there are, as the terminal is.
    pub length: usize,
}

/// The browser.
pub struct App<'a> {
    /// The images.
    pub subjects: Vec<Subject<'a>>,
    /// The number of the one that is looked at.
    pub at: usize,
    /// The page.
    pub page: Page,
    /// The pane that keys go to.
    pub pane: Pane,
    /// A filter is being typed.
    pub typing: bool,
    /// The help, if it is open.
    pub help: Option<Help>,
    /// What the last key could not do, and why.
    pub note: Option<String>,
    opened: Vec<Option<Opened<'a>>>,
}

impl<'a> App<'a> {
    /// A browser of `subjects`, the first of which is opened; none if there is none.
    pub fn new(subjects: Vec<Subject<'a>>) -> Option<Self> {
        let first = Opened::new(*subjects.first()?);
        let opened = std::iter::once(Some(first)).chain(subjects.iter().skip(1).map(|_| None)).collect();
        let (page, pane) = (Page::default(), Pane::default());
        Some(Self { subjects, at: 0, page, pane, typing: false, help: None, note: None, opened })
    }

    /// The image that is looked at.
    pub fn opened(&mut self) -> &mut Opened<'a> {
        let subject = self.subjects[self.at];
        self.opened[self.at].get_or_insert_with(|| Opened::new(subject))
    }

    /// Does what `pressed` asks for.
    pub fn press(&mut self, pressed: &KeyEvent) -> Next {
        self.note = None;
        let action = keys::action(pressed);
        match action {
            Some(Action::Interrupt) => Next::Interrupt,
            Some(Action::Suspend) => Next::Suspend,
            _ if self.typing => {
                self.type_key(pressed, action);
                Next::Stay
            }
            Some(action) if self.help.is_some() => {
                self.in_help(action);
                Next::Stay
            }
            Some(action) => self.act(action),
            None => Next::Stay,
        }
    }

    fn type_key(&mut self, pressed: &KeyEvent, action: Option<Action>) {
        let Opened { files, index, .. } = self.opened();
        let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
        match pressed.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                files.retype(index, Pattern::clear);
                self.typing = false;
            }
            KeyCode::Backspace if files.pattern.is_empty() => self.typing = false,
            KeyCode::Backspace => files.retype(index, Pattern::pop),
            KeyCode::Char('u') if control => files.retype(index, Pattern::clear),
            KeyCode::Char('w') if control => files.retype(index, Pattern::pop_word),
            KeyCode::Char(c) if pressed.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
                files.retype(index, |pattern| pattern.push(c));
            }
            KeyCode::Char(_) => {}
            _ => {
                if let Some(Action::Move(step)) = action {
                    files.step(step);
                }
            }
        }
    }

    fn in_help(&mut self, action: Action) {
        match (action, &mut self.help) {
            (Action::Move(step), Some(Help { list, length })) => {
                let down = matches!(step, Step::Down | Step::PageDown);
                list.cursor = if down { list.first + list.room.saturating_sub(1) } else { list.first };
                list.step(step, *length);
            }
            (Action::Help | Action::Back | Action::Leave, _) => self.help = None,
            _ => {}
        }
    }

    fn act(&mut self, action: Action) -> Next {
        match action {
            Action::Leave => return Next::Leave,
            Action::Back => return self.back(),
            Action::Help => self.help = Some(Help::default()),
            Action::Page(page) => self.turn_to(page),
            Action::NextImage => self.switch(1),
            Action::LastImage => self.switch(self.subjects.len().saturating_sub(1)),
            Action::Move(step) => self.step(step),
            Action::Choose => self.choose(),
            _ if self.page == Page::Files => self.act_on_files(action),
            _ => {}
        }
        Next::Stay
    }

    fn act_on_files(&mut self, action: Action) {
        let pane = self.pane;
        let Opened { files, index, layers, .. } = self.opened();
        match action {
            Action::NextPane => self.pane = if pane == Pane::Layers { Pane::Files } else { Pane::Layers },
            Action::In if pane == Pane::Layers => self.pane = Pane::Files,
            Action::In => files.go_in(index),
            Action::Out if pane == Pane::Files => self.go_out(),
            Action::Extent => {
                layers.extent = if layers.extent == Extent::Changes { Extent::UpTo } else { Extent::Changes };
                files.look_at(index, layers.scope());
                if layers.selected().is_none() {
                    self.note = Some("select a layer first: the whole image has all of them".to_owned());
                }
            }
            Action::Sort => files.resort(index),
            Action::OpenAll => files.open_all(index, true),
            Action::CloseAll => files.open_all(index, false),
            Action::Type => {
                // The first letter need not wait for it.
                index.haystack();
                self.typing = true;
            }
            Action::Only(only) => files.toggle(index, only),
            Action::Hider => self.go_to_hider(),
            Action::Twin => self.go_to_twin(),
            _ => {}
        }
    }

    fn go_out(&mut self) {
        let Opened { files, index, .. } = self.opened();
        let before = (files.list.cursor, files.rows.len());
        files.go_out(index);
        if before == (files.list.cursor, files.rows.len()) {
            self.pane = Pane::Layers;
        }
    }

    fn back(&mut self) -> Next {
        let page = std::mem::take(&mut self.page);
        let opened = self.opened();
        match (page, opened.files.is_filtered()) {
            (Page::Files, true) => opened.drop_filter(),
            (Page::Files, false) => return Next::Leave,
            _ => {}
        }
        Next::Stay
    }

    fn turn_to(&mut self, page: Page) {
        if page == Page::Growth && self.opened().grown.is_none() {
            self.note = Some("nothing to compare with: give --against REF".to_owned());
        } else {
            self.page = page;
        }
    }

    fn switch(&mut self, by: usize) {
        match self.subjects.len() {
            1 => self.note = Some("there is one image only".to_owned()),
            all => self.at = (self.at + by) % all,
        }
        if self.page == Page::Growth && self.opened().grown.is_none() {
            self.page = Page::Files;
        }
    }

    fn step(&mut self, step: Step) {
        let (page, pane) = (self.page, self.pane);
        let opened = self.opened();
        match (page, pane) {
            (Page::Cuts, _) => opened.cuts.list.step(step, opened.cuts.all.len()),
            (Page::Growth, _) => {
                if let Some(grown) = &mut opened.grown {
                    grown.list.step(step, grown.rows.len());
                }
            }
            (Page::Files, Pane::Files) => opened.files.step(step),
            (Page::Files, Pane::Layers) => {
                opened.layers.list.step(step, opened.layers.length());
                opened.look();
            }
        }
    }

    fn choose(&mut self) {
        match (self.page, self.pane) {
            (Page::Cuts, _) => self.go_to_cut(),
            (Page::Growth, _) => self.go_to_change(),
            (Page::Files, Pane::Layers) => self.pane = Pane::Files,
            (Page::Files, Pane::Files) => {
                let Opened { files, index, .. } = self.opened();
                files.toggle_folder(index);
            }
        }
    }
}
