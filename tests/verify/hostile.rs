//! Archives that are cut, damaged or made to harm: an error or the right facts, never a panic,
//! never a pass on wrong facts.

use crate::images::*;
use loadline::image::archive::{ArchiveError, Problem};
use loadline::image::config::{Config, History, RootFs};
use loadline::image::dockerfile::origins;
use loadline::image::layers::read_layer;
use loadline::types::{Digest, Explained, Outcome};
use serde_json::{Value, json};
use std::process::Command;
use tar::{EntryType, Header};

fn small() -> Image {
    let app = layer(&[file("run", 0o755, "#!/bin/sh\n"), link("a", "run")]);
    Image::new(json!({"User": "1000"}), &[app])
}

/// Wrong facts never, and the exit code says that it could not be checked.
fn right_or_refused(archive: &[u8], essence_before: &str, what: &str) {
    match read(archive) {
        Ok(facts) => assert_eq!(essence(&facts), essence_before, "{what}"),
        Err(error) => assert_eq!(error.outcome(), Outcome::Unreachable, "{what}: {error}"),
    }
}

#[test]
fn an_archive_that_is_cut_anywhere_is_refused() {
    let image = small();
    let expected = essence(&image.facts());
    for whole in [image.legacy(), image.modern(), image.oci(&gzip), gzip(&image.legacy()), zstd(&image.oci(&zstd))] {
        let step = whole.len() / 400 + 1;
        for length in (0..whole.len()).step_by(step) {
            right_or_refused(&whole[..length], &expected, &format!("cut at {length}"));
        }
        let cut_early = read(&whole[..whole.len() / 2]);
        assert!(cut_early.is_err());
    }
}

#[test]
fn an_archive_with_a_changed_byte_is_refused() {
    let image = small();
    let expected = essence(&image.facts());
    let mut random = Random(11);
    for whole in [image.legacy(), image.modern(), image.oci(&gzip), image.oci(&zstd), gzip(&image.modern())] {
        for _ in 0..300 {
            let mut damaged = whole.clone();
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
            right_or_refused(&damaged, &expected, &format!("byte {at}"));
        }
    }
}

#[test]
fn errors_name_the_layer_and_what_is_wrong() {
    let chain = |error: &ArchiveError| {
        let mut text = error.to_string();
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            text = format!("{text} < {cause}");
            next = cause.source();
        }
        text
    };
    let image = small();
    let error = |files: &[Item]| chain(&read(&layer(files)).unwrap_err());
    let (files, _, layers) = image.blobs(&plain);
    let without: Vec<Item> = files.iter().filter(|item| item.path != layers[0]).cloned().collect();
    assert_eq!(error(&without), format!("archive `test`: `{}` is not in it (layer 1, x)", layers[0]));
    let with = |content: &[u8]| {
        let change = |item: &Item| if item.path == layers[0] { raw(&layers[0], content) } else { item.clone() };
        files.iter().map(change).collect::<Vec<_>>()
    };
    assert!(
        error(&with(b"MZ"))
            .ends_with("(layer 1, x) cannot be read < it is neither a tar nor a tar compressed with gzip or zstd")
    );
    let half = &image.layers[0][..700];
    assert!(error(&with(half)).ends_with("< its tar is not valid after `run` < it is cut short at byte 700"));
    let other = layer(&[file("x", 0o644, "")]);
    let (expected, found) = (Digest::of(&image.layers[0]), Digest::of(&other));
    let says = format!("has diff id `{found}`, but the config says `{expected}`");
    assert!(error(&with(&other)).ends_with(&says), "{}", error(&with(&other)));
    assert_eq!(error(&[]), "archive `test`: it holds no image: neither `manifest.json` nor `index.json` is in it");
    assert!(error(&[raw("manifest.json", b"{")]).starts_with("archive `test`: `manifest.json` is not valid <"));
    let saved = json!([{"Config": "../../etc/passwd", "Layers": []}]);
    assert!(error(&[raw("manifest.json", saved.to_string().as_bytes())]).contains("`../../etc/passwd` is not in it"));
}

#[test]
fn layers_without_end_and_lists_without_end_are_refused() {
    let cycle = [link("a/layer.tar", "../b/layer.tar"), link("b/layer.tar", "../a/layer.tar")];
    let config = small().config();
    let name = format!("{}.json", Digest::of(&config).hex());
    let saved = json!([{"Config": name, "Layers": ["a/layer.tar"]}]);
    let mut files = cycle.to_vec();
    files.extend([raw(&name, &config), raw("manifest.json", saved.to_string().as_bytes())]);
    assert!(matches!(read(&layer(&files)).unwrap_err().problem.as_ref(), Problem::Missing { .. }));
    let saved: Vec<Value> = vec![json!({"Config": name, "Layers": vec!["x"; 3]})];
    let files = [raw(&name, &config), raw("manifest.json", &serde_json::to_vec(&saved).unwrap())];
    assert!(matches!(
        read(&layer(&files)).unwrap_err().problem.as_ref(),
        Problem::LayerCount { expected: 1, found: 3, .. }
    ));
}

#[test]
fn a_history_that_announces_more_words_than_it_has_is_read_at_once() {
    let step = |created_by: &str| {
        let history = vec![History { created_by: created_by.into(), ..History::default() }];
        let rootfs = RootFs { diff_ids: vec![Digest::of(b"")] };
        origins(&Config { history, rootfs, ..Config::default() }, None, None).remove(0).text
    };
    for count in ["2147483647", "18446744073709551615", "99999999999999999999"] {
        assert_eq!(step(&format!("RUN |{count} A=b /bin/sh -c make # buildkit")), "make");
    }
    assert_eq!(step("|18446744073709551615 A=b"), "");
}

fn read_one(tar: &[u8]) -> Result<Vec<String>, String> {
    let facts = read_layer(&tar[..tar.len().min(512)], tar).map_err(|error| format!("{error:?}"))?;
    assert_eq!((facts.size.0, facts.diff_id), (tar.len() as u64, Digest::of(tar)));
    Ok(facts.entries.iter().map(|entry| entry.path.to_string()).collect())
}

/// A header as bytes, with all fields free.
fn header(path: &[u8], kind: u8, size: &[u8], change: impl Fn(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(EntryType::new(kind));
    let field = &mut header.as_old_mut().size;
    field.fill(0);
    field[..size.len()].copy_from_slice(size);
    change(&mut header);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn entries_that_lead_out_of_the_image_are_refused() {
    let end = [0; 1024];
    let one = |path: &[u8]| read_one(&[&header(path, b'0', b"0", |_| {})[..], &end].concat());
    assert!(one(b"../x").unwrap_err().contains("Escapes"));
    assert!(one(b"a/../../x").unwrap_err().contains("Escapes"));
    assert_eq!(one(b"/etc/x").unwrap(), ["etc/x"]);
    assert_eq!(one(b"./a/./b/../c").unwrap(), ["a/c"]);
    assert_eq!(one(b"\xff").unwrap(), ["\u{fffd}"]);
    let out =
        [&header(b"a", b'1', b"0", |header| header.as_old_mut().linkname[..4].copy_from_slice(b"../b"))[..], &end];
    assert!(read_one(&out.concat()).unwrap_err().contains("Escapes"));
}

#[test]
fn sizes_that_no_stream_has_are_refused_without_memory() {
    for size in [
        &b"77777777777"[..],
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"nonsense",
        b"-1",
    ] {
        for kind in [b'0', b'L', b'x', b'g', b'S', b'1', b'5'] {
            let tar = [&header(b"a", kind, size, |_| {})[..], &[0; 2048]].concat();
            let read = read_one(&tar);
            assert!(read.is_err() || matches!(kind, b'1' | b'5'), "{size:?} {}", char::from(kind));
        }
    }
    let pax = |records: &str| {
        let head = header(b"p", b'x', format!("{:o}", records.len()).as_bytes(), |_| {});
        let mut body = records.as_bytes().to_vec();
        body.resize(512, 0);
        read_one(&[&head[..], &body, &header(b"a", b'0', b"0", |_| {}), &[0; 1024]].concat())
    };
    assert_eq!(pax("11 path=bb\n").unwrap(), ["bb"]);
    assert!(pax("28 size=9999999999999999999\n").is_err());
    for bad in ["11 path=bb", "99 path=bb\n", "0 path=bb\n", "x", "3 \n", "-5 a=b\n", "10 size=-1\n"] {
        assert!(pax(bad).is_err(), "{bad}");
    }
}

#[test]
fn paths_that_no_system_has_are_refused() {
    let deep = "a/".repeat(3000);
    assert!(read_one(&layer(&[file(&deep, 0o644, "")])).unwrap_err().contains("LongPath"));
    let many: Vec<Item> = (0..80).map(|number| file(&format!("{}{number}", "b/".repeat(2040)), 0o644, "")).collect();
    assert!(read_one(&layer(&many)).unwrap_err().contains("TooMany"));
}

#[test]
fn what_hides_behind_the_end_is_no_layer() {
    let member = header(b"a", b'0', b"0", |_| {});
    assert!(read_one(&[&member[..], &[0; 512], &member].concat()).is_err());
    assert_eq!(read_one(&[&member[..], &[0; 1024], b"trailing"].concat()).unwrap(), ["a"]);
    assert_eq!(read_one(&[&member[..]].concat()).unwrap(), ["a"]);
    assert_eq!(read_one(&[]).unwrap(), Vec::<String>::new());
    let mut wrong = member.clone();
    wrong[0] = b'b';
    assert!(
        read_one(&[&header(b"z", b'0', b"0", |_| {})[..], &wrong, &[0; 1024]].concat())
            .unwrap_err()
            .contains("checksum")
    );
}

#[test]
fn random_layers_read_as_the_tar_crate_reads_them() {
    let mut random = Random(3);
    for _ in 0..60 {
        let bytes = layer(&random_layer(&mut random));
        let mut oracle = tar::Archive::new(&bytes[..]);
        let paths: Vec<String> = oracle
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().trim_end_matches('/').to_owned())
            .collect();
        assert_eq!(read_one(&bytes).unwrap(), paths);
        let noise: Vec<u8> = bytes.iter().map(|byte| if random.below(400) == 0 { !byte } else { *byte }).collect();
        // Any answer is right here but a panic.
        read_layer(&noise[..512], &noise[..]).ok();
    }
}

#[test]
fn what_gnu_tar_writes_is_read_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let long = "n".repeat(120);
    std::fs::create_dir_all(root.join("in/d")).unwrap();
    std::fs::write(root.join("in/d/file"), "text").unwrap();
    std::fs::hard_link(root.join("in/d/file"), root.join("in/d/same")).unwrap();
    std::os::unix::fs::symlink("file", root.join("in/d/link")).unwrap();
    let sparse = std::fs::File::create(root.join("in/sparse")).unwrap();
    for at in 0..40u64 {
        std::os::unix::fs::FileExt::write_all_at(&sparse, b"x", at << 16).unwrap();
    }
    for format in ["v7", "ustar", "gnu", "oldgnu", "pax"] {
        if !matches!(format, "v7" | "ustar") {
            std::fs::write(root.join("in").join(&long), "long").unwrap();
        }
        for extra in ["--no-xattrs", "--sparse"] {
            let mut tar = Command::new("tar");
            tar.args(["--sort=name", extra, "--format", format, "-cf", "out.tar", "-C", "in", "."]).current_dir(root);
            if !tar.output().unwrap().status.success() {
                assert!(extra == "--sparse" && matches!(format, "v7" | "ustar"), "{format} {extra}");
                continue;
            }
            let bytes = std::fs::read(root.join("out.tar")).unwrap();
            let listed = Command::new("tar").args(["-tf", "out.tar"]).current_dir(root).output().unwrap().stdout;
            let listed = String::from_utf8(listed).unwrap();
            let listed: Vec<&str> =
                listed.lines().map(|line| line.trim_start_matches("./").trim_end_matches('/')).collect();
            assert_eq!(read_one(&bytes).unwrap(), listed, "{format} {extra}");
            let facts = read_layer(&bytes[..512], &bytes[..]).unwrap();
            let whole = facts.entries.iter().find(|entry| &*entry.path == "sparse").unwrap();
            assert_eq!(whole.size, (39 << 16) + 1, "{format} {extra}");
        }
    }
}
