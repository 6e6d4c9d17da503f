//! The tree of files of some layers: what is added up, which folders are open, and what is selected.

use super::filter::{Only, Pattern};
use super::index::{Change, Index, Item};
use super::list::{List, Step};
use std::cmp::Reverse;

/// So many hits are shown in open folders; where there are more, more should be typed.
const MOST_OPENED: u32 = 2_000;

/// Which layers' files are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The first layer, from 0.
    pub first: u32,
    /// The last layer.
    pub last: u32,
    /// The last layer that counts for what is hidden.
    pub horizon: u32,
    /// The layer whose changes are marked; none for the whole image.
    pub marked: Option<u32>,
}

/// A row of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder, by its number.
    Folder(u32),
    /// An item that is none.
    Item(u32),
}

/// A row, and how many folders it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub node: Node,
    /// How deep it is; what lies at the root is 0.
    pub depth: u32,
}

/// What is in a folder, all below it included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// What the entries take in the tars, in bytes.
    pub bytes: u64,
    /// What of it is hidden, in bytes; folders' own entries are not.
    pub hidden: u64,
    /// How many entries.
    pub entries: u32,
}

/// What comes first in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The largest.
    #[default]
    Size,
    /// Folders, then files, each by name.
    Name,
}

/// The tree.
pub struct Files {
    /// Whose files.
    pub scope: Scope,
    /// What they have to be.
    pub only: Only,
    /// What they are called.
    pub pattern: Pattern,
    /// What comes first.
    pub sort: Sort,
    /// The rows of all open folders.
    pub rows: Vec<Row>,
    /// The cursor.
    pub list: List,
    /// By layer, the bytes and entries that the filters take.
    pub taken: Vec<(u64, u32)>,
    matches: Option<Vec<bool>>,
    sums: Vec<Sum>,
    open: Vec<bool>,
    /// What was open before something was looked for.
    opened_before: Option<Vec<bool>>,
}

impl Files {
    /// Those of `scope`, all folders closed.
    pub fn new(index: &Index<'_>, scope: Scope) -> Self {
        let mut files = Self {
            scope,
            only: Only::All,
            pattern: Pattern::default(),
            sort: Sort::default(),
            rows: Vec::new(),
            list: List::default(),
            taken: Vec::new(),
            matches: None,
            sums: Vec::new(),
            open: vec![false; index.folders.len()],
            opened_before: None,
        };
        files.count(index);
        files
    }

    /// The selected row.
    pub fn selected(&self) -> Option<Row> {
        self.rows.get(self.list.cursor).copied()
    }

    /// What is in `folder`.
    pub fn sum(&self, folder: u32) -> Sum {
        self.sums.get(folder as usize).copied().unwrap_or_default()
    }

    /// Whether `folder` is open.
    pub fn is_open(&self, folder: u32) -> bool {
        self.open.get(folder as usize).copied().unwrap_or_default()
    }

    /// Something is looked for.
    pub fn is_filtered(&self) -> bool {
        self.only != Only::All || !self.pattern.is_empty()
    }

    /// The uppermost of a folder's own entries that are shown; none if no layer lists it.
    pub fn own<'i>(&self, index: &'i Index<'_>, folder: u32) -> Option<&'i Item> {
        let its = index.items_in(folder).iter().map(|number| &index.items[*number as usize]);
        let its = its.take_while(|item| item.is_folder).filter(|item| self.is_in_scope(item));
        its.max_by_key(|item| item.layer)
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step) {
        self.list.step(step, self.rows.len());
    }

    /// Shows the files of `scope`.
    pub fn look_at(&mut self, index: &Index<'_>, scope: Scope) {
        if scope != self.scope {
            self.scope = scope;
            self.count(index);
        }
    }

    /// Shows what `only` takes, or all if it does already.
    pub fn toggle(&mut self, index: &Index<'_>, only: Only) {
        self.only = if self.only == only { Only::All } else { only };
        self.filter(index);
    }

    /// Looks for what `change` makes of the pattern.
    pub fn retype(&mut self, index: &Index<'_>, change: impl FnOnce(&mut Pattern)) {
        change(&mut self.pattern);
        self.matches = self.pattern.matches(index);
        self.filter(index);
    }

    /// Changes what comes first.
    pub fn resort(&mut self, index: &Index<'_>) {
        self.sort = if self.sort == Sort::Size { Sort::Name } else { Sort::Size };
        self.list_rows(index);
    }

    /// Opens or closes all folders.
    pub fn open_all(&mut self, index: &Index<'_>, open: bool) {
        self.open.fill(open);
        self.list_rows(index);
    }

    /// Opens or closes the selected folder; false if it is none.
    pub fn toggle_folder(&mut self, index: &Index<'_>) -> bool {
        let Some(Row { node: Node::Folder(folder), .. }) = self.selected() else { return false };
        self.set_open(index, folder, !self.is_open(folder));
        true
    }

    /// Opens the selected folder, or goes into it if it is open.
    pub fn go_in(&mut self, index: &Index<'_>) {
        if let Some(Row { node: Node::Folder(folder), .. }) = self.selected() {
            if self.is_open(folder) {
                self.step(Step::Down);
            } else {
                self.set_open(index, folder, true);
            }
        }
    }

    /// Closes the selected folder, or goes to the one that the selected row is in.
    pub fn go_out(&mut self, index: &Index<'_>) {
        let Some(row) = self.selected() else { return };
        match row.node {
            Node::Folder(folder) if self.is_open(folder) => self.set_open(index, folder, false),
            _ => {
                let above = self.rows[..self.list.cursor].iter().rposition(|other| other.depth < row.depth);
                self.list.to(above.unwrap_or(self.list.cursor), self.rows.len());
            }
        }
    }

    /// Selects `item`, and opens the folders that it is in; false if it is not shown.
    pub fn reveal(&mut self, index: &Index<'_>, number: u32) -> bool {
        let Some(item) = index.items.get(number as usize).filter(|item| self.takes(index, number, item)) else {
            return false;
        };
        let mut folder = item.folder;
        while folder != 0 {
            self.open[folder as usize] = true;
            folder = index.folders[folder as usize].parent;
        }
        self.list_rows(index);
        let node = if item.is_folder { Node::Folder(item.folder) } else { Node::Item(number) };
        let place = self.rows.iter().position(|row| row.node == node);
        place.iter().for_each(|place| self.list.to(*place, self.rows.len()));
        place.is_some()
    }

    fn set_open(&mut self, index: &Index<'_>, folder: u32, open: bool) {
        self.open[folder as usize] = open;
        let Some(at) = self.rows.iter().position(|row| row.node == Node::Folder(folder)) else { return };
        let depth = self.rows[at].depth;
        let end = self.rows[at + 1..].iter().position(|row| row.depth <= depth).map_or(self.rows.len(), |n| at + 1 + n);
        if open {
            self.open_lone(index, folder);
        }
        let below = if open { self.below(index, folder, depth + 1) } else { Vec::new() };
        self.rows.splice(at + 1..end, below);
        self.list.to(self.list.cursor, self.rows.len());
    }

    /// Opens what is alone in `folder`, and what is alone in that: there is nothing to choose.
    fn open_lone(&mut self, index: &Index<'_>, folder: u32) {
        let mut at = folder;
        while let [Node::Folder(only)] = self.children(index, at)[..] {
            self.open[only as usize] = true;
            at = only;
        }
    }

    /// Filters anew; few hits are shown at once.
    fn filter(&mut self, index: &Index<'_>) {
        if let Some(before) = self.opened_before.take() {
            self.open = before;
        }
        self.add_up(index);
        if self.is_filtered() && self.sum(0).entries <= MOST_OPENED {
            self.opened_before = Some(std::mem::replace(&mut self.open, vec![true; index.folders.len()]));
        }
        self.list_rows(index);
    }

    fn count(&mut self, index: &Index<'_>) {
        self.add_up(index);
        self.list_rows(index);
    }

    fn is_in_scope(&self, item: &Item) -> bool {
        (self.scope.first..=self.scope.last).contains(&item.layer)
            && (item.change != Change::Deletes || self.scope.marked == Some(item.layer))
    }

    fn takes(&self, index: &Index<'_>, number: u32, item: &Item) -> bool {
        self.is_in_scope(item) && self.fits(index, number, item)
    }

    /// Whether the filters take it, whatever its layer is.
    fn fits(&self, index: &Index<'_>, number: u32, item: &Item) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches[number as usize])
            && self.only.takes(index, item, self.scope.horizon)
    }

    /// Adds up what the filters take: each entry once, and each folder once.
    fn add_up(&mut self, index: &Index<'_>) {
        self.sums = vec![Sum::default(); index.folders.len()];
        for number in index.of_layers(self.scope.first, self.scope.last) {
            let item = &index.items[number];
            if self.takes(index, number as u32, item) {
                let bytes = item.bytes;
                let sum = &mut self.sums[item.folder as usize];
                let hidden = !item.is_folder && item.is_hidden(self.scope.horizon);
                sum.bytes += bytes;
                sum.hidden += if hidden { bytes } else { 0 };
                sum.entries += 1;
            }
        }
        // Who is above comes before.
        for folder in (1..index.folders.len()).rev() {
            let below = self.sums[folder];
            let sum = &mut self.sums[index.folders[folder].parent as usize];
            sum.bytes += below.bytes;
            sum.hidden += below.hidden;
            sum.entries += below.entries;
        }
        self.add_up_layers(index);
    }

    fn add_up_layers(&mut self, index: &Index<'_>) {
        self.taken.clear();
        if self.is_filtered() {
            let layers = index.items.last().map_or(0, |item| item.layer + 1);
            self.taken = vec![(0, 0); layers as usize];
            for (number, item) in index.items.iter().enumerate() {
                if self.fits(index, number as u32, item) {
                    let (bytes, entries) = &mut self.taken[item.layer as usize];
                    *bytes += item.bytes;
                    *entries += 1;
                }
            }
        }
    }

    /// Lists all rows anew; what was selected, or the next folder above it, stays so.
    fn list_rows(&mut self, index: &Index<'_>) {
        let selected = self.selected().map(|row| row.node);
        self.rows = self.below(index, 0, 0);
        let at = selected.and_then(|node| self.place(index, node)).unwrap_or(0);
        self.list.to(at, self.rows.len());
    }

    fn place(&self, index: &Index<'_>, node: Node) -> Option<usize> {
        let find = |node: Node| self.rows.iter().position(|row| row.node == node);
        let mut folder = match node {
            Node::Folder(folder) => folder,
            Node::Item(item) => match find(node) {
                Some(place) => return Some(place),
                None => index.items[item as usize].folder,
            },
        };
        while folder != 0 {
            if self.sum(folder).entries > 0
                && let Some(place) = find(Node::Folder(folder))
            {
                return Some(place);
            }
            folder = index.folders[folder as usize].parent;
        }
        None
    }

    /// All rows below `folder`, which are `depth` deep, with those of open folders.
    fn below(&self, index: &Index<'_>, folder: u32, depth: u32) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut rest = Vec::new();
        let row = |depth| move |node| Row { node, depth };
        rest.extend(self.children(index, folder).into_iter().rev().map(row(depth)));
        while let Some(next) = rest.pop() {
            rows.push(next);
            if let Node::Folder(folder) = next.node
                && self.is_open(folder)
            {
                rest.extend(self.children(index, folder).into_iter().rev().map(row(next.depth + 1)));
            }
        }
        rows
    }

    fn children(&self, index: &Index<'_>, folder: u32) -> Vec<Node> {
        let folders = index.folders_in(folder).iter().filter(|folder| self.sum(**folder).entries > 0);
        let takes = |number: &&u32| {
            let item = &index.items[**number as usize];
            !item.is_folder && self.takes(index, **number, item)
        };
        let items = index.items_in(folder).iter().filter(takes);
        let mut children: Vec<Node> =
            folders.map(|folder| Node::Folder(*folder)).chain(items.map(|item| Node::Item(*item))).collect();
        if self.sort == Sort::Size {
            children.sort_by_cached_key(|node| Reverse(self.size(index, *node)));
        }
        children
    }

    /// What a row takes, in bytes.
    pub fn size(&self, index: &Index<'_>, node: Node) -> u64 {
        match node {
            Node::Folder(folder) => self.sum(folder).bytes,
            Node::Item(item) => index.items[item as usize].bytes,
        }
    }
}
