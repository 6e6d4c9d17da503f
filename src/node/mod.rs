//! Where images go: Minikube, kind and plain engines as targets, and one stream to each node that
//! says what it has, takes what it lacks, and proves that it arrived.

mod docker;
mod error;
mod intake;
mod machine;
mod minikube;
mod ssh;
mod state;
mod stream;
mod target;
mod transcript;
mod within;

pub use error::Error;
pub use minikube::{Home, Profile};
pub use ssh::Login;
pub use target::{Surroundings, Target};

use crate::engine::{Address, Engine};
use crate::image::transfer::{Chunk, Form};
use crate::types::{Digest, ImageId, ImageRef};
use bytes::Bytes;
use machine::Machine;
use std::collections::HashSet;
use within::Within;

/// A machine that runs images.
#[derive(Clone)]
pub struct Node {
    name: String,
    /// It is one of a cluster's, not an engine that somebody named.
    in_cluster: bool,
    via: Via,
}

/// How a node is reached, and by what it runs images.
#[derive(Clone)]
enum Via {
    /// A containerd, on this machine.
    Containerd(Box<Machine>),
    /// A Docker Engine, in a container of another one.
    DockerWithin(Box<Within>),
    /// A Docker Engine with an address of its own; `check` is the command that starts it, or shows
    /// what is wrong with it.
    Docker { address: Address, check: String },
}

/// What a node is to have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The image.
    pub id: ImageId,
    /// How the engine that holds it names it.
    pub engine_id: Digest,
    /// Its layers, bottom first.
    pub diff_ids: Vec<Digest>,
    /// All names it is to have there.
    pub names: Vec<ImageRef>,
}

/// What a node has before a load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Everything is there, under all names.
    pub complete: bool,
    /// The image itself is there; only names are missing.
    pub content: bool,
    /// Names that are another image's: which, and whose.
    pub moving: Vec<(ImageRef, ImageId)>,
}

/// What a node said of several images.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it is reached.
    pub by: String,
    /// Who was asked.
    pub asked: &'static str,
    /// What it has of each, in the order of the question.
    pub found: Vec<Found>,
}

/// Who says what a node has.
const CONTAINERD: &str = "containerd and CRI";
const DOCKER: &str = "its engine";

/// A node that said what it has, and waits.
pub enum Session {
    /// A containerd.
    Containerd(Box<stream::Stream>),
    /// A Docker Engine.
    Docker(Box<docker::Load>),
}

impl Node {
    /// Its name: the machine's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether pods run on it.
    pub fn runs_pods(&self) -> bool {
        self.in_cluster
    }

    /// What this node has of each of `all`, and no more. It costs less than to open a stream for
    /// each of them. `builder` is the engine that holds the images.
    ///
    /// # Errors
    /// As `open`.
    pub async fn ask(&self, builder: &Engine, all: &[Wanted]) -> Result<Answer, Error> {
        if let Via::Containerd(machine) = &self.via {
            let found = stream::Stream::ask(machine, all).await?;
            return Ok(Answer { by: machine.by(), asked: CONTAINERD, found });
        }
        let mut answer = Answer { by: String::new(), asked: DOCKER, found: Vec::new() };
        for wanted in all {
            let session = self.open(builder, wanted).await?;
            answer.by = session.by();
            answer.found.push(session.found().clone());
        }
        Ok(answer)
    }

    /// Opens the stream to this node and asks what it has of `wanted`. `builder` is the engine
    /// that holds the image.
    ///
    /// # Errors
    /// The node does not run, cannot be reached, or lacks what a load needs.
    pub async fn open(&self, builder: &Engine, wanted: &Wanted) -> Result<Session, Error> {
        match &self.via {
            Via::Containerd(machine) => {
                let stream = stream::Stream::open(machine, wanted).await?;
                Ok(Session::Containerd(Box::new(stream)))
            }
            Via::DockerWithin(within) => {
                let inner = within.connect().await?;
                docker::Load::open(&self.name, inner, builder, wanted).await.map(Box::new).map(Session::Docker)
            }
            Via::Docker { address, check } => {
                let failed = |source| Error::NoEngine {
                    node: self.name.clone(),
                    check: check.clone(),
                    source: Box::new(source),
                };
                let engine = Engine::connect(address).await.map_err(failed)?;
                docker::Load::open(&self.name, engine, builder, wanted).await.map(Box::new).map(Session::Docker)
            }
        }
    }
}

impl Session {
    /// How the node is reached.
    pub fn by(&self) -> String {
        match self {
            Self::Containerd(stream) => stream.by(),
            Self::Docker(load) => load.by(),
        }
    }

    /// What the node has.
    pub fn found(&self) -> &Found {
        match self {
            Self::Containerd(stream) => stream.found(),
            Self::Docker(load) => load.found(),
        }
    }

    /// Who says what the node has.
    pub fn asked(&self) -> &'static str {
        match self {
            Self::Containerd(_) => CONTAINERD,
            Self::Docker(_) => DOCKER,
        }
    }

    /// All names that the image is to have.
    pub fn names(&self) -> &[ImageRef] {
        match self {
            Self::Containerd(stream) => stream.names(),
            Self::Docker(load) => load.names(),
        }
    }

    /// The blobs and layers that need not be sent.
    ///
    /// # Errors
    /// The node was lost, or does not say.
    pub async fn present(&mut self) -> Result<HashSet<Digest>, Error> {
        match self {
            Self::Containerd(stream) => stream.present().await,
            Self::Docker(load) => load.present().await,
        }
    }

    /// Tells the node that an archive comes.
    pub fn begin(&mut self) {
        match self {
            Self::Containerd(stream) => stream.begin(),
            Self::Docker(load) => load.begin(),
        }
    }

    /// Whether blobs go into its store one by one, before anything there needs them.
    pub fn takes_blobs(&self) -> bool {
        matches!(self, Self::Containerd(stream) if stream.takes_blobs())
    }

    /// Sends a piece of the archive.
    ///
    /// # Errors
    /// The node was lost, or takes no more.
    pub async fn take(&mut self, chunk: Chunk) -> Result<(), Error> {
        match self {
            Self::Containerd(stream) => stream.take(chunk).await,
            Self::Docker(load) => load.write(chunk.in_archive()).await,
        }
    }

    /// How the archive is to end for this node.
    pub fn form(&self) -> Form {
        match self {
            Self::Containerd(stream) => Form::Containerd { alias: stream.knows_any() },
            Self::Docker(_) => Form::Docker,
        }
    }

    /// Ends the archive with `tail` and proves that the image arrived with this manifest. Says
    /// which pods still run the images whose names moved.
    ///
    /// # Errors
    /// The node refused the image, or does not have it as it should.
    pub async fn finish(self, tail: Bytes, manifest: &Digest) -> Result<Vec<String>, Error> {
        match self {
            Self::Containerd(mut stream) => {
                stream.end(&tail).await?;
                stream.finish(manifest).await
            }
            Self::Docker(mut load) => {
                load.write(tail).await?;
                load.finish(manifest).await
            }
        }
    }

    /// Gives the missing names to an image that the node holds already.
    ///
    /// # Errors
    /// The node refused.
    pub async fn name(self) -> Result<Vec<String>, Error> {
        match self {
            Self::Containerd(stream) => stream.name().await,
            Self::Docker(load) => load.name().await,
        }
    }
}
