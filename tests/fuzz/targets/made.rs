//! Bytes made into what gets past the first check of a reader: without it a fuzzer would spend its time on
//! sums and digests that it cannot guess.

use loadline::types::Digest;
use serde_json::{Map, Value, json};

const BLOCK: usize = 512;
/// Between the layers of an image that is made of bytes.
const NEXT_LAYER: &[u8] = b"<next layer>";
/// Before the first of them.
const LAYERS: &[u8] = b"<layers>";
/// So many layers are enough for each to hide something of another.
const MOST_LAYERS: usize = 4;

/// `bytes` as a tar with the right checksum in each header.
pub fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut tar = bytes.to_vec();
    let mut at = 0;
    while let Some(block) = tar.get_mut(at..at + BLOCK) {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let content = octal(&block[124..136]).unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(content.next_multiple_of(BLOCK));
    }
    tar
}

fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    usize::from_str_radix(text, 8).ok()
}

/// An image whose parts are right about each other.
pub struct Made {
    /// Its config.
    pub config: Vec<u8>,
    /// The diff ids in it, bottom first.
    pub diff_ids: Vec<Digest>,
    /// The tars of its layers, bottom first.
    pub layers: Vec<Vec<u8>>,
    /// What stands beside `config` and `history` in the bytes.
    pub beside: Map<String, Value>,
}

/// The image that `bytes` describe: a JSON document with `config` and `history` of its config, `<layers>`,
/// and its layers with `<next layer>` between them.
pub fn made(bytes: &[u8]) -> Made {
    let (head, rest) = split(bytes, LAYERS).unwrap_or((b"", bytes));
    let mut beside = match serde_json::from_slice(head) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (mut layers, mut left) = (Vec::new(), Some(rest));
    while let Some(rest) = left.filter(|_| layers.len() < MOST_LAYERS) {
        let (layer, after) = split(rest, NEXT_LAYER).map_or((rest, None), |(layer, after)| (layer, Some(after)));
        layers.push(summed(layer));
        left = after;
    }
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let mut take = |key: &str| beside.remove(key).unwrap_or(Value::Null);
    let (run, history) = (take("config"), take("history"));
    let config = json!({"architecture": "amd64", "os": "linux", "config": run, "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    Made { config: config.to_string().into_bytes(), diff_ids, layers, beside }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

impl Made {
    /// It as an engine writes it: an OCI layout that has a `manifest.json` as well.
    pub fn archive(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, bytes).expect("memory takes it");
        };
        let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
        let paths: Vec<String> = self.layers.iter().map(|layer| blob(layer)).collect();
        self.layers.iter().zip(&paths).for_each(|(layer, path)| add(path, layer));
        add(&blob(&self.config), &self.config);
        let manifest = json!([{"Config": blob(&self.config), "RepoTags": ["example:1"], "Layers": paths}]);
        add("manifest.json", manifest.to_string().as_bytes());
        builder.into_inner().expect("memory takes it")
    }
}
