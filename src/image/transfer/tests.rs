//! Archives as engines write them, converted, and read again as nodes read them.

use super::*;
use crate::types::{Digest, ImageId, ImageRef};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

struct Made {
    id: ImageId,
    diff_ids: Vec<Digest>,
    export: Vec<u8>,
}

fn tarred(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        // A directory, as both kinds of engines write them.
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn layers() -> Vec<Vec<u8>> {
    let layer = |n: u8| tarred(&[(format!("file-{n}"), vec![n; 700 * usize::from(n)])]);
    vec![layer(1), layer(2), layer(3)]
}

fn config(layers: &[Vec<u8>]) -> (ImageId, Vec<Digest>, Vec<u8>) {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = config.to_string().into_bytes();
    (ImageId(Digest::of(&config)), diff_ids, config)
}

/// As 20.10 writes it: layers in the order of ids that say nothing, the config and the list last.
fn legacy() -> Made {
    let mut layers = layers();
    let (id, diff_ids, config) = config(&layers);
    layers.reverse();
    let mut members = Vec::new();
    for (n, layer) in layers.into_iter().enumerate() {
        let folder = format!("{n}{}", "f".repeat(63));
        members.push((format!("{folder}/"), vec![]));
        members.push((format!("{folder}/VERSION"), b"1.0".to_vec()));
        members.push((format!("{folder}/json"), b"{\"id\":\"x\"}".to_vec()));
        members.push((format!("{folder}/layer.tar"), layer));
    }
    members.push((format!("{}.json", id.0.hex()), config));
    members.push(("manifest.json".into(), b"[{\"Config\":\"x.json\"}]".to_vec()));
    members.push(("repositories".into(), b"{}".to_vec()));
    Made { id, diff_ids, export: tarred(&members) }
}

fn blob(bytes: Vec<u8>) -> (String, Vec<u8>) {
    (format!("blobs/sha256/{}", Digest::of(&bytes).hex()), bytes)
}

/// As engines from 25 on write it; with the containerd store, layers are compressed.
fn layout(compressed: bool) -> Made {
    let (id, diff_ids, config) = config(&layers());
    let gzip = |layer: Vec<u8>| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&layer).unwrap();
        encoder.finish().unwrap()
    };
    let blobs: Vec<Vec<u8>> = if compressed { layers().into_iter().map(gzip).collect() } else { layers() };
    let suffix = if compressed { "+gzip" } else { "" };
    let media_type = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
    let described: Vec<Value> = blobs
        .iter()
        .map(|blob| json!({"mediaType": media_type, "size": blob.len(), "digest": Digest::of(blob)}))
        .collect();
    let manifest = json!({"schemaVersion": 2, "config": {"digest": id, "size": config.len()}, "layers": described});
    let mut members = vec![("blobs/".to_owned(), vec![]), ("blobs/sha256/".to_owned(), vec![])];
    members.extend(blobs.into_iter().map(blob));
    members.extend([blob(config), blob(manifest.to_string().into_bytes())]);
    members.push(("index.json".into(), b"{}".to_vec()));
    members.push(("oci-layout".into(), b"{}".to_vec()));
    Made { id, diff_ids, export: tarred(&members) }
}

fn convert(made: &Made, export: &[u8], size: usize) -> Result<(Vec<u8>, Contents), ArchiveError> {
    let mut converter = Converter::new(made.id.clone(), made.diff_ids.clone(), HashMap::new());
    let mut out = vec![Converter::head()];
    for chunk in export.chunks(size) {
        converter.push(Bytes::copy_from_slice(chunk), &mut out)?;
    }
    Ok((out.into_iter().flat_map(Chunk::in_archive).collect(), converter.finish()?))
}

fn read(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let member = |entry: std::io::Result<tar::Entry<&[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    };
    archive.entries().unwrap().map(member).collect()
}

fn names() -> Vec<ImageRef> {
    vec!["app:1".parse().unwrap(), "app:id-0".parse().unwrap()]
}

/// Follows an archive from its index as containerd does: by digests alone.
fn followed(archive: &[u8], made: &Made) -> Vec<String> {
    let members = read(archive);
    let by_digest: BTreeMap<String, &Vec<u8>> =
        members.values().map(|bytes| (Digest::of(bytes).to_string(), bytes)).collect();
    let index: Value = serde_json::from_slice(&members["index.json"]).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    for entry in entries {
        let manifest: Value = serde_json::from_slice(by_digest[entry["digest"].as_str().unwrap()]).unwrap();
        assert_eq!(manifest["config"]["digest"], json!(made.id));
        assert!(by_digest.contains_key(&made.id.to_string()));
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), made.diff_ids.len());
        for (layer, diff_id) in layers.iter().zip(&made.diff_ids) {
            let bytes = by_digest[layer["digest"].as_str().unwrap()];
            assert_eq!(layer["size"], json!(bytes.len()));
            let mut plain = bytes.clone();
            if layer["mediaType"].as_str().unwrap().ends_with("gzip") {
                plain.clear();
                flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
            }
            assert_eq!(Digest::of(&plain), *diff_id);
        }
    }
    let name = |entry: &Value| entry["annotations"]["io.containerd.image.name"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

#[test]
fn every_engines_export_becomes_an_archive_for_containerd() {
    for made in [legacy(), layout(false), layout(true)] {
        let (body, contents) = convert(&made, &made.export, 4096).unwrap();
        let archive = [body, contents.tail(&names(), Form::Containerd { alias: true }).to_vec()].concat();
        let expected = [made.id.to_string(), names()[0].canonical(), names()[1].canonical()];
        assert_eq!(followed(&archive, &made), expected);
    }
}

#[test]
fn the_same_archive_can_be_loaded_by_an_engine() {
    for made in [legacy(), layout(false), layout(true)] {
        let (body, contents) = convert(&made, &made.export, 4096).unwrap();
        let members = read(&[body, contents.tail(&names(), Form::Docker).to_vec()].concat());
        let list: Value = serde_json::from_slice(&members["manifest.json"]).unwrap();
        assert_eq!(Digest::of(&members[list[0]["Config"].as_str().unwrap()]), made.id.0);
        assert_eq!(list[0]["RepoTags"], json!(["docker.io/library/app:1", "docker.io/library/app:id-0"]));
        let layers = list[0]["Layers"].as_array().unwrap();
        assert!(layers.iter().all(|layer| members.contains_key(layer.as_str().unwrap())));
        assert_eq!(layers.len(), 3);
    }
}

#[test]
fn how_the_export_is_cut_into_chunks_does_not_matter() {
    for made in [legacy(), layout(true)] {
        let (whole, contents) = convert(&made, &made.export, usize::MAX).unwrap();
        for size in [1, 7, 511, 512, 513, 1000] {
            let (body, same) = convert(&made, &made.export, size).unwrap();
            assert!(body == whole && same.manifest() == contents.manifest(), "{size}");
        }
    }
}

#[test]
fn an_export_that_is_cut_off_anywhere_is_refused() {
    let made = legacy();
    let end = made.export.len() - 1024;
    for cut in (0..end).step_by(97) {
        let error = convert(&made, &made.export[..cut], 4096).unwrap_err();
        assert!(matches!(error, ArchiveError::Truncated { at, .. } if at == cut as u64), "{cut}: {error:?}");
    }
}

#[test]
fn damage_of_a_document_is_found_before_a_node_has_it() {
    let flipped = |made: &Made, text: &[u8]| {
        let mut export = made.export.clone();
        let at = export.windows(text.len()).position(|window| window == text).unwrap();
        export[at] ^= 1;
        export
    };
    let damaged = |made: &Made, text: &[u8]| convert(made, &flipped(made, text), 4096).unwrap_err();
    // A layer goes by the digest that it should have, and a node takes in no other content for it.
    let content = [2; 600];
    let made = layout(false);
    convert(&made, &flipped(&made, &content), 4096).unwrap();
    assert!(matches!(damaged(&legacy(), &content), ArchiveError::NoLayer { number: 2, count: 3, .. }));
    assert!(matches!(damaged(&layout(false), b"amd64"), ArchiveError::WrongDigest { .. }));
    assert!(matches!(damaged(&legacy(), b"amd64"), ArchiveError::NoConfig { .. }));
    assert!(matches!(damaged(&legacy(), b"/layer.tar"), ArchiveError::NotTar { .. }));
    let mut other = legacy();
    other.diff_ids.pop();
    let error = convert(&other, &other.export, 4096).unwrap_err();
    assert!(error.to_string().ends_with("where none should be"), "{error}");
}

#[test]
fn an_export_need_not_be_read_to_its_end_for_layers_that_are_there() {
    let made = legacy();
    let (_, whole) = convert(&made, &made.export, 4096).unwrap();
    let sizes = whole.counted().collect::<HashMap<_, _>>();
    let without = |diff_id: &Digest| -> HashMap<_, _> {
        sizes.iter().filter(|(one, _)| *one != diff_id).map(|(one, size)| (one.clone(), *size)).collect()
    };
    for needed in &made.diff_ids {
        let mut converter = Converter::new(made.id.clone(), made.diff_ids.clone(), without(needed));
        let (mut out, mut read) = (Vec::new(), 0);
        for chunk in made.export.chunks(100) {
            if converter.has_all() {
                break;
            }
            read += chunk.len();
            converter.push(Bytes::copy_from_slice(chunk), &mut out).unwrap();
        }
        assert!(read < made.export.len() - 1024, "{read}");
        assert_eq!(converter.finish().unwrap().manifest(), whole.manifest());
    }
    // Without the sizes of the others all of it has to come.
    let mut converter = Converter::new(made.id.clone(), made.diff_ids.clone(), HashMap::new());
    let end = made.export.len() - 1024;
    converter.push(Bytes::copy_from_slice(&made.export[..end / 2]), &mut Vec::new()).unwrap();
    assert!(!converter.has_all() && converter.finish().is_err());
}

#[test]
fn nonsense_is_no_archive_and_never_a_panic() {
    let made = legacy();
    let mut state = 1_u32;
    for round in 0..2000 {
        let mut export = made.export.clone();
        for _ in 0..=round % 5 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % export.len();
            export[at] = (state >> 24) as u8;
        }
        if let Ok((body, contents)) = convert(&made, &export, 1000) {
            let archive = [body, contents.tail(&names(), Form::Containerd { alias: false }).to_vec()].concat();
            followed(&archive, &made);
        }
    }
}

#[test]
fn what_is_no_header_is_at_the_same_byte_in_any_chunks() {
    let made = legacy();
    let mut export = made.export.clone();
    export[1536..2048].fill(7);
    for size in [1, 100, 512, 4096, export.len()] {
        assert_eq!(convert(&made, &export, size).err(), Some(ArchiveError::NotTar { at: 1536 }), "{size}");
    }
}

#[test]
fn a_size_that_nothing_has_is_not_rounded_up() {
    let made = legacy();
    let record = b"29 size=18446744073709551615\n";
    let mut records = super::contents::member("PaxHeaders/x", record);
    records[156] = b'x';
    records[148..156].fill(b' ');
    let sum: u32 = records[..512].iter().map(|byte| u32::from(*byte)).sum();
    records[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let member = super::contents::member("blobs/sha256/x", b"12345");
    let mut converter = Converter::new(made.id, made.diff_ids, HashMap::new());
    converter.push([records, member[..514].to_vec()].concat().into(), &mut Vec::new()).unwrap();
    assert_eq!(converter.underway(), Some((None, 3 + 507)));
}

#[test]
fn memory_does_not_grow_with_the_image() {
    let made = legacy();
    let mut converter = Converter::new(made.id, made.diff_ids, HashMap::new());
    let mut out = Vec::new();
    let mut kept = 0;
    for member in 0..200 {
        let bytes = vec![b'{'; 300_000];
        let name = format!("{member}/layer.tar");
        let whole = super::contents::member(&name, &bytes);
        converter.push(whole.into(), &mut out).unwrap();
        kept = converter.kept();
        out.clear();
    }
    assert!(kept <= 16 << 20, "{kept}");
}
