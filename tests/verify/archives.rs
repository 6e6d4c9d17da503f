//! Every form of archive gives the same facts, and sizes are those of the tars in it.

use crate::images::*;
use loadline::event::{Event, Events};
use loadline::image::archive::{Archive, Choice, Problem, Progress};
use loadline::types::{ByteSize, Explained, Outcome};
use serde_json::{Value, json};
use std::process::Command;

fn example() -> Image {
    let base = layer(&[directory("etc/", 0o755), file("etc/passwd", 0o644, "app:x:1000:1000::/:/bin/sh\n")]);
    let app = layer(&[directory("app/", 0o755), file("app/run", 0o755, "#!/bin/sh\nexec true\n")]);
    // The base twice: a layer that is listed twice counts twice.
    Image::new(json!({"User": "app", "Cmd": ["/app/run"]}), &[base.clone(), app, layer(&[]), base])
}

#[test]
fn every_form_gives_the_same_facts() {
    let image = example();
    let facts = image.facts();
    let sizes: Vec<u64> = facts.layers.iter().map(|layer| layer.size.0).collect();
    assert_eq!(sizes, image.layers.iter().map(|layer| layer.len() as u64).collect::<Vec<_>>());
    assert_eq!(facts.size(), ByteSize(sizes.iter().sum()));
    assert_eq!(facts.tags, ["example:1"]);
    let forms = [
        image.modern(),
        image.oci(&plain),
        image.oci(&gzip),
        image.oci(&zstd),
        // Several members and frames are one stream; a frame to be skipped is skipped.
        image.oci(&|layer| [gzip(&layer[..512]), gzip(&layer[512..])].concat()),
        image
            .oci(&|layer| [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&layer[..512]), &zstd(&layer[512..])].concat()),
        gzip(&image.legacy()),
        zstd(&image.modern()),
    ];
    for (number, form) in forms.iter().enumerate() {
        let read = read(form).unwrap_or_else(|error| panic!("form {number}: {error}: {:?}", error.problem));
        assert_eq!(essence(&read), essence(&facts), "form {number}");
    }
}

#[test]
fn directories_are_archives_too() {
    let image = example();
    for archive in [image.legacy(), image.modern(), image.oci(&gzip)] {
        let directory = tempfile::tempdir().unwrap();
        unpack(&archive, directory.path());
        let facts = Archive::open(directory.path()).unwrap().image(&Choice::default()).unwrap();
        assert_eq!(essence(&facts), essence(&image.facts()));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), image.modern()).unwrap();
    assert!(Archive::open(file.path()).is_ok());
    let error = Archive::open(&file.path().join("none")).map(drop).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unreachable);
}

#[test]
fn sizes_are_those_of_the_layers_that_tar_takes_out() {
    let mut random = Random(7);
    for _ in 0..6 {
        let layers: Vec<Vec<u8>> = (0..1 + random.below(4)).map(|_| layer(&random_layer(&mut random))).collect();
        let image = Image::new(Value::Null, &layers);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.tar"), image.legacy()).unwrap();
        let done = Command::new("tar").args(["-xf", "a.tar"]).current_dir(&directory).status().unwrap();
        assert!(done.success());
        let facts = image.facts();
        for (number, layer) in facts.layers.iter().enumerate() {
            let path = directory.path().join(format!("{:064x}/layer.tar", number + 1));
            assert_eq!(layer.size.0, std::fs::metadata(path).unwrap().len());
        }
    }
}

/// Several images in one archive, by `docker save A B`.
fn two(first: &Image, second: &Image) -> Vec<u8> {
    let (mut files, config, layers) = first.blobs(&plain);
    let (more, other_config, other_layers) = second.blobs(&plain);
    files.extend(more);
    let manifest = json!([
        {"Config": config, "RepoTags": [first.tag], "Layers": layers},
        {"Config": other_config, "RepoTags": [second.tag], "Layers": other_layers},
    ]);
    files.push(raw("manifest.json", &serde_json::to_vec(&manifest).unwrap()));
    layer(&files)
}

#[test]
fn one_of_several_images_must_be_chosen() {
    let first = example();
    let second = Image { tag: "ghcr.io/x/other:2".into(), run: json!({"User": "7"}), ..example() };
    let archive = two(&first, &second);
    let error = read(&archive).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Usage);
    assert_eq!(
        error.to_string(),
        "archive `test`: it holds 2 images: example:1 (linux/amd64), ghcr.io/x/other:2 (linux/amd64)"
    );
    assert_eq!(choose(&archive, "docker.io/library/example:1").unwrap().id, first.facts().id);
    assert_eq!(choose(&archive, "ghcr.io/x/other:2").unwrap().id, second.facts().id);
    let id = second.facts().id;
    assert_eq!(choose(&archive, &id.to_string()).unwrap().id, id);
    assert_eq!(choose(&archive, id.short()).unwrap().id, id);
    for absent in ["example:2", "", "sha256:", "zz"] {
        assert!(matches!(choose(&archive, absent).unwrap_err().problem.as_ref(), Problem::NotThere { .. }), "{absent}");
    }
    // The same image under two names is one image.
    let renamed = Image { tag: "again:1".into(), ..first.clone() };
    assert_eq!(read(&two(&first, &renamed)).unwrap().tags, ["example:1", "again:1"]);
}

#[test]
fn an_index_leads_to_this_machines_image() {
    let (here, other) = if cfg!(target_arch = "aarch64") { ("arm64", "amd64") } else { ("amd64", "arm64") };
    let image = |architecture: &str| Image { architecture: architecture.into(), ..example() };
    let (mut files, mut manifests) = (Vec::new(), Vec::new());
    for architecture in [here, other] {
        let blobs = image(architecture).blobs(&gzip).0;
        let index: Value = serde_json::from_slice(&blobs.last().unwrap().content).unwrap();
        manifests.push(json!({"mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": index["manifests"][0]["digest"], "platform": {"os": "linux", "architecture": architecture}}));
        files.extend(blobs.into_iter().filter(|item| item.path.starts_with("blobs")));
    }
    let absent = format!("sha256:{}", "0".repeat(64));
    manifests.push(json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": absent}));
    manifests.push(json!({"digest": absent, "platform": {"os": "unknown", "architecture": "unknown"}}));
    let inner = serde_json::to_vec(&json!({"manifests": manifests})).unwrap();
    let digest = loadline::types::Digest::of(&inner);
    files.push(raw(&format!("blobs/sha256/{}", digest.hex()), &inner));
    let outer = json!({"manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest}]});
    files.push(raw("index.json", &serde_json::to_vec(&outer).unwrap()));
    let archive = Archive::read("test", &layer(&files)[..], None).unwrap();
    let of = |platform: Option<&str>| {
        archive.image(&Choice { name: None, platform: platform.map(|platform| platform.parse().unwrap()) })
    };
    assert_eq!(of(None).unwrap().id, image(here).facts().id);
    assert_eq!(of(Some(&format!("linux/{other}"))).unwrap().id, image(other).facts().id);
    assert_eq!(of(Some("linux/s390x")).unwrap_err().outcome(), Outcome::Usage);
}

#[test]
fn progress_ends_with_the_whole_length() {
    let (say, said) = std::sync::mpsc::channel();
    let events = Events::new(move |event| say.send(event).unwrap());
    let archive = Image::new(Value::Null, &[layer(&[file("a", 0o644, &"x".repeat(20 << 20))])]).legacy();
    Archive::read("test", Progress::new(&archive[..], "app", events), None).unwrap();
    let done = |event| match event {
        Event::Reading { done, .. } => done.0,
        other => panic!("{other:?}"),
    };
    let said: Vec<u64> = said.into_iter().map(done).collect();
    assert_eq!((said.len(), said.last()), (3, Some(&(archive.len() as u64))));
}
