//! Whatever is shown of an image in a terminal, a report or a browser.

use loadline::blame::{Blame, blame};
use loadline::image::ImageFacts;
use loadline::image::dockerfile::{Dockerfile, origins};
use loadline::report::{Image, page};
use loadline::types::ByteSize;
use loadline::verify::format::{Report, Result, github, json, junit, markdown, sarif, text};
use loadline::verify::pod::Pod;
use loadline::verify::{Policy, Source, check};
use serde_json::Value;

/// Where the bytes come from: each is counted once.
pub fn blamed(facts: &ImageFacts, dockerfile: Option<&str>) -> Blame {
    let dockerfile = dockerfile.map(Dockerfile::parse);
    let origins = origins(&facts.config, dockerfile.as_ref(), None);
    assert_eq!(origins.len(), facts.config.rootfs.diff_ids.len());
    let found = blame(facts, &origins);
    let sum = |sizes: &mut dyn Iterator<Item = ByteSize>| sizes.map(|size| size.0).sum::<u64>();
    assert_eq!(found.size, facts.size());
    assert_eq!(sum(&mut found.lines.iter().map(|line| line.size)), found.size.0, "lines");
    assert_eq!(sum(&mut found.layers.iter().map(|layer| layer.size)), found.size.0, "layers");
    for line in &found.lines {
        let parts = sum(&mut line.parts.iter().map(|part| part.size));
        assert_eq!(parts + line.framing.0, line.size.0, "{line:?}");
        assert_eq!(sum(&mut line.parts.iter().map(|part| part.hidden)), line.hidden.0, "{line:?}");
    }
    let hidden = sum(&mut found.lines.iter().map(|line| line.hidden));
    assert_eq!(sum(&mut found.layers.iter().map(|layer| layer.hidden)), hidden, "hidden of layers");
    assert_eq!(sum(&mut found.hidden.iter().map(|one| one.size)), hidden, "hidden files");
    let saved = sum(&mut found.cuts.iter().map(|cut| cut.saves));
    assert!(saved <= found.size.0, "{saved} bytes could go");
    found
}

/// A verdict in every form, and the page.
pub fn everywhere(facts: &ImageFacts, dockerfile: Option<&str>, pods: Vec<Pod>) {
    let blame = blamed(facts, dockerfile);
    let source = dockerfile.map(|text| Source { file: "Dockerfile".into(), text: text.into(), ..Source::default() });
    let policy = Policy { budget: Some(ByteSize(1)), dockerfile: source, pods, ..Policy::default() };
    let verdict = check(facts, &policy);
    assert_eq!(verdict.size, facts.size());
    assert!(!verdict.passed || facts.size() < ByteSize(1), "an image of some bytes is within no byte");
    let name = facts.tags.first().cloned().unwrap_or_default();
    let reports = [Report { image: name, result: Result::Verdict(Box::new(verdict)), engine_size: None, build: None }];
    for shown in [text(&reports), github(&reports), markdown(&reports), junit(&reports)] {
        assert_steers_nothing(&shown);
    }
    for document in [json(&reports), sarif(&reports)] {
        assert!(serde_json::from_str::<Value>(&document).is_ok(), "{document}");
        assert_steers_nothing(&document);
    }
    let [report] = reports;
    let (growth, timeline) = (Err("nothing is before it".into()), Err("it is not known".into()));
    let page = page(&[Image { report, blame: Some(blame), growth, timeline }], 0);
    assert_steers_nothing(&page);
    let body = page.split_once("</style>").map_or("", |(_, body)| body);
    assert!(!body.contains("<script") && body.ends_with("</html>\n"));
    assert_eq!(body.matches('<').count(), body.matches('>').count(), "a name is markup");
}

/// No control character but the end of a line.
pub fn assert_steers_nothing(shown: &str) {
    let bad = shown.chars().position(|c| c.is_control() && c != '\n');
    assert_eq!(bad, None, "{shown:?}");
}
