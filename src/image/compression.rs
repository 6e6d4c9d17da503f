//! What a stream is, by its first bytes: gzip, zstd, or neither; and the stream that is in it.

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{self, BufReader, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// zstd:chunked layers and seekable files put their tables into frames that decoders skip.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
const BUFFER: usize = 256 << 10;

/// Bytes that were read ahead, then the rest of the stream.
pub type Peeked<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// Reads up to `count` bytes ahead; returns them, and the stream as if nothing had been read.
pub fn peek<R: Read>(mut reader: R, count: u64) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut start = Vec::new();
    reader.by_ref().take(count).read_to_end(&mut start)?;
    Ok((start.clone(), io::Cursor::new(start).chain(reader)))
}

/// The stream begins as a compressed one does.
pub fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(&GZIP) || is_zstd(start)
}

fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&ZSTD) || is_skippable(start)
}

fn is_skippable(start: &[u8]) -> bool {
    start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == ZSTD_SKIPPABLE
}

/// The stream inside `reader`, whose first bytes are `start`; itself if it is not compressed.
pub fn decompressed<'a, R: Read + 'a>(start: &[u8], reader: R) -> Box<dyn Read + 'a> {
    let buffered = BufReader::with_capacity(BUFFER, reader);
    if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(buffered))
    } else if is_zstd(start) {
        Box::new(Zstd { state: Some(ZstdState::Between(buffered)) })
    } else {
        Box::new(buffered)
    }
}

/// All frames of a zstd stream; the decoder of the crate reads one.
struct Zstd<R: Read> {
    state: Option<ZstdState<R>>,
}

/// The stream, with the magic number of a frame put back before it.
type Frame<R> = io::Chain<io::Cursor<[u8; 4]>, R>;

enum ZstdState<R: Read> {
    Between(R),
    Inside(Box<StreamingDecoder<Frame<R>, FrameDecoder>>),
    End,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Taken, so that a stream that failed is not read on.
            match self.state.take() {
                None => return Err(invalid("the zstd stream failed before")),
                Some(ZstdState::End) => {
                    self.state = Some(ZstdState::End);
                    return Ok(0);
                }
                Some(ZstdState::Between(reader)) => self.state = Some(next_frame(reader)?),
                Some(ZstdState::Inside(mut decoder)) => match decoder.read(buffer)? {
                    0 if !buffer.is_empty() => {
                        self.state = Some(ZstdState::Between(decoder.into_inner().into_inner().1));
                    }
                    count => {
                        self.state = Some(ZstdState::Inside(decoder));
                        return Ok(count);
                    }
                },
            }
        }
    }
}

fn next_frame<R: Read>(mut reader: R) -> io::Result<ZstdState<R>> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let magic: [u8; 4] = match magic.try_into() {
        Ok(magic) => magic,
        Err(rest) if rest.is_empty() => return Ok(ZstdState::End),
        Err(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    if is_skippable(&magic) {
        skip_frame(&mut reader)?;
        return Ok(ZstdState::Between(reader));
    }
    let frame = io::Cursor::new(magic).chain(reader);
    StreamingDecoder::new(frame)
        .map(|decoder| ZstdState::Inside(Box::new(decoder)))
        .map_err(|e| invalid(&e.to_string()))
}

fn skip_frame<R: Read>(reader: &mut R) -> io::Result<()> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u64::from(u32::from_le_bytes(length));
    let skipped = io::copy(&mut reader.take(length), &mut io::sink())?;
    if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
