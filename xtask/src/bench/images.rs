//! Images of random data, which no compression makes smaller, put into the engine as archives of
//! `docker load`.

use super::place::Place;
use crate::host;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(180);

/// A layer: a tar file with one file of random bytes in it.
#[derive(Clone)]
pub struct Layer {
    path: PathBuf,
    diff_id: String,
}

/// An image of the engine.
#[derive(Clone)]
pub struct Image {
    pub tag: String,
    /// `sha256:…`, of its config.
    pub id: String,
    layers: Vec<Layer>,
}

impl Layer {
    /// A layer with the file `name` of `bytes` random bytes, kept in `directory`.
    fn random(directory: &Path, name: &str, bytes: u64) -> Result<Self> {
        Self::of_files(directory, name, 1, bytes)
    }

    /// A layer of so many files of `bytes` random bytes each: `name`, or what is below it if they are several.
    fn of_files(directory: &Path, name: &str, files: usize, bytes: u64) -> Result<Self> {
        let unique = format!("{name}-{:016x}.tar", fastrand::u64(..));
        let path = directory.join(unique);
        let file = File::create(&path).with_context(|| format!("creating `{}`", path.display()))?;
        let mut tar = tar::Builder::new(Hashing { file: BufWriter::new(file), hash: Sha256::new() });
        let mut random = File::open("/dev/urandom").context("opening `/dev/urandom`")?;
        for number in 0..files {
            let name = if files == 1 { name.to_owned() } else { format!("{name}/{number:05}") };
            append(&mut tar, &name, bytes, Read::by_ref(&mut random).take(bytes))?;
        }
        let Hashing { mut file, hash } = tar.into_inner()?;
        file.flush()?;
        Ok(Self { path, diff_id: format!("sha256:{}", host::hex(&hash.finalize())) })
    }
}

impl Image {
    /// 280 MB in five layers: four of 70 MB, and a small one on top.
    pub fn big(place: &Place, name: &str) -> Result<Self> {
        let directory = place.directory("layers")?;
        let mut layers = Vec::new();
        for number in 1..=4 {
            layers.push(Layer::random(&directory, &format!("part{number}"), 70_000_000)?);
        }
        layers.push(Layer::random(&directory, "settings", SMALL)?);
        Self::load(place, name, layers, 0)
    }

    /// `bytes` in so many files, in five layers, and a small one on top.
    pub fn with_files(place: &Place, name: &str, bytes: u64, files: usize) -> Result<Self> {
        let directory = place.directory("layers")?;
        let mut layers = Vec::new();
        for number in 1..=5 {
            layers.push(Layer::of_files(&directory, &format!("part{number}"), files / 5, bytes / files as u64)?);
        }
        layers.push(Layer::random(&directory, "settings", SMALL)?);
        Self::load(place, name, layers, 0)
    }

    /// The sum of its layers' tars, in bytes.
    pub fn size(&self) -> Result<u64> {
        let size = |layer: &Layer| layer.path.metadata().map(|metadata| metadata.len());
        self.layers.iter().map(size).sum::<io::Result<u64>>().context("looking at the layers of an image")
    }

    /// The same with the file in its small layer changed.
    pub fn top_change(&self, place: &Place, name: &str) -> Result<Self> {
        self.change(place, name, self.layers.len() - 1, "settings", SMALL)
    }

    /// The same with the file in the top layer changed.
    pub fn small_change(&self, place: &Place, name: &str) -> Result<Self> {
        self.change(place, name, 4, "settings", SMALL)
    }

    /// The same with the 70 MB layer in the middle changed.
    pub fn middle_change(&self, place: &Place, name: &str) -> Result<Self> {
        self.change(place, name, 2, "part3", 70_000_000)
    }

    /// Takes its name from the engine.
    pub fn forget(&self, place: &Place) -> Result<()> {
        run::output("removing an image", &mut place.docker(&["image", "rm", "--force", &self.tag]), LOAD).map(drop)
    }

    /// Takes its name from the engine, and its layers from the directory.
    pub fn remove(&self, place: &Place) -> Result<()> {
        for Layer { path, .. } in &self.layers {
            std::fs::remove_file(path).with_context(|| format!("removing `{}`", path.display()))?;
        }
        self.forget(place)
    }

    fn change(&self, place: &Place, name: &str, layer: usize, file: &str, bytes: u64) -> Result<Self> {
        let mut layers = self.layers.clone();
        layers[layer] = Layer::random(&place.directory("layers")?, file, bytes)?;
        let changed = layers[layer].path.clone();
        let image = Self::load(place, name, layers, layer)?;
        std::fs::remove_file(&changed).with_context(|| format!("removing `{}`", changed.display()))?;
        Ok(image)
    }

    /// Puts it into the engine, which has the lowest `present` layers already.
    fn load(place: &Place, name: &str, layers: Vec<Layer>, present: usize) -> Result<Self> {
        let tag = format!("{}/{name}", super::place::REPOSITORY);
        let config = config(&layers);
        let id = format!("sha256:{}", host::hex(&Sha256::digest(&config)));
        let path = place.directory("layers")?.join("archive.tar");
        archive(&path, &tag, &config, &layers, present)?;
        let mut docker = place.docker(&["load", "--input"]);
        run::output("putting an image into the engine", docker.arg(&path), LOAD)?;
        std::fs::remove_file(&path).with_context(|| format!("removing `{}`", path.display()))?;
        let found = place.image_id(&tag)?;
        ensure!(found == id, "putting `{tag}` into the engine: it has {found}, not {id}");
        Ok(Self { tag, id, layers })
    }
}

const SMALL: u64 = 3000;

fn config(layers: &[Layer]) -> Vec<u8> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let config = json!({
        "architecture": architecture, "os": "linux", "created": "2025-01-01T00:00:00Z",
        "config": { "User": "1000:1000", "Entrypoint": ["/settings"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    config.to_string().into_bytes()
}

fn archive(path: &Path, tag: &str, config: &[u8], layers: &[Layer], present: usize) -> Result<()> {
    let file = File::create(path).with_context(|| format!("creating `{}`", path.display()))?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    let names: Vec<String> = (0..layers.len()).map(|place| format!("{place}/layer.tar")).collect();
    let manifest = json!([{ "Config": "config.json", "RepoTags": [tag], "Layers": names }]).to_string();
    append(&mut tar, "config.json", config.len() as u64, config)?;
    append(&mut tar, "manifest.json", manifest.len() as u64, manifest.as_bytes())?;
    for (layer, name) in layers.iter().zip(&names).skip(present) {
        let file = File::open(&layer.path).with_context(|| format!("opening `{}`", layer.path.display()))?;
        append(&mut tar, name, file.metadata()?.len(), file)?;
    }
    tar.into_inner()?.flush().with_context(|| format!("writing `{}`", path.display()))
}

fn append(tar: &mut tar::Builder<impl Write>, name: &str, bytes: u64, content: impl Read) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content).with_context(|| format!("writing `{name}` into an archive"))
}

/// Writes to a file and hashes what it writes.
struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_has_is_left_out_of_the_archive() {
        let directory = std::env::temp_dir().join(format!("loadline-images-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let layers = [1, 2].map(|_| Layer::random(&directory, "file", 5000).unwrap());
        let bytes = std::fs::read(&layers[0].path).unwrap();
        assert_eq!(layers[0].diff_id, format!("sha256:{}", host::hex(&Sha256::digest(&bytes))));
        assert_ne!(layers[0].diff_id, layers[1].diff_id);
        let path = directory.join("archive.tar");
        archive(&path, "a:b", &config(&layers), &layers, 1).unwrap();
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let names: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(names, ["config.json", "manifest.json", "1/layer.tar"].map(PathBuf::from));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
