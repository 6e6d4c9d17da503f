//! `status` and `cache`, where there is no engine.

use super::{Ran, Shop};
use loadline::image::archive::{Archive, Choice};
use loadline::image::store::Store;
use loadline::types::Digest;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::path::Path;

const SETTINGS: &str = "version = 1\n[image.api]\n";

#[test]
fn status_without_an_engine() {
    let shop = Shop::with(SETTINGS);
    let status = |args: &[&str]| -> Ran {
        let mut command = shop.command(args);
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        shop.ran(command)
    };
    insta::assert_snapshot!(status(&["status"]).all());
    let ran = status(&["status", "--json"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.all());
    assert!(!shop.root.join("home").exists(), "nothing is made");
}

#[test]
fn an_engine_that_a_context_names_is_said_to_be_the_contexts() {
    let shop = Shop::with(SETTINGS);
    let folder = shop.root.join("docker/contexts/meta").join(hex::encode(sha2::Sha256::digest("far")));
    std::fs::create_dir_all(&folder).unwrap();
    let meta = r#"{"Name":"far","Endpoints":{"docker":{"Host":"unix:///nowhere/far.sock"}}}"#;
    std::fs::write(folder.join("meta.json"), meta).unwrap();
    let mut command = shop.command(&["status"]);
    command.env("DOCKER_CONFIG", shop.root.join("docker")).env("DOCKER_CONTEXT", "far");
    insta::assert_snapshot!(shop.ran(command).all());
}

#[test]
fn status_of_what_is_not_there() {
    let shop = Shop::with(SETTINGS);
    let usage = |args: &[&str], text: &str| {
        let ran = shop.run(args);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        assert!(ran.err.contains(text), "{}", ran.all());
    };
    usage(&["status", "apo"], "apo");
    usage(&["status", "--target", "minkube"], "`minkube` is no target");
}

/// An image of one layer, as `docker save` writes it.
fn archive(path: &Path) {
    archive_of(path, &[("a", b"a")]);
}

/// The same, with these files.
pub fn archive_of(path: &Path, files: &[(&str, &[u8])]) {
    let tar = |files: &[(&str, &[u8])]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let layer = tar(files);
    let rootfs = json!({"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]});
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "1000"}, "rootfs": rootfs});
    let manifest = json!([{"Config": "config.json", "RepoTags": null, "Layers": ["layer.tar"]}]);
    let files = [config.to_string(), manifest.to_string()];
    let all =
        [("config.json", files[0].as_bytes()), ("layer.tar", layer.as_slice()), ("manifest.json", files[1].as_bytes())];
    std::fs::write(path, tar(&all)).unwrap();
}

fn document(shop: &Shop, args: &[&str]) -> Value {
    let ran = shop.run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn where_the_bytes_of_an_archive_come_from() {
    let shop = Shop::empty();
    archive(&shop.root.join("image.tar"));
    insta::assert_snapshot!(shop.run(&["why", "--archive", "image.tar"]).all());
    let all = document(&shop, &["why", "--archive", "image.tar", "--json"]);
    let blame = &all[0]["blame"];
    assert_eq!((&all[0]["image"], &blame["size"]), (&json!("image.tar"), &json!(2048)));
    let line = &blame["lines"][0];
    assert_eq!(
        (&line["size"], &line["framing"], &line["parts"][0]["size"]),
        (&json!(2048), &json!(1024), &json!(1024))
    );
    assert_eq!(line["parts"][0]["largest"][0]["path"], "a");
    for wrong in [&["why", "api", "--archive", "x"][..], &["why", "--image", "x", "api"]] {
        assert_eq!(shop.run(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn an_empty_cache_is_shown_and_not_made() {
    let shop = Shop::empty();
    insta::assert_snapshot!(shop.run(&["cache"]).all(), @r"
    exit 0
    --- stdout
    holds      0 layers of 0 images, 0 B
    limit      2.00 GB
    directory  $SHOP/home/.cache/loadline/layers/v2
    ");
    assert_eq!(document(&shop, &["cache", "--prune", "--json"])["freed"], 0);
    assert!(!shop.root.join("home").exists());
    assert_eq!(shop.run(&["cache", "--limit", "1MB"]).code, Some(2), "a limit is for pruning");
}

#[test]
fn the_cache_is_shown_and_pruned() {
    let shop = Shop::empty();
    let path = shop.root.join("image.tar");
    archive(&path);
    let ran = shop.run(&["verify", "--archive", "image.tar"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(document(&shop, &["cache", "--json"])["layers"], 0, "what somebody sends is not kept");

    let facts = Archive::open(&path).unwrap().image(&Choice::default()).unwrap();
    Store::at(&shop.root.join("home/.cache/loadline")).keep(&facts).unwrap();
    let held = document(&shop, &["cache", "--json"]);
    assert_eq!((&held["layers"], &held["images"]), (&json!(1), &json!(1)));
    assert_eq!(held["limit"], 2_000_000_000_u64);
    assert!(held.get("freed").is_none());
    assert_eq!(document(&shop, &["cache", "--prune", "--json"])["freed"], 0, "it is below the limit");

    let pruned = document(&shop, &["cache", "--prune", "--limit", "0", "--json"]);
    assert_eq!(pruned["freed"], held["bytes"]);
    assert_eq!((&pruned["layers"], &pruned["images"], &pruned["bytes"]), (&json!(0), &json!(0), &json!(0)));
    insta::assert_snapshot!(shop.run(&["cache", "--prune", "--limit", "0"]).all(), @r"
    exit 0
    --- stdout
    freed      0 B
    holds      0 layers of 0 images, 0 B
    limit      2.00 GB
    directory  $SHOP/home/.cache/loadline/layers/v2
    ");
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_read_is_no_empty_one() {
    let shop = Shop::empty().file("home/.cache/loadline/layers/v2", "a file where a directory should be");
    insta::assert_snapshot!(shop.run(&["cache"]).all(), @r"
    exit 3
    --- stderr
    error: cannot read the layer store in $SHOP/home/.cache/loadline/layers/v2
      caused by: Not a directory (os error 20)
      hint: see that the directory is yours, or set XDG_CACHE_HOME
    ");
}
