//! What nodes said of several images at once, before any of them is loaded.

use super::Image;
use crate::engine::Engine;
use crate::event::{Event, Events};
use crate::node::{Answer, Error, Node, Wanted};
use crate::types::{ByteSize, ImageId};
use futures_util::future::join_all;
use std::time::Instant;

/// The nodes' answers.
#[derive(Debug)]
pub struct Asked {
    begun: Instant,
    ids: Vec<ImageId>,
    /// The answer of each node, or why it gave none.
    nodes: Vec<(String, Result<Answer, Error>)>,
}

/// Asks `nodes` what they have of `images`, which `engine` holds. A node that does not answer is
/// asked again when an image is loaded: why it does not is said then.
pub async fn ask(engine: &Engine, images: &[Image], nodes: &[Node]) -> Asked {
    let begun = Instant::now();
    let wanted: Vec<Wanted> = images.iter().filter_map(|image| image.wanted().ok()).collect();
    let one = async |node: &Node| (node.name().to_owned(), node.ask(engine, &wanted).await);
    let answers = if wanted.is_empty() { Vec::new() } else { join_all(nodes.iter().map(one)).await };
    let ids = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    Asked { begun, ids, nodes: answers }
}

impl Asked {
    /// Why a node did not answer, if one did not: what it has is not known then.
    pub fn unanswered(&self) -> Option<&Error> {
        self.nodes.iter().find_map(|(_, answer)| answer.as_ref().err())
    }

    /// Says that all `nodes` have the image `id`, called `name`, if each of them said so; false if
    /// one did not.
    pub fn announce(&self, name: &str, id: &ImageId, nodes: &[Node], events: &Events) -> bool {
        let Some(at) = self.ids.iter().position(|one| one == id) else { return false };
        let has = |node: &Node| {
            let (_, answer) = self.nodes.iter().find(|(one, _)| one == node.name())?;
            let answer = answer.as_ref().ok()?;
            answer.found.get(at).filter(|found| found.complete).map(|_| (node.name().to_owned(), answer))
        };
        let Some(answers) = nodes.iter().map(has).collect::<Option<Vec<_>>>() else { return false };
        for (node, answer) in answers {
            let image = name.to_owned();
            events.say(Event::Reached { image: image.clone(), node: node.clone(), by: answer.by.clone() });
            let (how, ms) = (format!("asked {}", answer.asked), self.begun.elapsed().as_millis() as u64);
            events.say(Event::Loaded { image, node, id: id.clone(), sent: ByteSize(0), how, ms });
        }
        true
    }
}
