//! The table of `loadline status`; below each row and below all of it, why.

use crate::cli::deployed::{Deployed, ReleaseStatus, Releases};
use crate::cli::status::{Build, Check, Has, ImageStatus, Last, Status};
use crate::cli::terminal::Paint;
use crate::cli::unknown::Unknown;
use crate::types::ImageId;

/// A text and how it is painted.
struct Cell {
    text: String,
    paint: fn(Paint, &str) -> String,
}

/// `status` as a table; `now` is in seconds since 1970.
pub fn text(status: &Status, now: u64, paint: Paint) -> String {
    let releases = status.deployed.as_ref().map(|deployed| releases(deployed, paint));
    images(status, now, paint) + &releases.unwrap_or_default()
}

/// The releases, a table of its own.
fn releases(deployed: &Releases, paint: Paint) -> String {
    let head = ["", "revision", "pods"].map(|title| cell(title, Paint::faint));
    let rows: Vec<Vec<Cell>> = std::iter::once(head.into()).chain(deployed.releases.iter().map(release)).collect();
    let unknown = deployed.unknown.iter().flat_map(|unknown| reason(&deployed.namespace, unknown));
    let mut lines = vec![String::new()];
    if deployed.unknown.is_none() {
        lines.extend(table(&rows, paint));
    }
    lines.extend(unknown.map(|line| format!(" {line}")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn release(one: &ReleaseStatus) -> Vec<Cell> {
    let name = cell(&one.release, Paint::strong);
    match &one.state {
        Deployed::Absent => vec![name, cell("not deployed", Paint::warn), cell("-", Paint::faint)],
        Deployed::Present { revision, status, ready, pods } => {
            let state = if status == "deployed" { Paint::good } else { Paint::bad };
            let all = if ready == pods { Paint::good } else { Paint::warn };
            vec![name, cell(format!("{revision}, {status}"), state), cell(format!("{ready} of {pods} ready"), all)]
        }
    }
}

/// The lines of `rows`, in columns.
fn table(rows: &[Vec<Cell>], paint: Paint) -> Vec<String> {
    let widths = widths(rows);
    rows.iter().map(|row| line(row, &widths, paint)).collect()
}

fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    (0..rows.first().map_or(0, Vec::len)).map(width).collect()
}

fn images(status: &Status, now: u64, paint: Paint) -> String {
    let nodes = status.images.first().map(|image| image.nodes.as_slice()).unwrap_or_default();
    let titles = ["", "built", "verified", "smoked"].into_iter().chain(nodes.iter().map(|node| node.node.as_str()));
    let head: Vec<Cell> = titles.map(|title| cell(title, Paint::faint)).collect();
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(status.images.iter().map(|image| row(image, now))).collect();
    let widths = widths(&rows);
    let indent = " ".repeat(widths.first().map_or(0, |first| first + 4));
    let mut lines = Vec::new();
    let mut rows = rows.iter().map(|row| line(row, &widths, paint));
    lines.extend(rows.next());
    for (row, image) in rows.zip(&status.images) {
        lines.push(row);
        lines.extend(below(image).into_iter().map(|text| format!("{indent}{text}")));
    }
    lines.extend(silent(status));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn cell(text: impl Into<String>, paint: fn(Paint, &str) -> String) -> Cell {
    Cell { text: text.into(), paint }
}

fn line(row: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.text.chars().count());
        let gap = if at == 0 { " " } else { "   " };
        line += &format!("{gap}{}{padding}", (cell.paint)(paint, &cell.text));
    }
    line.trim_end().to_owned()
}

fn row(image: &ImageStatus, now: u64) -> Vec<Cell> {
    let name = cell(&image.image, Paint::strong);
    let start = [name, built(&image.built, now), check(&image.verified), check(&image.smoked)];
    start.into_iter().chain(image.nodes.iter().map(|node| has(&node.has))).collect()
}

fn built(build: &Build, now: u64) -> Cell {
    let last = |id: &ImageId, at: &u64| format!("{} {}", id.short(), age(now.saturating_sub(*at)));
    match build {
        Build::NotBuilt => cell("not built", Paint::warn),
        Build::Current { id, at } => cell(last(id, at), Paint::good),
        Build::Stale { id, at, .. } => cell(format!("{}, stale", last(id, at)), Paint::warn),
        Build::Unknown { last: Some(Last { id, at }), .. } => cell(format!("{}, unknown", last(id, at)), Paint::bad),
        Build::Unknown { last: None, .. } => cell("unknown", Paint::bad),
    }
}

fn check(check: &Check) -> Cell {
    match check {
        Check::No => cell("no", Paint::warn),
        Check::Yes => cell("yes", Paint::good),
        Check::Failed => cell("failed", Paint::bad),
        Check::Stale { cause } => cell(format!("stale: {cause}"), Paint::warn),
        Check::Unknown(_) => cell("unknown", Paint::bad),
    }
}

fn has(has: &Has) -> Cell {
    match has {
        Has::NotAsked => cell("-", Paint::faint),
        Has::Complete => cell("has it", Paint::good),
        Has::Unnamed => cell("has it under other names", Paint::warn),
        Has::Other { id, builds_behind: None } => cell(format!("has {}", id.short()), Paint::warn),
        Has::Other { id, builds_behind: Some(builds) } => {
            cell(format!("has {}, {} behind", id.short(), super::text::count(*builds, "build")), Paint::warn)
        }
        Has::Missing => cell("lacks it", Paint::warn),
        Has::Unknown(_) => cell("unknown", Paint::bad),
    }
}

/// What is said below the row of `image`.
fn below(image: &ImageStatus) -> Vec<String> {
    let mut lines = Vec::new();
    match &image.built {
        Build::Stale { why, .. } => {
            lines.push(format!("stale because {why}; `loadline up {}` builds it anew", image.image));
        }
        Build::Unknown { unknown, .. } => lines.extend(reason("built", unknown)),
        Build::NotBuilt | Build::Current { .. } => {}
    }
    for (step, check) in [("verified", &image.verified), ("smoked", &image.smoked)] {
        if let Check::Unknown(unknown) = check {
            lines.extend(reason(step, unknown));
        }
    }
    lines
}

/// Why nodes could not be asked, each reason once.
fn silent(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    for node in status.images.iter().flat_map(|image| &image.nodes) {
        let Has::Unknown(unknown) = &node.has else { continue };
        let said = reason(&node.node, unknown);
        if !lines.contains(&said) {
            lines.push(said);
        }
    }
    lines.into_iter().flatten().map(|line| format!(" {line}")).collect()
}

fn reason(of: &str, Unknown { why, hint }: &Unknown) -> Vec<String> {
    let why = why.strip_prefix(&format!("{of}: ")).unwrap_or(why);
    let hint = hint.iter().map(|hint| format!("  hint: {hint}"));
    std::iter::once(format!("{of} unknown: {why}")).chain(hint).collect()
}

/// How long ago something was.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => "now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::status::{Cause, OnNode};
    use crate::types::{Digest, Outcome};

    fn image(name: &str, built: Build, checks: [Check; 2], nodes: [Has; 2]) -> ImageStatus {
        let [verified, smoked] = checks;
        let names = ["minikube", "minikube-m02"];
        let nodes = names.into_iter().zip(nodes).map(|(node, has)| OnNode { node: node.into(), has }).collect();
        ImageStatus { image: name.into(), built, verified, smoked, nodes }
    }

    fn stopped() -> Has {
        let (why, hint) = ("minikube-m02: it does not run".into(), Some("`minikube start`".into()));
        Has::Unknown(Unknown { why, hint })
    }

    fn status() -> Status {
        let id = |text: &str| ImageId(Digest::of(text.as_bytes()));
        let current = Build::Current { id: id("a"), at: 9_990 };
        let why = "app/tasks.py and 2 more changed".into();
        let stale = Build::Stale { id: id("b"), at: 2_000, cause: Cause::Files, why };
        let broken = || Unknown { why: "cannot read it: permission denied".into(), hint: None };
        let images = vec![
            image("frontend", current, [Check::Yes, Check::Yes], [Has::Complete, stopped()]),
            image(
                "backend",
                stale,
                [Check::Stale { cause: "settings" }, Check::Failed],
                [Has::Other { id: id("c"), builds_behind: Some(2) }, stopped()],
            ),
            image("job", Build::NotBuilt, [Check::No, Check::No], [Has::NotAsked, Has::NotAsked]),
            image(
                "web",
                Build::Unknown { last: None, unknown: broken() },
                [Check::Unknown(broken()), Check::No],
                [Has::Missing, Has::Unnamed],
            ),
        ];
        Status { target: "minikube".into(), images, deployed: None }
    }

    #[test]
    fn every_state_has_its_words() {
        insta::assert_snapshot!(text(&status(), 10_000, Paint(false)));
        insta::assert_snapshot!("document", format!("{:#}", serde_json::json!(status())));
    }

    #[test]
    fn what_is_unknown_and_nothing_else_is_a_failure() {
        let mut status = status();
        assert_eq!(status.outcome(), Outcome::Unreachable);
        status.images.truncate(3);
        status.images.iter_mut().for_each(|image| image.nodes.truncate(1));
        assert_eq!(status.outcome(), Outcome::Fine, "stale, failed and missing are answers");
    }

    #[test]
    fn colour_only_repeats_the_words() {
        let painted = text(&status(), 10_000, Paint(true));
        let plain = ["\x1b[31;1m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"]
            .into_iter()
            .fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(
            plain.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"),
            text(&status(), 10_000, Paint(false)).trim_end()
        );
    }

    #[test]
    fn ages() {
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(age),
            ["now", "now", "1 min ago", "59 min ago", "1 h ago", "47 h ago", "2 days ago"]
        );
    }

    #[test]
    fn releases_have_a_table_of_their_own() {
        let one = |release: &str, state| ReleaseStatus { release: release.into(), state };
        let present =
            |revision, status: &str, ready| Deployed::Present { revision, status: status.into(), ready, pods: 2 };
        let all = vec![
            one("database", present(1, "deployed", 2)),
            one("backend", present(12, "failed", 1)),
            one("web", Deployed::Absent),
        ];
        let deployed = Releases { namespace: "shop".into(), releases: all, unknown: None };
        let expected = "\n            revision       pods\n database   1, deployed    2 of 2 ready\n backend    12, failed     1 of 2 ready\n web        not deployed   -\n";
        assert_eq!(releases(&deployed, Paint(false)), expected);
        let unknown = Some(Unknown { why: "no cluster answers".into(), hint: Some("start it".into()) });
        let deployed = Releases { namespace: "shop".into(), releases: vec![], unknown };
        assert_eq!(releases(&deployed, Paint(false)), "\n shop unknown: no cluster answers\n   hint: start it\n");
    }
}
