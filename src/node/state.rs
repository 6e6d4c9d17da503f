//! What a containerd node has of an image, read from what its tools print.

use super::transcript::{Section, Transcript};
use crate::types::{Digest, ImageId, ImageRef, chain_ids};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// What containerd and CRI say of one image and its names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The manifest that each name points at.
    manifests: BTreeMap<String, Digest>,
    /// The top layer is unpacked.
    unpacked: bool,
    /// The image that CRI has under each name.
    images: BTreeMap<String, ImageId>,
}

/// A part of the node does not answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mute {
    pub(super) asked: &'static str,
    pub(super) answer: String,
}

impl State {
    /// What is said of an image that is to have `names`, and whose top layer has the chain id `top`.
    pub(super) fn read(transcript: &Transcript, names: &[ImageRef], top: Option<&Digest>) -> Result<Self, Mute> {
        let names: Vec<String> = names.iter().map(ImageRef::canonical).collect();
        let manifests = answer(transcript, "containerd", "names", &[])?.map(table).unwrap_or_default();
        let unpacked = match top.map(|top| format!("chain {top}")) {
            Some(chain) => {
                answer(transcript, "containerd", &chain, &["does not exist", "not found"])?.is_some_and(committed)
            }
            None => true,
        };
        let images = match transcript.section("cri") {
            Some(_) => answer(transcript, "CRI", "cri", &[])?.map(listed).unwrap_or_default(),
            None => Self::each(transcript, names)?,
        };
        Ok(Self { manifests, unpacked, images })
    }

    /// The image that CRI has under each of `names`, where it was asked for each.
    fn each(transcript: &Transcript, names: Vec<String>) -> Result<BTreeMap<String, ImageId>, Mute> {
        let mut images = BTreeMap::new();
        for name in names {
            let text = answer(transcript, "CRI", &format!("cri {name}"), &["no such image", "not found"])?;
            // Beside the id, crictl warns of settings that it finds.
            let id = text.and_then(|text| text.lines().find_map(|line| line.trim().parse().ok()));
            images.extend(id.map(|id| (name, id)));
        }
        Ok(images)
    }

    /// The image that CRI has under `name`.
    pub(super) fn image(&self, name: &ImageRef) -> Option<&ImageId> {
        self.images.get(&name.canonical())
    }

    /// The manifest by which containerd has `id`: CRI keeps a name for it.
    pub(super) fn manifest(&self, id: &ImageId) -> Option<&Digest> {
        self.manifests.get(&id.to_string())
    }

    /// The top layer is there, and so are all below it.
    pub(super) fn unpacked(&self) -> bool {
        self.unpacked
    }

    /// Whether containerd has `name`, for whatever image.
    pub(super) fn has(&self, name: &str) -> bool {
        self.manifests.contains_key(name)
    }

    /// Any of the image's names is there, for whatever image.
    pub(super) fn knows_any(&self) -> bool {
        !self.manifests.is_empty()
    }

    /// What is missing for `id` to be there under all `names`, by the manifest `manifest` or, if
    /// that is not known, by any one. `None` if it is there.
    pub(super) fn lacks(&self, id: &ImageId, names: &[ImageRef], manifest: Option<&Digest>) -> Option<String> {
        if !self.unpacked {
            return Some("containerd has not unpacked its top layer".into());
        }
        let first = names.first().and_then(|name| self.manifests.get(&name.canonical()));
        let manifest = manifest.or(first);
        for name in names {
            let found = self.manifests.get(&name.canonical());
            if found.is_none() || found != manifest {
                let found = found.map_or("nothing", Digest::as_str);
                return Some(format!("containerd's `{name}` points at {found}"));
            }
            match self.image(name) {
                Some(image) if image == id => {}
                Some(other) => return Some(format!("CRI's `{name}` is {other}")),
                None => return Some(format!("CRI does not have `{name}`")),
            }
        }
        None
    }
}

/// The text of a section; `None` if it says that what was asked for is not there.
fn answer<'a>(
    transcript: &'a Transcript,
    asked: &'static str,
    section: &str,
    absent: &[&str],
) -> Result<Option<&'a str>, Mute> {
    let mute = |answer: &str| Mute { asked, answer: answer.trim().to_owned() };
    let Section { text, code, .. } = transcript.section(section).ok_or_else(|| mute("nothing"))?;
    match code {
        0 => Ok(Some(text)),
        _ if absent.iter().any(|words| text.contains(words)) => Ok(None),
        _ => Err(mute(text)),
    }
}

/// Which of these layers the node needs no bytes of: their blobs are there, or they are unpacked.
/// A layer that is listed twice is unpacked on two chains.
pub(super) fn present(transcript: &Transcript, diff_ids: &[Digest]) -> Result<HashSet<Digest>, Mute> {
    let digests = |section| {
        let text = answer(transcript, "containerd", section, &[])?.unwrap_or_default();
        let first = |line: &str| line.split_whitespace().next()?.parse().ok();
        Ok(text.lines().filter_map(first).collect::<HashSet<Digest>>())
    };
    let (mut present, chains) = (digests("blobs")?, digests("chains")?);
    let packed: HashSet<&Digest> = diff_ids
        .iter()
        .zip(chain_ids(diff_ids))
        .filter(|(_, chain)| !chains.contains(chain))
        .map(|(id, _)| id)
        .collect();
    present.extend(diff_ids.iter().filter(|id| !packed.contains(id)).cloned());
    Ok(present)
}

/// `ctr images ls`: a table with the columns REF, TYPE, DIGEST, …
fn table(text: &str) -> BTreeMap<String, Digest> {
    let row = |line: &str| {
        let mut columns = line.split_whitespace();
        Some((columns.next()?.to_owned(), columns.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

/// `crictl images -o json`: the image of each name that any image has. What comes before the JSON are
/// warnings of settings.
fn listed(text: &str) -> BTreeMap<String, ImageId> {
    #[derive(Deserialize)]
    struct List {
        #[serde(default)]
        images: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        id: ImageId,
        #[serde(rename = "repoTags", default)]
        tags: Vec<String>,
    }
    let json = text.find("\n{").map_or(text, |at| &text[at + 1..]);
    let list = serde_json::from_str::<List>(json).map(|list| list.images).unwrap_or_default();
    list.into_iter().flat_map(|one| one.tags.into_iter().map(move |tag| (tag, one.id.clone()))).collect()
}

/// `ctr snapshots info`: JSON.
fn committed(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "Kind")]
        kind: String,
    }
    serde_json::from_str::<Info>(text).is_ok_and(|info| info.kind == "Committed")
}

/// Of `crictl ps -o json`: the pods with a container that runs one of `ids`, as `namespace/name`.
pub(super) fn pods_running(text: &str, ids: &[ImageId]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Running {
        #[serde(default)]
        containers: Vec<Container>,
    }
    #[derive(Deserialize)]
    struct Container {
        #[serde(rename = "imageRef", default)]
        image_ref: String,
        #[serde(default)]
        image: Image,
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    #[derive(Default, Deserialize)]
    struct Image {
        #[serde(default)]
        image: String,
    }
    let running = serde_json::from_str::<Running>(text).map(|running| running.containers).unwrap_or_default();
    let old = |one: &Container| ids.iter().any(|id| [&one.image_ref, &one.image.image].contains(&&id.to_string()));
    pods(running.into_iter().filter(old).map(|one| one.labels))
}

/// The pods that containers with these labels belong to, each once.
pub(super) fn pods(labels: impl Iterator<Item = BTreeMap<String, String>>) -> Vec<String> {
    let name = |labels: BTreeMap<String, String>| {
        let label = |key: &str| labels.get(&format!("io.kubernetes.pod.{key}")).cloned();
        Some(format!("{}/{}", label("namespace")?, label("name")?))
    };
    let mut pods: Vec<String> = labels.filter_map(name).collect();
    pods.sort();
    pods.dedup();
    pods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    /// As containerd 1.6 and crictl 1.34 print it.
    fn transcript(names: &str, chain: (&str, i32), cri: &[(&str, &str, i32)]) -> Transcript {
        let mut transcript = Transcript::default();
        transcript.feed(format!("@loadline begin names\n{names}\n@loadline end 0\n").as_bytes());
        transcript.feed(format!("@loadline begin chain {TOP}\n{}\n@loadline end {}\n", chain.0, chain.1).as_bytes());
        for (name, text, code) in cri {
            transcript.feed(format!("@loadline begin cri {name}\n{text}\n@loadline end {code}\n").as_bytes());
        }
        transcript
    }

    const TOP: &str = "sha256:f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0";
    const COMMITTED: &str = "{\n    \"Kind\": \"Committed\",\n    \"Name\": \"sha256:f0\"\n}";
    const ABSENT: &str = "time=\"x\" level=fatal msg=\"no such image \\\"a:1\\\" present\"";

    #[test]
    fn an_image_is_there_when_containerd_and_cri_agree() {
        let names: [ImageRef; 1] = ["a:1".parse().unwrap()];
        let (id, other, manifest) = (ImageId(digest("id")), ImageId(digest("other")), digest("manifest"));
        let row = format!("REF TYPE DIGEST SIZE\n{} type {manifest} 1 KiB linux/amd64 -", names[0].canonical());
        let full = names[0].canonical();
        let read = |row: &str, chain, cri| {
            State::read(&transcript(row, chain, &[cri]), &names, Some(&TOP.parse().unwrap())).unwrap()
        };
        let cri = id.to_string();
        let good = read(&row, (COMMITTED, 0), (full.as_str(), cri.as_str(), 0));
        assert_eq!(good.lacks(&id, &names, None), None);
        assert_eq!(good.lacks(&id, &names, Some(&manifest)), None);
        assert!(good.lacks(&id, &names, Some(&digest("elsewhere"))).unwrap().contains("points at"));
        let gone = ("ctr: snapshot sha256:f0 does not exist: not found", 1);
        assert!(read(&row, gone, (&full, &cri, 0)).lacks(&id, &names, None).unwrap().contains("unpacked"));
        assert!(read("", (COMMITTED, 0), (&full, &cri, 0)).lacks(&id, &names, None).unwrap().contains("nothing"));
        let unaware = read(&row, (COMMITTED, 0), (&full, ABSENT, 1));
        assert!(unaware.lacks(&id, &names, None).unwrap().contains("CRI does not have"));
        let moved = read(&row, (COMMITTED, 0), (&full, &other.to_string(), 0));
        assert!(moved.lacks(&id, &names, None).unwrap().contains("CRI's `a:1` is"));
        assert_eq!(moved.image(&names[0]), Some(&other));
    }

    #[test]
    fn a_list_of_all_images_tells_the_same() {
        let names: [ImageRef; 2] = ["a:1".parse().unwrap(), "b:1".parse().unwrap()];
        let id = ImageId(digest("id"));
        let list = serde_json::json!({"images": [
            {"id": id, "repoTags": [names[0].canonical(), "x:1"], "repoDigests": [], "size": "7"},
            {"id": ImageId(digest("other")), "repoTags": []},
        ]});
        let mut transcript = transcript("", (COMMITTED, 0), &[]);
        transcript.feed(format!("@loadline begin cri\ntime=x warning\n{list:#}\n@loadline end 0\n").as_bytes());
        let state = State::read(&transcript, &names, Some(&TOP.parse().unwrap())).unwrap();
        assert_eq!((state.image(&names[0]), state.image(&names[1])), (Some(&id), None));
        transcript.feed(b"@loadline begin cri\nconnect: connection refused\n@loadline end 1\n");
        assert_eq!(State::read(&transcript, &names, None).unwrap_err().asked, "CRI");
    }

    #[test]
    fn a_part_that_does_not_answer_is_named() {
        let names: [ImageRef; 1] = ["a:1".parse().unwrap()];
        let full = names[0].canonical();
        let dead = "connect: connection refused";
        let read = |transcript: &Transcript| State::read(transcript, &names, Some(&TOP.parse().unwrap())).unwrap_err();
        assert_eq!(
            read(&transcript("", (COMMITTED, 0), &[(&full, dead, 1)])),
            Mute { asked: "CRI", answer: dead.into() }
        );
        assert_eq!(read(&transcript("", (dead, 1), &[])).asked, "containerd");
        assert_eq!(read(&Transcript::default()).answer, "nothing");
    }

    #[test]
    fn a_layer_is_present_by_its_blob_or_by_every_chain_it_ends() {
        let [a, b, c] = ["a", "b", "c"].map(digest);
        let layers = [a.clone(), b.clone(), a.clone(), c.clone()];
        let chains = chain_ids(&layers);
        let present = |blobs: &[&Digest], unpacked: &[&Digest]| {
            let lines = |all: &[&Digest]| all.iter().map(|one| format!("{one}\n")).collect::<String>();
            let mut transcript = Transcript::default();
            transcript.feed(format!("@loadline begin blobs\n{}\n@loadline end 0\n", lines(blobs)).as_bytes());
            let table = format!("KEY PARENT KIND\n{}", lines(unpacked));
            transcript.feed(format!("@loadline begin chains\n{table}\n@loadline end 0\n").as_bytes());
            super::present(&transcript, &layers).unwrap()
        };
        assert_eq!(present(&[&c], &[&chains[0], &chains[1]]), [b.clone(), c.clone()].into());
        assert_eq!(present(&[], &[&chains[0], &chains[1], &chains[2]]), [a, b].into());
        assert_eq!(present(&[], &[]), [].into());
    }

    #[test]
    fn pods_are_named_once_and_only_if_they_run_the_old_image() {
        let (old, new) = (ImageId(digest("old")), ImageId(digest("new")));
        let container = |image: &ImageId, pod: &str| {
            serde_json::json!({"image": {"image": image}, "imageRef": image, "labels":
                {"io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.name": pod}})
        };
        let all = [container(&old, "b"), container(&old, "a"), container(&old, "a"), container(&new, "c")];
        let text = serde_json::json!({"containers": all}).to_string();
        assert_eq!(pods_running(&text, &[old]), ["default/a", "default/b"]);
        assert!(pods_running("not JSON", &[new]).is_empty());
    }
}
