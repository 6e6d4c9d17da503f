//! What must run beside an image. A need with an `image` is that image; one without is the image
//! of the plan that has the need's name, and is run as that image's own settings say. The two are
//! told apart by what is written, never by whether a name happens to exist.

use super::Resolver;
use crate::project::keys::nearest;
use crate::project::plan::Need;
use crate::project::problem::Wrong;
use crate::project::spans::join;
use crate::project::{Plan, default_tag, written};
use crate::types::ImageRef;
use std::collections::BTreeMap;

impl Resolver<'_> {
    /// The needs of the image `name`; `names` are those of all images.
    pub(super) fn needs(
        &mut self,
        image: &str,
        name: &str,
        needs: BTreeMap<String, written::Need>,
        names: &[String],
    ) -> Vec<Need> {
        let mut known = Vec::new();
        for (host, need) in needs {
            let path = join(&join(image, "needs"), &host);
            self.written(&path);
            for variable in need.env.keys() {
                self.variable(&join(&join(&path, "env"), variable), variable, "an environment variable");
            }
            let built_here = need.image.is_none();
            let reference = match need.image {
                Some(text) => self.parse(&join(&path, "image"), Some(text), |text| Ok(text.parse::<ImageRef>()?)),
                None => self.need_of_the_plan(&path, &host, name, names),
            };
            let Some(reference) = reference else { continue };
            let ready = need.ready.filter(|ready| self.ready(&join(&path, "ready"), ready));
            known.push(Need { name: host, image: reference, env: need.env, ready, built_here });
        }
        known
    }

    /// The name of the plan's image `host`. Its own tag is put in when all are known.
    fn need_of_the_plan(&mut self, path: &str, host: &str, name: &str, names: &[String]) -> Option<ImageRef> {
        if names.iter().any(|known| known == host) {
            return default_tag(host).map(|(tag, _)| tag);
        }
        let others = names.iter().map(String::as_str).filter(|other| *other != name);
        let near = nearest(host, others).map(str::to_owned);
        self.wrong_key(path, Wrong::NeedImage { need: host.to_owned(), nearest: near });
        None
    }

    fn ready(&mut self, path: &str, text: &str) -> bool {
        self.written(path);
        let port = text.strip_prefix("tcp:");
        let good = !text.trim().is_empty() && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !good {
            self.wrong(path, Wrong::Value { what: "`ready` is a command, or a port as `tcp:5432`" });
        }
        good
    }

    /// Two images with one name would take it from each other.
    pub(super) fn shared_tags(&mut self, plan: &Plan) {
        let mut owners: BTreeMap<&ImageRef, &str> = BTreeMap::new();
        for image in &plan.images {
            for tag in &image.tags {
                let Some(first) = owners.insert(tag, &image.name) else { continue };
                if first == image.name {
                    continue;
                }
                let (first, second, text) = (first.to_owned(), image.name.clone(), tag.to_string());
                let path = join(&join("image", &image.name), "tag");
                self.wrong_part(&path, &text, Wrong::SharedTag { tag: text.clone(), first, second });
            }
        }
    }

    /// Says each circle of needs once.
    pub(super) fn circles(&mut self, plan: &Plan) {
        let needs = |name: &str| -> Vec<String> {
            let image = plan.images.iter().find(|image| image.name == name);
            let here = image.into_iter().flat_map(|image| &image.needs).filter(|need| need.built_here);
            here.map(|need| need.name.clone()).collect()
        };
        let mut done: Vec<String> = Vec::new();
        for image in &plan.images {
            if let Some(circle) = circle_from(std::slice::from_ref(&image.name), &needs, &mut done) {
                let path = circle.first().zip(circle.get(1)).map(|(a, b)| format!("{}.needs.{b}", join("image", a)));
                self.wrong_key(&path.unwrap_or_default(), Wrong::Circle { circle });
            }
        }
    }
}

/// The circle that following `trail` onward comes to, if any; images that lead to none are `done`.
fn circle_from(trail: &[String], needs: &dyn Fn(&str) -> Vec<String>, done: &mut Vec<String>) -> Option<Vec<String>> {
    let last = trail.last()?;
    if done.contains(last) {
        return None;
    }
    let mut found = None;
    for next in needs(last) {
        let mut further = trail.to_vec();
        further.push(next.clone());
        let closed = trail.iter().position(|name| *name == next).map(|start| further[start..].to_vec());
        found = found.or(closed.or_else(|| circle_from(&further, needs, done)));
        if found.is_some() {
            break;
        }
    }
    done.push(last.clone());
    found
}

/// Puts the own tag of each image of the plan where another needs it.
pub fn fill_own_tags(plan: &mut Plan) {
    let own: BTreeMap<String, ImageRef> =
        plan.images.iter().filter_map(|image| Some((image.name.clone(), image.tags.first()?.clone()))).collect();
    for need in plan.images.iter_mut().flat_map(|image| &mut image.needs).filter(|need| need.built_here) {
        if let Some(tag) = own.get(&need.name) {
            need.image = tag.clone();
        }
    }
}
