//! What a map shows: the bytes of an image in groups and parts, from three sides. Each adds up to the size.

use crate::blame::{Blame, Line, Owner, line_name};
use crate::types::ByteSize;
use crate::verify::LayerLine;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Groups beyond these are one.
const GROUPS: usize = 24;
/// Parts of a group beyond these are one.
const PARTS: usize = 40;
/// What is less than this part of the image is folded.
const LEAST: u64 = 300;
/// The ends of the tars, which belong to no file.
const FRAMING: &str = "ends of the tars";

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) name: String,
    pub(super) size: ByteSize,
    /// What of it a later layer hides or deletes.
    pub(super) hidden: ByteSize,
}

/// Parts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// What it is, with the sums of its parts.
    pub(super) all: Area,
    /// Where it is, and what is there; the second is empty if the first says all.
    pub(super) place: String,
    pub(super) text: String,
    /// It came with the base.
    pub(super) base: bool,
    /// The largest first, what is folded last.
    pub(super) areas: Vec<Area>,
}

impl Area {
    fn new(name: String, size: u64, hidden: u64) -> Self {
        Self { name, size: ByteSize(size), hidden: ByteSize(hidden) }
    }

    /// `all` as one.
    fn sum(name: String, all: &[Self]) -> Self {
        let of = |part: fn(&Self) -> ByteSize| all.iter().map(|area| part(area).0).sum();
        Self::new(name, of(|area| area.size), of(|area| area.hidden))
    }
}

/// By the line of the Dockerfile, and below that by package and folder.
pub(super) fn by_line(blame: &Blame) -> Vec<Group> {
    let group = |line: &Line| {
        let part = |part: &crate::blame::Part| Area::new(owner(&part.owner), part.size.0, part.hidden.0);
        let mut areas: Vec<Area> = line.parts.iter().map(part).collect();
        areas.push(Area::new(FRAMING.to_owned(), line.framing.0, 0));
        Group::of(instruction(line.line, line.base, &line.text), line.base, areas)
    };
    folded_groups(blame.lines.iter().map(group).collect(), blame.size, "lines")
}

/// By layer, and above that by the line that made it. `lines` has them bottom first, as `blame` does.
pub(super) fn by_layer(blame: &Blame, lines: &[LayerLine]) -> Vec<Group> {
    let mut groups: Vec<(&LayerLine, Vec<Area>)> = Vec::new();
    for (number, (layer, line)) in blame.layers.iter().zip(lines).enumerate() {
        let name = format!("layer {} {}…", number + 1, layer.diff_id.short());
        let area = Area::new(name, layer.size.0, layer.hidden.0);
        match groups.iter_mut().find(|(first, _)| first.line.is_some() && first.line == line.line) {
            Some((_, areas)) => areas.push(area),
            None => groups.push((line, vec![area])),
        }
    }
    let group = |(line, areas): (&LayerLine, _)| {
        Group::of(instruction(line.line, line.base, &line.instruction), line.base, areas)
    };
    folded_groups(groups.into_iter().map(group).collect(), blame.size, "lines")
}

/// By package and folder, whichever line they came with.
pub(super) fn by_part(blame: &Blame) -> Vec<Group> {
    let mut groups: BTreeMap<String, BTreeMap<String, (u64, u64)>> = BTreeMap::new();
    let mut framing = 0;
    for line in &blame.lines {
        framing += line.framing.0;
        for part in &line.parts {
            let group = match &part.owner {
                Owner::Package(package) => format!("packages of {}", package.manager),
                Owner::Folder(_) => "files of no package".to_owned(),
            };
            let (size, hidden) = groups.entry(group).or_default().entry(owner(&part.owner)).or_default();
            *size += part.size.0;
            *hidden += part.hidden.0;
        }
    }
    let area = |(name, (size, hidden))| Area::new(name, size, hidden);
    let group =
        |(name, areas): (_, BTreeMap<_, _>)| Group::of((name, ""), false, areas.into_iter().map(area).collect());
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.push(Group::of((FRAMING.to_owned(), ""), false, vec![Area::new(FRAMING.to_owned(), framing, 0)]));
    folded_groups(groups, blame.size, "groups")
}

/// A package with its version, or a folder.
fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Package(package) => match &package.version {
            Some(version) => format!("{} {version} ({})", package.name, package.manager),
            None => format!("{} ({})", package.name, package.manager),
        },
        Owner::Folder(path) => format!("/{path}"),
    }
}

/// An instruction as this page calls it: where it is, and what it says.
fn instruction(line: Option<u32>, base: bool, text: &str) -> (String, &str) {
    let text = if text.is_empty() { "not in the history" } else { text };
    let place = match (line, base) {
        (Some(_), true) => format!("{}, base", line_name(line)),
        (None, true) => "base".to_owned(),
        (_, false) => line_name(line),
    };
    (place, text)
}

impl Group {
    fn of((place, text): (String, &str), base: bool, mut areas: Vec<Area>) -> Self {
        areas.retain(|area| area.size.0 > 0);
        areas.sort_by(|one, other| (Reverse(one.size), &one.name).cmp(&(Reverse(other.size), &other.name)));
        let name = if text.is_empty() { place.clone() } else { format!("{place}: {text}") };
        Self { all: Area::sum(name, &areas), place, text: text.to_owned(), base, areas }
    }

    /// It, with what is too small to be seen in an image of `whole` as one part; its largest keeps its name.
    fn folded(mut self, whole: ByteSize) -> Self {
        let is_seen = |area: &&Area| u128::from(area.size.0) * u128::from(LEAST) >= u128::from(whole.0);
        let seen = self.areas.iter().take_while(is_seen).count().clamp(1, PARTS);
        if self.areas.len() - seen > 1 {
            let rest = self.areas.split_off(seen);
            self.areas.push(Area::sum(format!("{} more", rest.len()), &rest));
        }
        self
    }
}

/// The largest first; those beyond [`GROUPS`] as one, which `what` calls.
fn folded_groups(mut groups: Vec<Group>, whole: ByteSize, what: &str) -> Vec<Group> {
    groups.retain(|group| group.all.size.0 > 0);
    groups.sort_by_key(|group| Reverse(group.all.size));
    let rest = if groups.len() > GROUPS + 1 { groups.split_off(GROUPS) } else { Vec::new() };
    let mut groups: Vec<Group> = groups.into_iter().map(|group| group.folded(whole)).collect();
    if !rest.is_empty() {
        let name = format!("{} more {what}", rest.len());
        let base = rest.iter().all(|group| group.base);
        let all = Area::sum(name.clone(), &rest.into_iter().map(|group| group.all).collect::<Vec<_>>());
        groups.push(Group::of((name, ""), base, vec![all]));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(number: u64) -> Area {
        Area::new(format!("a{number}"), number, number / 2)
    }

    fn sums(groups: &[Group]) -> (u64, u64) {
        let areas = || groups.iter().flat_map(|group| &group.areas);
        (areas().map(|area| area.size.0).sum(), areas().map(|area| area.hidden.0).sum())
    }

    #[test]
    fn what_is_folded_still_adds_up() {
        let areas: Vec<Area> = (0..100_000).map(area).collect();
        let all = Area::sum(String::new(), &areas);
        let folded = Group::of(("x".into(), ""), false, areas).folded(all.size);
        assert_eq!(folded.areas.len(), 2, "none of so many is large");
        assert_eq!(folded.areas[1].name, "99998 more", "what has no bytes is not counted");
        assert_eq!(sums(&[folded]), (all.size.0, all.hidden.0));
        let few = Group::of(("x".into(), ""), false, vec![area(1000), area(900), area(1)]).folded(ByteSize(1901));
        assert_eq!(few.areas.len(), 3, "one small part keeps its name");
    }

    #[test]
    fn many_groups_become_few() {
        let groups: Vec<Group> =
            (1..=500).map(|number| Group::of(("x".into(), ""), true, vec![area(number)])).collect();
        let before = sums(&groups);
        let folded = folded_groups(groups, ByteSize(before.0), "lines");
        assert_eq!((folded.len(), folded[GROUPS].all.name.as_str()), (GROUPS + 1, "476 more lines"));
        assert_eq!(sums(&folded), before);
    }
}
