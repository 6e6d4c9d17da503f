//! An export as a plain reader, for code that reads archives and knows no engine.

use super::{Engine, Error};
use bytes::{Buf, Bytes};
use std::io::{self, Read};
use tokio::sync::mpsc;

/// The bytes of an exported image. Reading blocks: it belongs on a blocking thread.
pub struct ExportReader {
    chunks: mpsc::Receiver<Result<Bytes, Error>>,
    rest: Bytes,
}

impl Engine {
    /// The image as `docker save` writes it, to be read on a blocking thread.
    pub fn export_reader(&self, image: &str) -> ExportReader {
        ExportReader { chunks: self.export(image), rest: Bytes::new() }
    }
}

impl Read for ExportReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
