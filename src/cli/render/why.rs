//! Where an image's bytes come from, as a page.

use crate::blame::{Blame, Change, Cut, Effort, Growth, Hidden, Line, Owner, Part, Twins, line_name};
use crate::cli::render::text;
use crate::cli::render::text::count;
use crate::cli::terminal::Paint;
use crate::types::{ByteSize, visible};

/// How many characters of an instruction or a path are shown.
const WIDTH: usize = 72;

/// A path or an instruction of the image.
fn cut(foreign: &str) -> String {
    text::cut(&visible(foreign), WIDTH)
}

/// How a page is made.
#[derive(Clone, Copy)]
pub struct Page {
    /// How many of each list are shown.
    pub top: usize,
    /// Colours.
    pub paint: Paint,
}

impl Page {
    /// The page of the image called `name`.
    pub fn text(self, name: &str, layers: usize, blame: &Blame, growth: Option<&Growth>) -> String {
        let (size, id) = (blame.size, blame.id.short());
        let mut page = vec![format!(
            "{}  {size} in {} of {} ({id})",
            self.paint.strong(name),
            count(layers, "layer"),
            count(blame.lines.len(), "line")
        )];
        blame.lines.iter().for_each(|line| page.extend(self.line(line, blame.size)));
        page.extend(self.hidden(&blame.hidden));
        page.extend(self.twins(&blame.twins));
        page.extend(self.cuts(&blame.cuts));
        growth.into_iter().for_each(|growth| page.extend(self.growth(growth)));
        page.push(String::new());
        page.join("\n")
    }

    fn line(self, line: &Line, all: ByteSize) -> Vec<String> {
        let place = line_name(line.line);
        let share = line.size.0 as f64 / all.0.max(1) as f64 * 100.0;
        let text = self.paint.strong(&cut(&line.text));
        let mut lines = vec![String::new(), format!("{:>10}  {share:>3.0} %  {place}  {text}", line.size.to_string())];
        let shown = line.parts.iter().take(self.top);
        lines.extend(shown.map(|part| format!("{:>22}  {}", part.size.to_string(), self.part(part))));
        let rest = line.parts.iter().skip(self.top);
        let (count, sum) = rest.fold((0, 0), |(count, sum), part| (count + 1, sum + part.size.0));
        if count > 0 {
            lines.push(format!("{:>22}  in {count} more", ByteSize(sum).to_string()));
        }
        lines
    }

    fn part(self, part: &Part) -> String {
        let mut text = match &part.owner {
            Owner::Package(package) => {
                let version = package.version.as_deref().unwrap_or_default();
                visible(format!("{} {} {version}", package.manager, package.name).trim_end())
            }
            Owner::Folder(path) => visible(&format!("/{path}")),
        };
        if let Some(file) = part.largest.first().filter(|file| part.entries > 1 && file.size.0 > part.size.0 / 2) {
            text += &format!(", most of it {}", cut(&format!("/{}", file.path)));
        }
        if part.hidden.0 > 0 {
            text += &self.paint.warn(&format!(" ({} hidden)", part.hidden));
        }
        text
    }

    fn hidden(self, hidden: &[Hidden]) -> Vec<String> {
        let sum = hidden.iter().map(|one| one.size.0).sum();
        let line = |line: Option<u32>| line.map_or_else(|| "a line".to_owned(), |line| format!("line {line}"));
        let show = |one: &Hidden| {
            let same = if one.same { ", only its owner or mode" } else { "" };
            let (size, path) = (one.size.to_string(), visible(&one.path));
            format!("{size:>22}  /{path} of {}, by {}{same}", line(one.line), line(one.by))
        };
        self.list("in the image, but replaced or deleted by a later line", sum, hidden, show)
    }

    fn twins(self, twins: &[Twins]) -> Vec<String> {
        let sum = twins.iter().map(|one| one.wasted.0).sum();
        let show = |one: &Twins| {
            let paths: Vec<String> = one.paths.iter().take(2).map(|path| visible(&format!("/{path}"))).collect();
            let more = one.paths.len().saturating_sub(2);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{:>22}  {}{more}", one.wasted.to_string(), paths.join(" and "))
        };
        self.list("in files that are there more than once", sum, twins, show)
    }

    fn cuts(self, cuts: &[Cut]) -> Vec<String> {
        let show = |cut: &Cut| {
            let line = line_name(cut.line);
            format!("{:>22}  {line}: {}", cut.saves.to_string(), visible(&cut.what))
        };
        let mut lines = Vec::new();
        for (effort, head) in [
            (Effort::None, "could go, and no container would miss it"),
            (Effort::Little, "could go, for it is rarely needed at run time"),
        ] {
            let all: Vec<&Cut> = cuts.iter().filter(|cut| cut.effort == effort).collect();
            let sum = ByteSize(all.iter().map(|cut| cut.saves.0).sum());
            if !all.is_empty() {
                lines.extend([String::new(), self.paint.strong(&format!("{:>10}  {head}", sum.to_string()))]);
                lines.extend(all.into_iter().take(self.top).map(show));
            }
        }
        lines
    }

    fn list<T>(self, what: &str, sum: u64, all: &[T], show: impl Fn(&T) -> String) -> Vec<String> {
        if all.is_empty() {
            return Vec::new();
        }
        let head = format!("{:>10}  {what} ({})", ByteSize(sum).to_string(), count(all.len(), "file"));
        let more = all.len().saturating_sub(self.top);
        let more = (more > 0).then(|| format!("{:>22}  {more} more", ""));
        [String::new(), self.paint.strong(&head)]
            .into_iter()
            .chain(all.iter().take(self.top).map(show))
            .chain(more)
            .collect()
    }

    fn growth(self, growth: &Growth) -> Vec<String> {
        let against = growth.against.short();
        let head = format!("{:>10}  since {against}, which has {}", signed(growth.by), growth.was);
        let mut lines = vec![String::new(), self.paint.strong(&head)];
        for (what, all) in [("by line", &growth.lines), ("by package", &growth.parts), ("by file", &growth.files)] {
            lines.extend((!all.is_empty()).then(|| format!("{:>22}", what)));
            lines.extend(all.iter().take(self.top).map(change));
            let more = all.len().saturating_sub(self.top);
            lines.extend((more > 0).then(|| format!("{:>22}  {more} more", "")));
        }
        lines
    }
}

fn change(change: &Change) -> String {
    let state = match (change.was, change.is) {
        (None, _) => " (new)",
        (_, None) => " (gone)",
        _ => "",
    };
    format!("{:>22}  {}{state}", signed(change.by()), cut(&change.what))
}

/// A difference in bytes.
pub fn signed(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "+" };
    format!("{sign}{}", ByteSize(bytes.unsigned_abs()))
}
