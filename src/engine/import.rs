//! Images into an engine.

use super::{Engine, Error};
use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use std::io;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// What an engine says of each image that it took in.
const TAKEN: &str = "Loaded image";

impl Engine {
    /// Gives the engine an image archive, chunk by chunk. An error among the chunks breaks the
    /// request off, so that the engine does not take a part for the whole.
    ///
    /// # Errors
    /// The engine refused, was lost, or ended without saying that it has the image: the status
    /// of the answer alone says nothing (it comes before the work).
    pub async fn import(&self, archive: mpsc::Receiver<io::Result<Bytes>>) -> Result<(), Error> {
        let doing = format!("loading an image into the engine at {}", self.address());
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let answer = self.api.import_image_stream(options, ReceiverStream::new(archive), None);
        let mut answer = std::pin::pin!(answer);
        let mut taken = false;
        while let Some(line) = answer.next().await {
            let line = line.map_err(|error| Error::api(&doing, error))?;
            taken |= line.stream.is_some_and(|text| text.starts_with(TAKEN));
        }
        if taken { Ok(()) } else { Err(Error::broken(doing, "it did not say that it has the image")) }
    }
}
