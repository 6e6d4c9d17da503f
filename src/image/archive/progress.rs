//! How far reading is, said aloud.

use crate::event::{Event, Events};
use crate::types::ByteSize;
use std::io::{self, Read};

/// What is said again after this many bytes.
const STEP: u64 = 8 << 20;

/// Says [`Event::Reading`] while it is read.
pub struct Progress<R> {
    reader: R,
    image: String,
    events: Events,
    done: u64,
    said: u64,
}

impl<R> Progress<R> {
    /// Says how far `reader` is read, as `image`.
    pub fn new(reader: R, image: &str, events: Events) -> Self {
        Self { reader, image: image.to_owned(), events, done: 0, said: 0 }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.done += count as u64;
        let at_end = count == 0 && !buffer.is_empty() && self.said < self.done;
        if at_end || self.done - self.said >= STEP {
            self.said = self.done;
            self.events.say(Event::Reading { image: self.image.clone(), done: ByteSize(self.done) });
        }
        Ok(count)
    }
}
