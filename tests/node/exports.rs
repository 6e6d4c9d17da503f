//! Exports that are not what they should be, into a real node: the image must not be there, and
//! nothing may go on.

use crate::fake::{End, FakeEngine};
use crate::harness::*;
use loadline::event::Events;
use loadline::image::digests::Pushed;
use loadline::image::transfer::ArchiveError;
use loadline::load::{Arrived, Error, Image, Permit, load};
use loadline::types::{Digest, Explained, ImageId, Outcome};
use tokio_util::sync::CancellationToken;

/// An image, and its archive whole.
fn packed() -> Packed {
    image_of(pack("x:1", &[&vec![5; 400_000], salt().as_bytes()]))
}

type Packed = (Image, loadline::engine::ImageSummary, Vec<u8>);

fn image_of((archive, id, diff_ids): (Vec<u8>, Digest, Vec<Digest>)) -> Packed {
    let image = Image {
        name: "app".into(),
        engine_id: id.clone(),
        id: ImageId(id.clone()),
        tags: vec![format!("loadline-test-{}:1", salt()).parse().unwrap()],
        diff_ids: diff_ids.clone(),
    };
    let summary = loadline::engine::ImageSummary {
        engine_id: id,
        root_fs: diff_ids,
        shown_size: 0,
        names: vec![],
        labels: Default::default(),
    };
    (image, summary, archive)
}

async fn load_from(
    end: End,
    keep: impl Fn(usize) -> usize,
    cancel: &CancellationToken,
) -> (Image, Result<Vec<Arrived>, Error>) {
    load_packed(packed(), end, keep, cancel).await
}

async fn load_packed(
    (image, summary, mut archive): Packed,
    end: End,
    keep: impl Fn(usize) -> usize,
    cancel: &CancellationToken,
) -> (Image, Result<Vec<Arrived>, Error>) {
    archive.truncate(keep(archive.len()));
    let fake = FakeEngine::new(&summary.engine_id, &summary.root_fs, archive, end).await;
    let nowhere = tempfile::tempdir().unwrap();
    let memory = memory_in(nowhere.path());
    let (there, permit) = (nodes("minikube").await, Permit::given());
    let result = load(&fake.engine, &image, &there, &memory, &permit, &Events::none(), cancel).await;
    (image, result)
}

async fn is_on_the_node(image: &Image) -> bool {
    on_node("ctr -n k8s.io images ls -q").await.contains(&image.tags[0].canonical())
}

async fn imports_on_the_node() -> String {
    on_node("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null; echo; done | grep -e 'images [i]mport' -e 'content [i]ngest'").await
}

#[tokio::test]
async fn a_whole_export_of_the_fake_arrives() {
    let (image, result) = load_from(End::Whole, |all| all, &CancellationToken::new()).await;
    assert!(result.unwrap()[0].sent.0 > 400_000);
    forget(&[&image]).await;
}

#[tokio::test]
async fn an_engine_that_cannot_reach_our_loopback_exports() {
    let (base, nowhere) = (salt().repeat(30_000), tempfile::tempdir().unwrap());
    let memory = memory_in(nowhere.path());
    let mut made = Vec::new();
    for pushes in [false, true] {
        let top = salt();
        let files = [base.as_bytes(), top.as_bytes()];
        let (archive, id, diff_ids) = pack("x:1", &files);
        let tags = vec![format!("loadline-test-{}:1", salt()).parse().unwrap()];
        let fake = FakeEngine::new(&id, &diff_ids, archive, End::Whole).await;
        let first = diff_ids[0].clone();
        let image = Image { name: "app".into(), engine_id: id.clone(), id: ImageId(id.clone()), tags, diff_ids };
        load_with(&fake.engine, &image, &nodes("minikube").await, &memory).await.arrived();
        let asked =
            |end: &str| fake.asked.lock().unwrap().iter().any(|path| path.split('?').any(|path| path.ends_with(end)));
        assert_eq!((asked("/push"), asked("/get")), (pushes, true));
        // From now on a push would be quicker, if it could be done.
        let taught = Pushed { diff_id: first, digest: id, size: None };
        memory.digests.learn(&[taught]).unwrap();
        made.push(image);
    }
    forget(&made.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_short_export_is_no_image() {
    let (image, result) = load_from(End::Short, |all| all / 2, &CancellationToken::new()).await;
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Archive { source: ArchiveError::Truncated { .. }, .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::StepFailed);
    assert!(!is_on_the_node(&image).await);
}

#[tokio::test]
async fn a_layer_that_is_not_what_it_goes_by_leaves_the_names_as_they_were() {
    let tag = format!("loadline-test-{}:1", salt());
    let before = make(&tag, &[salt().as_bytes()]).await;
    load_one(&before).await.arrived();
    // No other test's layer may be on the node as this.
    let layer = [vec![5; 400_000], salt().into_bytes()].concat();
    let (mut archive, id, diff_ids) = pack_blobs("x:1", &[&layer]);
    let at = archive.windows(9).position(|bytes| bytes == [5; 9]).unwrap();
    archive[at + 100_000] ^= 1;
    let fake = FakeEngine::new(&id, &diff_ids, archive, End::Whole).await;
    let (name, engine_id, tags) = ("app".to_owned(), id.clone(), before.tags.clone());
    let image = Image { name, engine_id, id: ImageId(id), tags, diff_ids };
    let error = crate::harness::load_from(&fake.engine, &image, &nodes("minikube").await).await.result.unwrap_err();
    assert!(matches!(&error, Error::Node { .. }) && error.outcome() == Outcome::StepFailed, "{error:?}");
    let names = on_node("ctr -n k8s.io images ls -q").await;
    assert!(!names.contains(image.id.short()), "{names}");
    assert!(on_node(&format!("crictl inspecti -q {tag} | grep '\"id\"'")).await.contains(before.id.short()));
    assert_eq!(load_one(&before).await.sent(), 0, "the one before is whole");
    forget(&[&before]).await;
}

#[tokio::test]
async fn an_engine_that_dies_in_the_middle_is_the_cause() {
    let (image, result) = load_from(End::Broken, |all| all / 2, &CancellationToken::new()).await;
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Engine { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unreachable);
    assert!(!is_on_the_node(&image).await);
}

#[tokio::test]
async fn a_cancelled_load_leaves_nothing_running_on_the_node() {
    let files = [vec![5; 3_000_000], salt().into_bytes()];
    let files = files.each_ref().map(Vec::as_slice);
    // Layers that go into the archive, and layers that are taken one by one.
    for packed in [pack("x:1", &files), pack_blobs("x:1", &files)] {
        let cancel = CancellationToken::new();
        let soon = cancel.clone();
        tokio::spawn(async move {
            while imports_on_the_node().await.is_empty() {}
            soon.cancel();
        });
        let (image, result) = load_packed(image_of(packed.clone()), End::Hanging, |all| all / 2, &cancel).await;
        assert_eq!(result.unwrap_err().outcome(), Outcome::Interrupted);
        ends_on_the_node().await;
        assert!(!is_on_the_node(&image).await);
        // What was begun is in nobody's way.
        let (image, result) = load_packed(image_of(packed), End::Whole, |all| all, &CancellationToken::new()).await;
        assert!(result.unwrap()[0].sent.0 > 3_000_000);
        forget(&[&image]).await;
    }
}

async fn ends_on_the_node() {
    for _ in 0..100 {
        if imports_on_the_node().await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the import still runs ten seconds after it was cancelled");
}
