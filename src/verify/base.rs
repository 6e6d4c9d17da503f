//! `base.unpinned`: bases named by a tag that can move. One finding a base, however many lines name
//! it.

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
    let mut bases: Vec<Vec<Reference>> = Vec::new();
    for reference in file.references(stage, &source.args).into_iter().filter(|reference| !is_pinned(reference)) {
        match bases.iter_mut().find(|base| name(&base[0]) == name(&reference)) {
            Some(base) => base.push(reference),
            None => bases.push(vec![reference]),
        }
    }
    Ok(bases.iter().map(|base| draft(subject, base)).collect())
}

fn is_pinned(reference: &Reference) -> bool {
    let resolved = reference.resolved.as_deref().and_then(|name| name.parse::<ImageRef>().ok());
    resolved.is_some_and(|name| name.digest().is_some())
}

fn name(reference: &Reference) -> &str {
    reference.resolved.as_deref().unwrap_or(&reference.written)
}

fn draft(subject: &Subject<'_>, base: &[Reference]) -> Draft {
    let first = &base[0];
    let lines: Vec<String> = base.iter().map(|reference| reference.line.to_string()).collect();
    let also = if lines.len() > 1 { format!(", in lines {}", lines.join(", ")) } else { String::new() };
    let draft = |found: String| Draft::new(RULE, "a digest (`name:tag@sha256:…`)", found);
    let draft = match &first.resolved {
        None => draft(format!("`{}`, whose value is not known{also}", first.written)),
        Some(name) => draft(format!("{name}{also}"))
            .hint(format!("`docker buildx imagetools inspect {name}` prints the digest to write after it")),
    };
    draft.at(subject.place(first.line))
}
