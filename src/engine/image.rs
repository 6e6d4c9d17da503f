//! Images in an engine: what they are, their bytes, their names.

use super::{Engine, Error};
use crate::types::{Digest, ImageId};
use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// What an engine says of an image.
#[derive(Clone, Debug)]
pub struct ImageSummary {
    /// The id as the engine has it: the config's digest, or on engines with the containerd store
    /// the manifest's.
    pub engine_id: Digest,
    /// The diff ids of its layers, bottom first; they are the same on every engine.
    pub root_fs: RootFs,
    /// What `docker images` shows. It depends on the store, so it never decides anything.
    pub shown_size: u64,
    /// The names it has there.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Diff ids, bottom first.
pub type RootFs = Vec<Digest>;

impl Engine {
    /// What the engine says of `image`, a reference or an id.
    pub async fn inspect(&self, image: &str) -> Result<ImageSummary, Error> {
        let doing = format!("inspecting image `{image}`");
        let found = self.api.inspect_image(image).await.map_err(|error| {
            let error = Error::api(&doing, error);
            if error.is_not_found() { Error::NoSuchImage { image: image.to_owned() } } else { error }
        })?;
        let parse = |text: &str| text.parse::<Digest>().map_err(|error| Error::broken(&doing, error));
        let layers = found.root_fs.and_then(|root| root.layers).unwrap_or_default();
        Ok(ImageSummary {
            engine_id: parse(&found.id.unwrap_or_default())?,
            root_fs: layers.iter().map(|layer| parse(layer)).collect::<Result<_, _>>()?,
            shown_size: found.size.unwrap_or_default().max(0) as u64,
            names: found.repo_tags.unwrap_or_default(),
            labels: found.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
        })
    }

    /// The image as `docker save` writes it: a tar archive, chunk by chunk. The export ends when
    /// the receiver is dropped.
    pub fn export(&self, image: &str) -> mpsc::Receiver<Result<Bytes, Error>> {
        let (send, receive) = mpsc::channel(8);
        let (api, image) = (self.api.clone(), image.to_owned());
        tokio::spawn(async move {
            let doing = format!("exporting image `{image}`");
            let mut chunks = std::pin::pin!(api.export_image(&image));
            while let Some(chunk) = chunks.next().await {
                if send.send(chunk.map_err(|error| Error::api(&doing, error))).await.is_err() {
                    break;
                }
            }
        });
        receive
    }

    /// Gives `image` the name `repository:tag`.
    pub async fn tag(&self, image: &ImageId, repository: &str, tag: &str) -> Result<(), Error> {
        let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        let doing = format!("tagging {image} as `{repository}:{tag}`");
        self.api.tag_image(&image.to_string(), Some(options)).await.map_err(|error| Error::api(doing, error))
    }

    /// Takes the name `reference` away; layers that nothing else uses go with it.
    pub async fn untag(&self, reference: &str) -> Result<(), Error> {
        let options = RemoveImageOptionsBuilder::default().noprune(true).build();
        let doing = format!("removing the name `{reference}`");
        self.api.remove_image(reference, Some(options), None).await.map(drop).map_err(|error| Error::api(doing, error))
    }
}
