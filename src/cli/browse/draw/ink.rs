//! How things look. Colour only repeats what letters say: without it, bold and reverse are left.

use crate::cli::terminal::Paint;
use ratatui::style::{Color, Modifier, Style};

/// What may be painted with.
#[derive(Clone, Copy, Debug)]
pub struct Ink(pub Paint);

impl Ink {
    /// For titles and names.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// For what matters least.
    pub fn faint(self) -> Style {
        self.with(Color::DarkGray, Style::new())
    }

    /// For what is hidden or deleted.
    pub fn bad(self) -> Style {
        self.with(Color::Red, Style::new())
    }

    /// For what has changed, and what is there twice.
    pub fn warn(self) -> Style {
        self.with(Color::Yellow, Style::new())
    }

    /// For what is new.
    pub fn good(self) -> Style {
        self.with(Color::Green, Style::new())
    }

    /// For folders.
    pub fn folder(self) -> Style {
        self.with(Color::Blue, self.strong())
    }

    /// For the selected row, where keys go and where not.
    pub fn selected(self, focused: bool) -> Style {
        Style::new().add_modifier(if focused { Modifier::REVERSED } else { Modifier::BOLD })
    }

    fn with(self, color: Color, without: Style) -> Style {
        if self.0.0 { without.fg(color) } else { without }
    }
}
