//! From one thing to what it has to do with.

use super::app::{App, Pane};
use super::files::Node;
use super::keys::Page;
use super::layers::{Extent, Layer};
use super::pages::{Grown, GrowthRow, What};

impl App<'_> {
    /// To the layer of the line that the selected cut is of.
    pub(super) fn go_to_cut(&mut self) {
        let opened = self.opened();
        let Some(cut) = opened.cuts.selected() else { return };
        let is_its = |layer: &Layer| cut.line.is_some() && layer.origin.line == cut.line;
        let Some(number) = opened.layers.all.iter().position(is_its) else {
            self.note = Some("its line is not known".to_owned());
            return;
        };
        opened.select_layer(number + 1);
        self.page = Page::Files;
        self.pane = Pane::Files;
    }

    /// To the file or the line that has changed.
    pub(super) fn go_to_change(&mut self) {
        let opened = self.opened();
        let Some(GrowthRow::Change(what, change)) = opened.grown.as_ref().and_then(Grown::selected) else { return };
        let (found, pane) = match what {
            What::File => (opened.seen(&change.what).is_some_and(|number| opened.reveal_in_image(number)), Pane::Files),
            What::Line => {
                let number = opened.layers.all.iter().position(|layer| layer.origin.text == change.what);
                number.iter().for_each(|number| opened.select_layer(number + 1));
                (number.is_some(), Pane::Layers)
            }
            What::Part => (false, Pane::Files),
        };
        if found {
            self.page = Page::Files;
            self.pane = pane;
        } else {
            let gone = change.is.is_none();
            let why = if gone { "it is in the other image only" } else { "only lines and files can be gone to" };
            self.note = Some(why.to_owned());
        }
    }

    pub(super) fn go_to_hider(&mut self) {
        let opened = self.opened();
        let Some((by, path)) = opened.item().and_then(|item| Some((item.hidden_by()?, opened.index.path(item)))) else {
            self.note = Some("no layer hides it".to_owned());
            return;
        };
        opened.layers.extent = Extent::Changes;
        opened.select_layer(by as usize + 1);
        if let Some(number) = opened.hider(by, &path) {
            opened.reveal(number);
        }
    }

    pub(super) fn go_to_twin(&mut self) {
        let opened = self.opened();
        let Some(Node::Item(number)) = opened.files.selected().map(|row| row.node) else { return };
        let twins: Vec<u32> = opened.index.twins(&opened.index.items[number as usize]).collect();
        let next = twins.iter().position(|twin| *twin == number).map_or(0, |at| (at + 1) % twins.len());
        let Some(twin) = twins.get(next).copied() else {
            self.note = Some("a container sees its content under no other name".to_owned());
            return;
        };
        if !opened.reveal(twin) {
            opened.reveal_in_image(twin);
        }
    }
}
