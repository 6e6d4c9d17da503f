//! Budgets of parts, and what could be left out.

use crate::images::*;
use loadline::blame::{Effort, blame};
use loadline::image::ImageFacts;
use loadline::image::dockerfile::{Dockerfile, origins};
use loadline::project::Budgets;
use loadline::types::{ByteSize, Finding};
use loadline::verify::{Policy, Previous, Source, check};
use serde_json::json;

const DOCKERFILE: &str = "FROM base\nCOPY a /a\nRUN work\n";

fn image(base: &[Item], copied: &[Item], worked: &[Item]) -> ImageFacts {
    let layers = [layer(base), layer(copied), layer(worked)];
    let mut image =
        Image::new(json!({"User": "1000", "Cmd": ["/a/x"], "Healthcheck": {"Test": ["CMD", "x"]}}), &layers);
    image.history = json!([
        {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created_by": "COPY a /a # buildkit"},
        {"created_by": "RUN /bin/sh -c work # buildkit"},
    ]);
    image.facts()
}

fn heavy(path: &str, bytes: usize) -> Item {
    // No two have the same content.
    file(path, 0o755, &format!("{path}{}", "x".repeat(bytes - path.len())))
}

fn found(facts: &ImageFacts, budgets: Budgets, previous: Option<Previous>) -> Vec<Finding> {
    let source = Source { file: "Dockerfile".into(), text: DOCKERFILE.into(), ..Source::default() };
    let policy = Policy { dockerfile: Some(source), budgets, previous, ..Policy::default() };
    let of_size = |finding: &Finding| finding.rule.starts_with("size.");
    check(facts, &policy).findings.into_iter().filter(of_size).collect()
}

fn limits(all: &[(&str, u64)]) -> std::collections::BTreeMap<String, ByteSize> {
    all.iter().map(|(name, size)| ((*name).to_owned(), ByteSize(*size))).collect()
}

fn told(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings.iter().map(|finding| (finding.rule.as_str(), finding.found.as_str())).collect()
}

#[test]
fn a_line_is_held_to_all_of_its_layers() {
    let facts = image(&[heavy("bin/base", 9000)], &[heavy("a/x", 50_000), heavy("a/y", 7000)], &[]);
    let lines = |all: &[(&str, u64)]| Budgets { lines: limits(all), ..Budgets::default() };
    assert_eq!(
        told(&found(&facts, lines(&[("COPY a", 70_000), ("FROM", 20_000), ("RUN work", 2000), ("RUN", 2000)]), None)),
        []
    );
    let findings = found(&facts, lines(&[("COPY", 50_000), ("FROM", 9000)]), None);
    assert_eq!(told(&findings), [("size.line", "`COPY` has 59 KB"), ("size.line", "`FROM` has 10 KB")]);
    assert_eq!(findings[0].place.as_ref().unwrap().line, Some(2));
    assert!(findings[0].details[0].ends_with("/a"), "{:?}", findings[0].details);
    let findings = found(&facts, lines(&[("RUN apt", 50_000)]), None);
    assert_eq!(told(&findings), [("size.line", "none that made a layer")]);
}

#[test]
fn a_folder_is_held_to_all_below_it_in_every_layer() {
    let facts = image(&[], &[heavy("a/x", 50_000), heavy("ab/z", 90_000)], &[heavy("a/b/c", 20_000)]);
    let folders = |size| Budgets { folders: limits(&[("/a", size)]), ..Budgets::default() };
    // Both files, each with its header, padded.
    let exact = (512 + 50_176) + (512 + 20_480);
    assert_eq!(told(&found(&facts, folders(exact + 1), None)), []);
    let findings = found(&facts, folders(exact), None);
    assert_eq!(told(&findings), [("size.folder", format!("/a has {exact} bytes").as_str())]);
    assert!(findings[0].details[0].ends_with("/a/x"), "{:?}", findings[0].details);
}

#[test]
fn packages_are_held_by_manager_and_by_name() {
    let lists = [
        file("var/lib/dpkg/info/curl.list", 0o644, "/.\n/usr/bin/curl\n"),
        file("var/lib/dpkg/info/zlib-dev.list", 0o644, "/.\n/usr/include/zlib.h\n"),
    ];
    let worked = [&lists[..], &[heavy("usr/bin/curl", 30_000), heavy("usr/include/zlib.h", 5000)]].concat();
    let facts = image(&[], &[], &worked);
    let packages = |all: &[(&str, u64)]| Budgets { packages: limits(all), ..Budgets::default() };
    assert_eq!(told(&found(&facts, packages(&[("dpkg", 40_000), ("pip", 1), ("dpkg curl", 35_000)]), None)), []);
    let findings = found(&facts, packages(&[("dpkg", 30_000), ("dpkg *-dev", 1000), ("dpkg cu", 1)]), None);
    assert_eq!(told(&findings), [("size.package", "`dpkg` has 36 KB"), ("size.package", "`dpkg *-dev` has 5 KB")]);
    assert!(findings[0].details[0].ends_with("  curl"), "{:?}", findings[0].details);
}

#[test]
fn growth_is_against_the_image_before() {
    let (before, after) = (image(&[], &[heavy("a/x", 50_000)], &[]), image(&[], &[heavy("a/x", 90_000)], &[]));
    let previous = |facts: &ImageFacts| Previous {
        id: facts.id.clone(),
        diff_ids: facts.config.rootfs.diff_ids.clone(),
        size: Some(facts.size()),
    };
    let growth = |bytes| Budgets { growth: Some(ByteSize(bytes)), ..Budgets::default() };
    assert_eq!(told(&found(&after, growth(50_000), Some(previous(&before)))), []);
    let findings = found(&after, growth(30_000), Some(previous(&before)));
    let text = format!("39 KB more than {}", before.id.short());
    assert_eq!(told(&findings), [("size.growth", text.as_str())]);
    assert_eq!(findings[0].details.len(), 1, "one layer is new: {:?}", findings[0].details);
    assert_eq!(told(&found(&after, growth(1), None)), [], "nothing to grow from");
    let unread = Previous { size: None, ..previous(&before) };
    let policy = Policy { budgets: growth(1), previous: Some(unread), ..Policy::default() };
    let verdict = check(&after, &policy);
    assert!(
        !verdict.passed && verdict.not_checked.iter().any(|one| one.rule == "size.growth"),
        "nothing passes unseen"
    );
    assert_eq!(told(&found(&before, growth(1), Some(previous(&after)))), [], "it shrank");
}

/// An image with something of each kind that could go, and the same without what `leave` says.
fn wasteful(leave: impl Fn(&str) -> bool) -> ImageFacts {
    let kept = |items: &[Item]| -> Vec<Item> { items.iter().filter(|item| !leave(&item.path)).cloned().collect() };
    let copied = kept(&[heavy("a/x", 40_000), heavy("a/.git/pack", 30_000), heavy("a/late", 20_000)]);
    let mut worked = kept(&[
        heavy("var/lib/apt/lists/index", 60_000),
        heavy("usr/share/doc/x/manual", 8000),
        heavy("a/lib/__pycache__/m.pyc", 9000),
        heavy("usr/bin/tool", 25_000),
        file("var/lib/dpkg/info/tool.list", 0o644, "/.\n/usr/bin/tool\n"),
    ]);
    if !leave("a/late") {
        worked.push(file("a/.wh.late", 0o644, ""));
    }
    image(&[heavy("bin/base", 70_000), heavy("var/lib/apt/lists/base", 10_000)], &copied, &worked)
}

#[test]
fn a_cut_saves_what_it_says() {
    let all = wasteful(|_| false);
    let cuts = blame(&all, &origins(&all.config, Some(&Dockerfile::parse(DOCKERFILE)), None)).cuts;
    let shown: Vec<(Effort, Option<u32>, u64)> = cuts.iter().map(|cut| (cut.effort, cut.line, cut.saves.0)).collect();
    let span = |bytes: u64| 512 + bytes.next_multiple_of(512);
    assert_eq!(
        shown,
        [
            (Effort::None, Some(3), span(60_000)),
            (Effort::None, Some(2), span(20_000)),
            (Effort::Little, Some(2), span(30_000)),
            (Effort::Little, Some(3), span(9000)),
            (Effort::Little, Some(3), span(8000)),
            (Effort::Decision, Some(3), span(25_000)),
        ],
        "{cuts:?}"
    );
    assert!(cuts[1].what.contains("line 3") && cuts[0].what.contains("apt"), "{cuts:?}");
    for (path, saves) in [("var/lib/apt/lists/index", cuts[0].saves), ("a/.git/pack", cuts[2].saves)] {
        let without = wasteful(|one| one == path);
        let whole =
            |facts: &ImageFacts| facts.layers.iter().flat_map(|layer| &layer.entries).map(|e| e.span).sum::<u64>();
        assert_eq!(whole(&all) - whole(&without), saves.0, "{path}");
    }
}

#[test]
fn a_budget_that_is_not_kept_proposes_the_cheapest_cuts() {
    let facts = wasteful(|_| false);
    let source = Source { file: "Dockerfile".into(), text: DOCKERFILE.into(), ..Source::default() };
    let policy = Policy { budget: Some(ByteSize(100_000)), dockerfile: Some(source), ..Policy::default() };
    let findings = check(&facts, &policy).findings;
    let details = &findings.iter().find(|finding| finding.rule == "size.budget").unwrap().details;
    let at = details.iter().position(|line| line == "what could go, cheapest first:").unwrap();
    assert_eq!(details.len() - at, 4, "{details:?}");
    assert!(details[at + 1].contains("line 3") && details[at + 1].contains("60 KB"), "{details:?}");
}
