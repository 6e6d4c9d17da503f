//! `size.line`, `size.folder`, `size.package`, `size.growth`: what parts of the image weigh.

use crate::blame::{Blame, Line, Owner, blame, line_name};
use crate::image::packages::Package;
use crate::types::{ByteSize, wildcard};
use crate::verify::subject::{Checked, Draft, Subject};
use crate::verify::{LayerLine, NotChecked, size};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many parts are listed.
const LISTED: usize = 5;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    if subject.policy.budgets.is_empty() {
        return Ok(Vec::new());
    }
    let blame = blame(subject.facts, &subject.origins);
    Ok([lines(subject, &blame), folders(subject), packages(subject, &blame)].concat())
}

/// A part that is not under its budget; the largest things in it are listed.
fn over(
    rule: &'static str,
    name: &str,
    found: ByteSize,
    budget: ByteSize,
    inside: impl IntoIterator<Item = (ByteSize, String)>,
) -> Draft {
    let (found, wanted) = size::apart(found, budget);
    let draft = Draft::new(rule, format!("{name} under {wanted}"), format!("{name} has {found}"));
    draft.of(name.trim_matches('`')).details(largest(inside))
}

fn largest(all: impl IntoIterator<Item = (ByteSize, String)>) -> Vec<String> {
    let mut all: Vec<(ByteSize, String)> = all.into_iter().collect();
    all.sort_by(|one, other| (Reverse(one.0), &one.1).cmp(&(Reverse(other.0), &other.1)));
    all.into_iter().take(LISTED).map(|(size, text)| format!("{:>9}  {text}", size.to_string())).collect()
}

/// Without an image before there is nothing to grow from.
pub(super) fn growth(subject: &Subject<'_>) -> Checked {
    let Some((budget, before)) = subject.policy.budgets.growth.zip(subject.policy.previous.as_ref()) else {
        return Ok(Vec::new());
    };
    let Some(was) = before.size else {
        let why =
            format!("the size of the image before, {}, is not known: name one with `--against`", before.id.short());
        return Err(vec![NotChecked { rule: "size.growth", why }]);
    };
    let by = ByteSize(subject.facts.size().0.saturating_sub(was.0));
    let since = before.id.short();
    let new = subject.layer_lines().into_iter().filter(|layer| !before.diff_ids.contains(&layer.diff_id));
    let row = |layer: LayerLine| (layer.size, format!("{}  {}", line_name(layer.line), layer.instruction));
    if by < budget {
        return Ok(Vec::new());
    }
    let (found, wanted) = size::apart(by, budget);
    let draft = Draft::new("size.growth", format!("less than {wanted} more"), format!("{found} more than {since}"));
    Ok(vec![
        draft.details(largest(new.map(row))).hint(format!("`loadline why --against sha256:{since}` shows what grew")),
    ])
}

/// `FROM` is the base, whatever it is called; a `RUN` goes by its command.
fn begins(line: &Line, with: &str) -> bool {
    if with == "RUN" {
        return !line.base && !["COPY ", "ADD ", "WORKDIR "].iter().any(|other| line.text.starts_with(other));
    }
    let command = with.strip_prefix("RUN ").unwrap_or(with);
    line.text.starts_with(with) || line.text.starts_with(command) || (line.base && with == "FROM")
}

fn lines(subject: &Subject<'_>, blame: &Blame) -> Vec<Draft> {
    let one = |(with, budget): (&String, &ByteSize)| {
        let its: Vec<&Line> = blame.lines.iter().filter(|line| begins(line, with)).collect();
        if its.is_empty() {
            // A budget that nothing is held to is no budget.
            let wanted = format!("an instruction that begins with `{with}`");
            return Some(Draft::new("size.line", wanted, "none that made a layer").of(with.as_str()));
        }
        let size = ByteSize(its.iter().map(|line| line.size.0).sum());
        let parts = its.iter().flat_map(|line| &line.parts).map(|part| (part.size, part.owner.name()));
        (size >= *budget).then(|| {
            let place = its.iter().find_map(|line| subject.place(line.line?));
            over("size.line", &format!("`{with}`"), size, *budget, parts).at(place)
        })
    };
    subject.policy.budgets.lines.iter().filter_map(one).collect()
}

fn folders(subject: &Subject<'_>) -> Vec<Draft> {
    let one = |(folder, budget): (&String, &ByteSize)| {
        let (mut size, mut below) = (0, BTreeMap::<&str, u64>::new());
        let entries = subject.facts.layers.iter().flat_map(|layer| &layer.entries);
        for entry in entries {
            let Some(rest) = entry.path.strip_prefix(&folder[1..]) else { continue };
            if !rest.is_empty() && !rest.starts_with('/') {
                continue;
            }
            size += entry.span;
            let next = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
            *below.entry(next).or_default() += entry.span;
        }
        let named = |(name, size): (&str, u64)| (ByteSize(size), format!("{folder}/{name}"));
        let size = ByteSize(size);
        (size >= *budget).then(|| over("size.folder", folder, size, *budget, below.into_iter().map(named)))
    };
    subject.policy.budgets.folders.iter().filter_map(one).collect()
}

fn packages(subject: &Subject<'_>, blame: &Blame) -> Vec<Draft> {
    let mut all: BTreeMap<&Package, u64> = BTreeMap::new();
    for part in blame.lines.iter().flat_map(|line| &line.parts) {
        if let Owner::Package(package) = &part.owner {
            *all.entry(package).or_default() += part.size.0;
        }
    }
    let one = |(name, budget): (&String, &ByteSize)| {
        let (manager, wanted) = name.split_once(' ').unwrap_or((name, "*"));
        // A scope of npm's has a `/` in its name.
        let wanted = wanted.replace('*', "**");
        let is_it = |package: &Package| package.manager.to_string() == manager && wildcard(&wanted, &package.name);
        let its = all.iter().filter(|(package, _)| is_it(package));
        let size = ByteSize(its.clone().map(|(_, size)| size).sum());
        let named = its.map(|(package, size)| (ByteSize(*size), package.name.clone()));
        (size >= *budget).then(|| over("size.package", &format!("`{name}`"), size, *budget, named))
    };
    subject.policy.budgets.packages.iter().filter_map(one).collect()
}
