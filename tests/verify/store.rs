//! The layer store.

use crate::images::*;
use loadline::image::archive::{Archive, Choice};
use loadline::image::store::Store;
use serde_json::json;

fn example(name: &str) -> Image {
    let base = layer(&[file("etc/passwd", 0o644, "app:x:1000:1000::/:\n"), link("x", "y"), hard_link("h", "x")]);
    Image::new(json!({"User": "app"}), &[base, layer(&[file(name, 0o755, "#!/bin/sh\n").owned(1, 2)])])
}

#[test]
fn what_was_kept_is_what_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::at(directory.path());
    let facts = example("a").facts();
    assert!(store.image(&facts.id).is_none());
    store.keep(&facts).unwrap();
    store.keep(&facts).unwrap();
    let again = store.image(&facts.id).unwrap();
    assert_eq!(essence(&again), essence(&facts));
    assert_eq!(again.config, facts.config);
}

#[test]
fn known_layers_are_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::at(directory.path());
    let image = example("a");
    store.keep(&image.facts()).unwrap();
    // With other bytes under the same name, what is known shows that they were not looked at.
    let (mut files, config, layers) = image.blobs(&plain);
    let blob = files.iter_mut().find(|item| item.path == layers[0]).unwrap();
    blob.content[0] = b'z';
    blob.content[148..156].fill(b' ');
    let sum: u32 = blob.content[..512].iter().map(|byte| u32::from(*byte)).sum();
    blob.content[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let manifest = json!([{"Config": config, "RepoTags": null, "Layers": layers}]);
    files.push(raw("manifest.json", &serde_json::to_vec(&manifest).unwrap()));
    let archive = layer(&files);
    let facts = Archive::read("test", &archive[..], Some(&store)).unwrap().image(&Choice::default()).unwrap();
    assert_eq!(essence(&facts), essence(&image.facts()));
    assert!(read(&archive).is_err());
}

#[test]
fn damaged_entries_are_not_known() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::at(directory.path());
    let facts = example("a").facts();
    store.keep(&facts).unwrap();
    let kept = directory.path().join("layers/v2");
    for entry in std::fs::read_dir(&kept).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert!(store.image(&facts.id).is_none());
    assert!(store.layer(&facts.layers[0].diff_id).is_none());
    // And are replaced when they are read the next time.
    store.keep(&facts).unwrap();
    assert_eq!(essence(&store.image(&facts.id).unwrap()), essence(&facts));
}

#[test]
fn pruning_takes_what_was_used_longest_ago() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::at(directory.path());
    assert_eq!(store.prune(0).unwrap().removed, 0);
    let (old, new) = (example("old").facts(), example("new").facts());
    store.keep(&old).unwrap();
    store.keep(&new).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let own = format!("layer-{}", old.layers[1].diff_id.hex());
    let file = std::fs::File::open(directory.path().join("layers/v2").join(own)).unwrap();
    file.set_modified(long_ago).unwrap();
    let before = store.prune(u64::MAX).unwrap();
    let after = store.prune(before.left - 1).unwrap();
    assert!(after.removed > 0 && after.left < before.left);
    assert!(store.layer(&old.layers[1].diff_id).is_none());
    assert!(store.image(&new.id).is_some());
    assert_eq!(store.prune(0).unwrap().left, 0);
}

#[test]
fn many_may_write_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let facts = example("a").facts();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Store::at(directory.path()).keep(&facts).unwrap());
        }
    });
    assert!(Store::at(directory.path()).image(&facts.id).is_some());
    let left = std::fs::read_dir(directory.path().join("layers/v2")).unwrap().flatten();
    let mut kinds: Vec<String> =
        left.map(|file| file.file_name().to_string_lossy().split('-').next().unwrap().to_owned()).collect();
    kinds.sort();
    assert_eq!(kinds, ["config", "layer", "layer", "size", "size"], "and nothing half written");
}

#[test]
fn what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    store.keep(&example("a").facts()).unwrap();
    let root = std::fs::read_dir(dir.path().join("layers")).unwrap().flatten().next().unwrap().path();
    let (dead, living) = (root.join("new-4194305-0"), root.join(format!("new-{}-99", std::process::id())));
    std::fs::write(&dead, "half").unwrap();
    std::fs::write(&living, "half").unwrap();
    store.sweep();
    assert!(!dead.exists() && living.exists());
}
