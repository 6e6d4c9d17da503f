//! The examples in the documentation of the rules: what fails does, and what repairs it does.

use crate::harness::{Project, engine};
use loadline::blame::blame;
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, Choice};
use loadline::image::dockerfile::{Dockerfile, origins};
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

/// Every byte of the image is blamed once.
fn assert_sums_are_exact(facts: &ImageFacts, dockerfile: &str) {
    let blame = blame(facts, &origins(&facts.config, Some(&Dockerfile::parse(dockerfile)), None));
    let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.sum::<u64>();
    assert_eq!(sum(&mut blame.lines.iter().map(|line| line.size.0)), facts.size().0, "{dockerfile}");
    assert_eq!(sum(&mut blame.layers.iter().map(|layer| layer.size.0)), facts.size().0, "{dockerfile}");
    for line in &blame.lines {
        let parts = sum(&mut line.parts.iter().map(|part| part.size.0));
        assert_eq!(parts + line.framing.0, line.size.0, "{} in {dockerfile}", line.text);
    }
}

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
    assert_sums_are_exact(&facts, &text);
    let policy = Policy {
        dockerfile: Some(Source { file: "Dockerfile".into(), text, ..Source::default() }),
        ..Policy::default()
    };
    check(&facts, &policy).findings.into_iter().map(|finding| finding.rule).collect()
}

#[tokio::test]
async fn thirty_images_show_the_fault_that_is_in_them_and_no_other() {
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
        let mut others = repaired.clone();
        let new = fails.into_iter().filter(|found| match others.iter().position(|other| other == found) {
            Some(place) => {
                others.remove(place);
                false
            }
            None => true,
        });
        assert_eq!(new.collect::<Vec<_>>(), [rule], "nothing else is found in:\n{}", example.fails);
        count += 1;
    }
    assert_eq!(count, 15, "a Dockerfile for each rule that an image alone can show");
}
