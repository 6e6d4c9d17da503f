//! `base.unpinned`: bases named by a tag that can move.

use crate::image::dockerfile::Reference;
use crate::types::ImageRef;
use crate::verify::subject::{Checked, Draft, NotChecked, Subject};

const RULE: &str = "base.unpinned";

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let not_checked = |why: String| Err(vec![NotChecked { rule: RULE, why }]);
    let Some((file, source)) = subject.dockerfile() else {
        return not_checked("the image's Dockerfile is not known".into());
    };
    let stage = source.stage.as_deref();
    if file.chain(stage).is_empty() {
        return not_checked(format!("`{}` has no stage `{}`", source.file, stage.unwrap_or("FROM")));
    }
    let references = file.references(stage, &source.args);
    Ok(references.iter().filter_map(|reference| draft(subject, reference)).collect())
}

fn draft(subject: &Subject<'_>, reference: &Reference) -> Option<Draft> {
    let draft = match &reference.resolved {
        None => unpinned(format!("`{}`, whose value is not known", reference.written)),
        Some(name) if name.parse::<ImageRef>().is_ok_and(|name| name.digest().is_some()) => return None,
        Some(name) => match subject.policy.digests.get(name) {
            None => unpinned(name.clone()),
            Some(digest) => unpinned(format!("{name}, now {digest}")).hint(format!("write `{name}@{digest}`")),
        },
    };
    Some(draft.at(subject.place(reference.line)))
}

fn unpinned(found: String) -> Draft {
    Draft::new(RULE, "a digest (`name:tag@sha256:…`)", found)
}
