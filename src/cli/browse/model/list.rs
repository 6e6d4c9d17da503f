//! A list with a cursor, of which so much is shown as there is room.

/// The cursor of a list, and what is shown of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The selected row, from 0.
    pub cursor: usize,
    /// The first row that is shown.
    pub first: usize,
    /// How many rows there is room for.
    pub room: usize,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl List {
    /// Moves the cursor of a list of `length` rows.
    pub fn step(&mut self, step: Step, length: usize) {
        // One row stays, to see where one was.
        let page = self.room.saturating_sub(1).max(1);
        let to = match step {
            Step::Up => self.cursor.saturating_sub(1),
            Step::Down => self.cursor.saturating_add(1),
            Step::PageUp => self.cursor.saturating_sub(page),
            Step::PageDown => self.cursor.saturating_add(page),
            Step::First => 0,
            Step::Last => length,
        };
        self.to(to, length);
    }

    /// Puts the cursor on row `to`, or on the last if there are less.
    pub fn to(&mut self, to: usize, length: usize) {
        self.cursor = to.min(length.saturating_sub(1));
        self.show(length);
    }

    /// There is room for `room` rows of `length` now.
    pub fn resize(&mut self, room: usize, length: usize) {
        self.room = room;
        self.to(self.cursor, length);
    }

    /// Moves what is shown as little as the cursor wants, and leaves no room empty.
    fn show(&mut self, length: usize) {
        let room = self.room.max(1);
        self.first = self.first.clamp((self.cursor + 1).saturating_sub(room), self.cursor);
        self.first = self.first.min(length.saturating_sub(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_shown_and_no_room_stays_empty() {
        let mut list = List::default();
        list.resize(5, 12);
        list.step(Step::Last, 12);
        assert_eq!((list.cursor, list.first), (11, 7));
        list.step(Step::PageUp, 12);
        assert_eq!((list.cursor, list.first), (7, 7));
        list.resize(20, 12);
        assert_eq!((list.cursor, list.first), (7, 0));
        list.resize(0, 12);
        list.step(Step::Up, 12);
        assert_eq!((list.cursor, list.first), (6, 6));
        list.to(9, 3);
        assert_eq!((list.cursor, list.first), (2, 2));
        list.to(9, 0);
        assert_eq!((list.cursor, list.first), (0, 0));
    }
}
