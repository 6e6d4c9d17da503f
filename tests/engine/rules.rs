//! The examples in the documentation of the rules: what fails does, and what repairs it does.

use crate::harness::{Project, engine};
use loadline::image::archive::{Archive, Choice};
use loadline::verify::examples::EXAMPLES;
use loadline::verify::{Policy, Source, check};

/// A base of some megabytes, with what the examples run: each of thirty images is read whole.
const SMALL: &str = "FROM nginx:alpine AS all\n\
    RUN set -e; mkdir -p /small/bin /small/etc /small/usr/bin; cp /etc/passwd /etc/group /small/etc/; \
    for one in sh chmod mkdir chown mv rm true; do \
    path=/bin/$one; [ -e $path ] || path=/usr/bin/$one; cp -L $path /small/bin/$one; \
    for lib in $(ldd $path | grep -o '/[^ ]*'); do mkdir -p /small${lib%/*}; cp -L $lib /small$lib; done; done\n\
    FROM scratch\n\
    COPY --from=all /small/ /\n";

/// The rules that find something in the image that `dockerfile` builds.
async fn found(dockerfile: &str) -> Vec<String> {
    let project = Project::new(dockerfile);
    project.build().await.unwrap_or_else(|error| panic!("{dockerfile}\n{error}"));
    let text = std::fs::read_to_string(project.path("Dockerfile")).unwrap();
    let mut export = engine().await.export(&project.plan.tags[0].canonical());
    let mut archive = Vec::new();
    while let Some(chunk) = export.recv().await {
        archive.extend(chunk.unwrap());
    }
    let facts = Archive::read("example", &archive[..], None).unwrap().image(&Choice::default()).unwrap();
    let policy = Policy {
        dockerfile: Some(Source { file: "Dockerfile".into(), text, ..Source::default() }),
        ..Policy::default()
    };
    check(&facts, &policy).findings.into_iter().map(|finding| finding.rule).collect()
}

#[tokio::test]
async fn every_example_fails_and_its_repair_does_not() {
    // A digest cannot be written down for a base that each machine may have another of.
    let all = EXAMPLES.iter().filter(|one| one.language == "dockerfile" && !one.repair.contains('…'));
    let base = Project::new(SMALL);
    base.build().await.unwrap();
    let on_base = |text: &str| text.replace("nginx:alpine", &base.plan.tags[0].to_string());
    let mut count = 0;
    for example in all {
        let (rule, fails) = (example.rule.to_owned(), found(&on_base(example.fails)).await);
        assert!(fails.contains(&rule), "{rule} is not found in:\n{}\nbut {fails:?}", example.fails);
        let repaired = found(&on_base(example.repair)).await;
        assert!(!repaired.contains(&rule), "{rule} is found in:\n{}", example.repair);
        count += 1;
    }
    assert_eq!(count, 15, "a Dockerfile for each rule that an image alone can show");
}
