//! Images made for a test, and the engine and the node that the environment names.

use loadline::engine::{Address, Engine, Output};
use loadline::event::{Event, Events};
use loadline::image::digests::Digests;
use loadline::image::store::Store;
use loadline::load::{Arrived, Error, Image, Memory, Permit, load, names};
use loadline::node::{Node, Surroundings, Target};
use loadline::types::{ByteSize, Digest, ImageId, ImageRef};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// The machine of the profile `minikube`.
pub const MACHINE: &str = "minikube";
/// A base that is in every engine of the tests, and has a shell.
pub const BASE: &str = "nginx:alpine";

pub fn variable(name: &str, what: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} names {what}; `cargo xtask test node` sets it"))
}

pub async fn engine() -> Engine {
    let host = variable("LOADLINE_TEST_DOCKER_HOST", "the engine that the node runs in");
    let address = Address::parse(&host, "LOADLINE_TEST_DOCKER_HOST", None).expect("a valid address");
    Engine::connect(&address).await.expect("the engine under test answers")
}

/// The address of an engine with the containerd store.
pub fn second_host() -> String {
    variable("LOADLINE_TEST_SECOND_DOCKER_HOST", "an engine that images are loaded into")
}

/// That engine.
pub async fn second_engine() -> Engine {
    let address = Address::parse(&second_host(), "LOADLINE_TEST_SECOND_DOCKER_HOST", None).expect("a valid address");
    Engine::connect(&address).await.expect("the second engine answers")
}

pub fn surroundings() -> Surroundings {
    let home = variable("LOADLINE_TEST_MINIKUBE_HOME", "a Minikube home with the node's profile");
    Surroundings { minikube_home: Some(home.into()), ..Surroundings::default() }
}

pub async fn nodes(target: &str) -> Vec<Node> {
    nodes_in(target, surroundings()).await
}

pub async fn nodes_in(target: &str, surroundings: Surroundings) -> Vec<Node> {
    let target: Target = target.parse().expect("a valid target");
    target.nodes(&engine().await, &surroundings).await.expect("the target is there")
}

/// Text that no earlier run had.
pub fn salt() -> String {
    hex::encode(rand::random::<[u8; 6]>())
}

/// Runs a shell command in the container `machine`; its output, whole.
pub async fn run_in(machine: &str, command: &str) -> String {
    String::from_utf8_lossy(&bytes_in(machine, command).await).into_owned()
}

pub async fn bytes_in(machine: &str, command: &str) -> Vec<u8> {
    let (input, mut output) = engine().await.attach(machine, &["sh", "-c", command]).await.expect("it runs");
    input.close().await.ok();
    let mut text = Vec::new();
    while let Some(piece) = output.next().await {
        match piece.expect("the stream holds") {
            Output::Out(bytes) | Output::Err(bytes) => text.extend_from_slice(&bytes),
        }
    }
    text
}

pub async fn on_node(command: &str) -> String {
    run_in(MACHINE, command).await
}

pub async fn kubectl(command: &str) -> String {
    on_node(&format!("kubectl --kubeconfig /etc/kubernetes/admin.conf {command}")).await
}

fn archive(mode: u32, members: &[(String, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// An archive of an image with one file in each layer, and no program: enough to be loaded. With
/// it the image's id and the layers' diff ids.
pub fn pack(tag: &str, files: &[&[u8]]) -> (Vec<u8>, Digest, Vec<Digest>) {
    pack_layers(tag, &layers_of(files))
}

/// A layer with one file for each of `files`; the first is the program, if it can be one.
fn layers_of(files: &[&[u8]]) -> Vec<Vec<u8>> {
    files.iter().enumerate().map(|(n, bytes)| archive(0o755, &[(format!("file-{n}"), bytes)])).collect()
}

/// As an engine from 25 on writes it: blobs that go by their digests.
pub fn pack_blobs(tag: &str, files: &[&[u8]]) -> (Vec<u8>, Digest, Vec<Digest>) {
    pack_named(tag, &layers_of(files), |_, diff_id| format!("blobs/sha256/{}", diff_id.hex()))
}

fn pack_layers(tag: &str, layers: &[Vec<u8>]) -> (Vec<u8>, Digest, Vec<Digest>) {
    pack_named(tag, layers, |number, _| format!("{number}/layer.tar"))
}

fn pack_named(
    tag: &str,
    layers: &[Vec<u8>],
    name: impl Fn(usize, &Digest) -> String,
) -> (Vec<u8>, Digest, Vec<Digest>) {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let history: Vec<_> = layers.iter().map(|_| serde_json::json!({"created": "2024-01-01T00:00:00Z"})).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/file-0"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
    })
    .to_string();
    let id = Digest::of(config.as_bytes());
    let config_name = format!("{}.json", id.hex());
    let names: Vec<String> = diff_ids.iter().enumerate().map(|(number, diff_id)| name(number, diff_id)).collect();
    let manifest = serde_json::json!([{"Config": config_name, "RepoTags": [tag], "Layers": names}]).to_string();
    let mut members: Vec<(String, &[u8])> = names.into_iter().zip(layers.iter().map(Vec::as_slice)).collect();
    members.push((config_name, config.as_bytes()));
    members.push(("manifest.json".into(), manifest.as_bytes()));
    (archive(0o644, &members), id, diff_ids)
}

/// Gives the engine such an image.
pub async fn make(tag: &str, files: &[&[u8]]) -> Image {
    make_in(&engine().await, tag, files).await
}

/// Gives `engine` such an image.
pub async fn make_in(engine: &Engine, tag: &str, files: &[&[u8]]) -> Image {
    let (archive, id, _) = pack(tag, files);
    let (send, receive) = tokio::sync::mpsc::channel(1);
    send.send(Ok(archive.into())).await.unwrap();
    drop(send);
    engine.import(receive).await.expect("the engine takes it");
    image(engine, tag, ImageId(id)).await
}

/// An image that the engine has under `tag`.
pub async fn image(engine: &Engine, tag: &str, id: ImageId) -> Image {
    let tags: Vec<ImageRef> = vec![tag.parse().unwrap()];
    Image::of("app", &id, &engine.inspect(tag).await.expect("the engine has it"), &tags)
}

/// What a load said and how it ended.
pub struct Run {
    pub result: Result<Vec<Arrived>, Error>,
    pub events: Vec<Event>,
}

impl Run {
    pub fn arrived(&self) -> &[Arrived] {
        self.result.as_ref().expect("it arrived")
    }

    pub fn sent(&self) -> u64 {
        self.arrived()[0].sent.0
    }

    /// What arrived at the node `name`.
    pub fn at(&self, name: &str) -> &Arrived {
        self.arrived().iter().find(|one| one.node == name).expect("it arrived there")
    }

    /// The nodes that confirmed the image, whether others did or not.
    pub fn confirmed(&self) -> Vec<&str> {
        let mut nodes: Vec<&str> = Vec::new();
        for event in &self.events {
            if let Event::Loaded { node, .. } = event {
                nodes.push(node);
            }
        }
        nodes
    }

    pub fn notes(&self) -> String {
        let note = |event: &Event| match event {
            Event::Note { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(note).collect::<Vec<_>>().join("\n")
    }
}

pub async fn load_to(image: &Image, nodes: &[Node]) -> Run {
    load_from(&engine().await, image, nodes).await
}

pub async fn load_from(engine: &Engine, image: &Image, nodes: &[Node]) -> Run {
    load_watched(engine, image, nodes, |_| ()).await
}

/// A load by one who has `memory`.
pub async fn load_with(engine: &Engine, image: &Image, nodes: &[Node], memory: &Memory) -> Run {
    load_heard(engine, image, nodes, memory, |_| ()).await
}

/// Lets `memory` know how large the layers of an image of `files` are, as if it had been read.
pub fn measure(memory: &Memory, files: &[&[u8]]) {
    for layer in layers_of(files) {
        memory.sizes.keep_size(&Digest::of(&layer), ByteSize(layer.len() as u64)).unwrap();
    }
}

/// What loads remember in `directory`.
pub fn memory_in(directory: &Path) -> Memory {
    Memory { digests: Digests::at(directory, "test"), sizes: Store::at(directory) }
}

/// Loads, and shows each event to `watch` as it happens; nothing goes on until that returns.
pub async fn load_watched(
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    watch: impl Fn(&Event) + Send + Sync + 'static,
) -> Run {
    let nowhere = tempfile::tempdir().unwrap();
    load_heard(engine, image, nodes, &memory_in(nowhere.path()), watch).await
}

async fn load_heard(
    engine: &Engine,
    image: &Image,
    nodes: &[Node],
    memory: &Memory,
    watch: impl Fn(&Event) + Send + Sync + 'static,
) -> Run {
    let all = Arc::new(Mutex::new(Vec::new()));
    let events = {
        let all = all.clone();
        Events::new(move |event| {
            watch(&event);
            all.lock().unwrap().push(event);
        })
    };
    let result = load(engine, image, nodes, memory, &Permit::given(), &events, &CancellationToken::new()).await;
    let events = std::mem::take(&mut *all.lock().unwrap());
    Run { result, events }
}

pub async fn load_one(image: &Image) -> Run {
    load_to(image, &nodes("minikube").await).await
}

/// `image`, as the second engine has it once it was loaded there.
pub async fn on_second(second: &Engine, image: &Image) -> Image {
    load_to(image, &nodes(&format!("docker:{}", second_host())).await).await.arrived();
    let engine_id = second.inspect(&image.tags[0].canonical()).await.unwrap().engine_id;
    Image { engine_id, ..image.clone() }
}

/// Takes what a test made away again in the second engine.
pub async fn forget_there(images: &[&Image]) {
    let second = second_engine().await;
    for name in images.iter().flat_map(|image| names(image).unwrap()) {
        second.untag(&name.canonical()).await.ok();
    }
}

/// Takes what a test made away again, in the engine and on the node.
pub async fn forget(images: &[&Image]) {
    forget_on(&[MACHINE], images).await;
}

/// The same, where the nodes are these.
pub async fn forget_on(machines: &[&str], images: &[&Image]) {
    let engine = engine().await;
    for image in images {
        for tag in names(image).unwrap() {
            engine.untag(&tag.canonical()).await.ok();
        }
        for machine in machines {
            forget_in(machine, image).await;
        }
    }
}

/// Takes all names of an image away on one node.
pub async fn forget_in(machine: &str, image: &Image) {
    let names: Vec<String> = names(image).unwrap().iter().map(ImageRef::canonical).collect();
    run_in(machine, &format!("ctr -n k8s.io images rm {} {}", names.join(" "), image.id)).await;
}
