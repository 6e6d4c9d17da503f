//! Images made for tests, in every form that an archive has.

use flate2::Compression;
use flate2::write::GzEncoder;
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, ArchiveError, Choice};
use loadline::types::Digest;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use tar::{EntryType, Header};

/// One entry of a layer.
#[derive(Clone)]
pub struct Item {
    pub path: String,
    pub kind: EntryType,
    pub mode: u32,
    pub owner: (u64, u64),
    pub content: Vec<u8>,
    pub link: String,
}

pub fn file(path: &str, mode: u32, content: &str) -> Item {
    let (content, link) = (content.as_bytes().to_vec(), String::new());
    Item { path: path.into(), kind: EntryType::Regular, mode, owner: (0, 0), content, link }
}

pub fn directory(path: &str, mode: u32) -> Item {
    Item { kind: EntryType::Directory, ..file(path, mode, "") }
}

pub fn link(path: &str, target: &str) -> Item {
    Item { kind: EntryType::Symlink, link: target.into(), ..file(path, 0o777, "") }
}

pub fn hard_link(path: &str, target: &str) -> Item {
    Item { kind: EntryType::Link, link: target.into(), ..file(path, 0o644, "") }
}

impl Item {
    pub fn owned(mut self, uid: u64, gid: u64) -> Self {
        self.owner = (uid, gid);
        self
    }
}

/// The tar of a layer, written by the `tar` crate.
pub fn layer(items: &[Item]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        header.set_entry_type(item.kind);
        header.set_mode(item.mode);
        header.set_uid(item.owner.0);
        header.set_gid(item.owner.1);
        header.set_size(item.content.len() as u64);
        if item.link.is_empty() {
            builder.append_data(&mut header, &item.path, &item.content[..]).unwrap();
        } else {
            builder.append_link(&mut header, &item.path, &item.link).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// An image to be.
#[derive(Clone)]
pub struct Image {
    pub run: Value,
    pub history: Value,
    pub layers: Vec<Vec<u8>>,
    pub tag: String,
    pub architecture: String,
}

impl Image {
    pub fn new(run: Value, layers: &[Vec<u8>]) -> Self {
        let (layers, tag) = (layers.to_vec(), "example:1".into());
        Self { run, history: Value::Null, layers, tag, architecture: "amd64".into() }
    }

    pub fn diff_ids(&self) -> Vec<Digest> {
        self.layers.iter().map(|layer| Digest::of(layer)).collect()
    }

    pub fn config(&self) -> Vec<u8> {
        let diff_ids = self.diff_ids();
        let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
        let (run, history, architecture) = (&self.run, &self.history, &self.architecture);
        let config =
            json!({"architecture": architecture, "os": "linux", "config": run, "history": history, "rootfs": rootfs});
        serde_json::to_vec(&config).unwrap()
    }

    /// As `docker save` wrote it up to 24: a directory a layer, the manifest last. A layer that
    /// came before is a link to the first one.
    pub fn legacy(&self) -> Vec<u8> {
        let mut files = Vec::new();
        let mut paths: Vec<String> = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let path = format!("{:064x}/layer.tar", index + 1);
            files.push(file(&format!("{:064x}/VERSION", index + 1), 0o644, "1.0"));
            let first = self.layers.iter().position(|other| other == layer).unwrap();
            files.push(match first == index {
                true => raw(&path, layer),
                false => link(&path, &format!("../{}", paths[first])),
            });
            paths.push(path);
        }
        let config = self.config();
        let name = format!("{}.json", Digest::of(&config).hex());
        files.push(raw(&name, &config));
        let manifest = json!([{"Config": name, "RepoTags": [self.tag], "Layers": paths}]);
        files.push(raw("manifest.json", &serde_json::to_vec(&manifest).unwrap()));
        layer(&files)
    }

    /// As `docker save` writes it from 25 on: an OCI layout that has a `manifest.json` as well.
    pub fn modern(&self) -> Vec<u8> {
        let (mut files, config, layers) = self.blobs(&|layer| layer.to_vec());
        let manifest = json!([{"Config": config, "RepoTags": [self.tag], "Layers": layers}]);
        files.push(raw("manifest.json", &serde_json::to_vec(&manifest).unwrap()));
        layer(&files)
    }

    /// As an OCI layout, its layers put through `compress`.
    pub fn oci(&self, compress: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        layer(&self.blobs(compress).0)
    }

    /// The files of an OCI layout, and the paths of the config and the layers.
    pub fn blobs(&self, compress: &dyn Fn(&[u8]) -> Vec<u8>) -> (Vec<Item>, String, Vec<String>) {
        let mut files = vec![raw("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)];
        let mut add = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            files.push(raw(&format!("blobs/sha256/{}", digest.hex()), bytes));
            digest
        };
        let layers: Vec<Digest> = self.layers.iter().map(|layer| add(&compress(layer))).collect();
        let config = add(&self.config());
        let descriptors: Vec<Value> = layers.iter().map(|digest| json!({"mediaType": "x", "digest": digest})).collect();
        let manifest = json!({"config": {"digest": config}, "layers": descriptors});
        let manifest = add(&serde_json::to_vec(&manifest).unwrap());
        let index = json!({"manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest, "annotations": {"org.opencontainers.image.ref.name": self.tag}}]});
        files.push(raw("index.json", &serde_json::to_vec(&index).unwrap()));
        let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        (files, path(&config), layers.iter().map(path).collect())
    }

    pub fn facts(&self) -> ImageFacts {
        read(&self.legacy()).unwrap()
    }
}

pub fn raw(path: &str, content: &[u8]) -> Item {
    Item { content: content.to_vec(), ..file(path, 0o644, "") }
}

pub fn read(archive: &[u8]) -> Result<ImageFacts, ArchiveError> {
    Archive::read("test", archive, None)?.image(&Choice::default())
}

pub fn choose(archive: &[u8], name: &str) -> Result<ImageFacts, ArchiveError> {
    Archive::read("test", archive, None)?.image(&Choice { name: Some(name.into()), platform: None })
}

pub fn unpack(archive: &[u8], into: &Path) {
    tar::Archive::new(archive).unpack(into).unwrap();
}

pub fn plain(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// What decides a verdict: the id, and of each layer its diff id, size and entries.
pub fn essence(facts: &ImageFacts) -> String {
    format!("{} {:?}", facts.id, facts.layers)
}

/// A small generator of numbers, so that a failure can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// A layer of random entries: names short and long, contents of any length.
pub fn random_layer(random: &mut Random) -> Vec<Item> {
    let name = |random: &mut Random| {
        let long = if random.below(4) == 0 { "x".repeat(60 + random.below(200)) } else { String::new() };
        format!("d{}/{}f{}", random.below(5), long, random.below(1000))
    };
    let item = |random: &mut Random| match random.below(6) {
        0 => directory(&format!("d{}/", random.below(5)), 0o755),
        1 => link(&name(random), &format!("/{}", name(random))),
        2 => hard_link(&name(random), &name(random)),
        _ => file(&name(random), 0o600 + random.below(0o200) as u32, &"c".repeat(random.below(3000))),
    };
    let count = random.below(12);
    (0..count).map(|_| item(random)).collect()
}

/// What `built_to_run` is built of.
pub const DOCKERFILE: &str = "FROM base\nCOPY a /a\nRUN change\n";

/// An image with a layer of a base and one for each line, which runs as `run` says.
pub fn built_to_run(base: &[Item], copied: &[Item], changed: &[Item], run: Value) -> ImageFacts {
    let mut image = Image::new(run, &[layer(base), layer(copied), layer(changed)]);
    image.history = json!([
        {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created_by": "COPY a /a # buildkit"},
        {"created_by": "RUN /bin/sh -c change # buildkit"},
    ]);
    image.facts()
}
