//! Large blobs go into containerd's store one by one, and what does not go well there is said or
//! made good.

use crate::harness::*;
use crate::machine::{Machine, NO_IMAGE};
use loadline::load::{Error, Image};
use loadline::node;

/// Keeps what it is given under the digest that it was told.
const KEEP: &str = r#"shift 5; cat >"/taken-${1#sha256:}""#;

/// An image of two large layers and a small one, and the digests of them all.
async fn large() -> (Image, Vec<String>) {
    let part = |byte| [vec![byte; 1_500_000], salt().into_bytes()].concat();
    let image = make(&format!("loadline-test-{}:1", salt()), &[&part(6), &part(7), salt().as_bytes()]).await;
    let layers = engine().await.inspect(image.engine_id.as_str()).await.unwrap().root_fs;
    (image, layers.iter().map(|layer| layer.hex().to_owned()).collect())
}

fn node_error(run: Run) -> node::Error {
    match run.result.unwrap_err() {
        Error::Node { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_large_layer_arrives_whole_and_the_small_ones_in_the_archive() {
    let machine = Machine::with_intake(KEEP, "cat >/archive", NO_IMAGE).await;
    let (image, layers) = large().await;
    // A fake that keeps nothing proves nothing, so the load is no success.
    assert!(matches!(node_error(load_to(&image, &machine.nodes().await).await), node::Error::Unproven { .. }));
    let sums = run_in(&machine.name, "sha256sum /taken-* | sed 's,  /taken-, ,'").await;
    for layer in &layers[..2] {
        assert!(sums.contains(&format!("{layer} {layer}")), "{sums}");
    }
    assert_eq!(sums.lines().count(), 2, "{sums}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn the_archive_is_small_when_the_large_layers_were_taken() {
    let import = "if [ -e /archive ]; then cat >/whole; else cat >/archive; fi";
    let machine = Machine::with_intake(KEEP, import, NO_IMAGE).await;
    let (image, layers) = large().await;
    let run = load_to(&image, &machine.nodes().await).await;
    // The node does not have the image after all: a garbage collection may have taken a blob that
    // nothing needed yet. So all of it goes again, in one archive, which keeps what it brings.
    assert!(run.notes().contains("once more, whole"), "{}", run.notes());
    assert_eq!(run_in(&machine.name, "ls / | grep -c taken-").await.trim(), "2");
    let small = run_in(&machine.name, "tar -tf /archive; wc -c </archive").await;
    assert!(!small.contains(&layers[0]) && !small.contains(&layers[1]), "{small}");
    let whole = run_in(&machine.name, "wc -c </whole").await;
    assert!(whole.trim().parse::<u64>().unwrap() > 3_000_000, "{whole}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn long_lists_do_not_come_in_the_middle_of_each_other() {
    let machine = Machine::with_intake(KEEP, "cat >/archive", NO_IMAGE).await;
    let (image, layers) = large().await;
    let many = |last: &str| format!("seq -f 'sha256:%064.0f x' 4000; echo {last}");
    let log = format!(
        "case \"$*\" in *ingest*) {KEEP};; *import*) cat >/archive;; *'content ls'*) {};; *snapshots*' ls'*) {};; \
         *' ls'*) ;; *) echo 'does not exist' >&2; exit 1;; esac",
        many(&format!("sha256:{}", layers[0])),
        many("sha256:0"),
    );
    machine.install(&[("ctr", &log)]).await;
    let run = load_to(&image, &machine.nodes().await).await;
    // The first layer was the last in the list: it was not sent before everything was.
    assert!(run.notes().contains("once more, whole"), "{:?} {}", run.result, run.notes());
    assert_eq!(run_in(&machine.name, &format!("ls /taken-{}", layers[1])).await.trim().len(), 71);
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_blob_is_kept_until_the_image_is_there() {
    let log = r#"case "$*" in *ingest*) cat >/dev/null;; *import*) cat >/dev/null; echo import >>/log;;
        *'content label'*) shift 4; echo "$*" >>/log;; *gc.root*) cat /old; sed 's/ / 5MB now /' /log;; *' ls'*) ;;
        *) echo 'does not exist' >&2; exit 1;; esac"#;
    let machine = Machine::with(&[("crictl", NO_IMAGE), ("ctr", log)]).await;
    let old = "for since in 1700000000 $(date +%s); do \
               echo \"sha256:$since 5MB now containerd.io/gc.root=loadline-$since-x\"; done >/old; cat /old";
    let old = run_in(&machine.name, old).await;
    let (image, layers) = large().await;
    load_to(&image, &machine.nodes().await).await;
    let log = run_in(&machine.name, "until [ $(grep -c =$ /log) = 3 ]; do sleep 0.1; done; cat /log").await;
    let lines: Vec<_> = log.lines().collect();
    let [kept @ .., _import, one, two, three, _again] = &lines[..] else { panic!("{log}") };
    let said =
        |line: &str, layer: &String| line.starts_with(&format!("sha256:{layer} containerd.io/gc.root=loadline-"));
    assert!(layers[..2].iter().all(|layer| kept.iter().any(|line| said(line, layer))), "{log}");
    let mut released = [*one, *two, *three].map(|line| line.trim_end_matches(" containerd.io/gc.root="));
    let mut expected = [&layers[0], &layers[1], "1700000000"].map(|digest| format!("sha256:{digest}"));
    released.sort_unstable();
    expected.sort_unstable();
    assert_eq!(released, expected, "not what another load keeps now: {old}{log}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn what_is_there_already_is_not_read_and_the_next_is_found() {
    let ingest = format!("case $* in *$(cat /first)*) exit 0 ;; esac; {KEEP}");
    let machine = Machine::with_intake(&ingest, "cat >/archive", NO_IMAGE).await;
    let (image, layers) = large().await;
    run_in(&machine.name, &format!("echo {} >/first", layers[0])).await;
    load_to(&image, &machine.nodes().await).await;
    let sums = run_in(&machine.name, "sha256sum /taken-*; tar -tf /archive >/dev/null && echo whole").await;
    assert!(sums.starts_with(&layers[1]) && sums.contains("whole"), "{sums}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_blob_that_finds_no_room_is_the_cause() {
    let full = "head -c 1000 >/dev/null; echo 'ctr: write /var/x: no space left on device' >&2; exit 1";
    let machine = Machine::with_intake(full, "touch /imported", NO_IMAGE).await;
    let (image, _) = large().await;
    let error = node_error(load_to(&image, &machine.nodes().await).await);
    assert!(
        matches!(&error, node::Error::DiskFull { why, .. } if why == "ctr: write /var/x: no space left on device"),
        "{error:?}"
    );
    assert_eq!(run_in(&machine.name, "ls /imported 2>/dev/null").await, "");
    forget(&[&image]).await;
}

#[tokio::test]
async fn what_is_refused_by_itself_is_tried_in_one_archive() {
    let refuses = "head -c 1000 >/dev/null; echo 'ctr: illegal seek' >&2; exit 1";
    let machine = Machine::with_intake(refuses, "cat >/whole", NO_IMAGE).await;
    let (image, _) = large().await;
    let run = load_to(&image, &machine.nodes().await).await;
    assert!(run.notes().contains("once more, whole"), "{}", run.notes());
    let whole = run_in(&machine.name, "wc -c </whole").await;
    assert!(whole.trim().parse::<u64>().unwrap() > 3_000_000, "{whole}");
    forget(&[&image]).await;
}

#[tokio::test]
async fn a_node_that_cannot_count_bytes_takes_one_archive() {
    let machine = Machine::with_intake("touch /ingested", "cat >/archive", NO_IMAGE).await;
    machine.install(&[("dd", "cat")]).await;
    let (image, _) = large().await;
    load_to(&image, &machine.nodes().await).await;
    let seen = run_in(&machine.name, "ls /ingested 2>/dev/null; wc -c </archive; ls /tmp").await;
    assert!(seen.trim().parse::<u64>().is_ok_and(|size| size > 3_000_000), "nothing but an archive: {seen}");
    forget(&[&image]).await;
}
