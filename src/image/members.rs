//! The members of a tar stream, one after the other, in constant memory. The `tar` crate knows
//! what a header's fields mean; the walk is ours, because that crate reads a long name of any
//! size into memory and takes a stream that ends early for one that is complete. Where readers
//! differ this one does as Go's `archive/tar` does, which is what engines unpack layers with.

use std::io::{self, Read};
use tar::{EntryType, Header};

const BLOCK: u64 = 512;
/// A name or a set of PAX records that is larger is no name.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Why a tar stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream ends before the tar does.
    #[error("it is cut short at byte {at}")]
    Cut {
        /// Bytes from the start of the tar.
        at: u64,
    },
    /// Something that is no tar header.
    #[error("there is no valid tar header at byte {at}: {why}")]
    Header {
        /// Bytes from the start of the tar.
        at: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The stream itself failed.
    #[error("reading failed at byte {at}")]
    Read {
        /// Bytes from the start of the tar.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What a member's header says, extensions applied.
#[derive(Debug)]
pub struct Member {
    /// The path, as it is written.
    pub path: Vec<u8>,
    /// Where a link points, as it is written.
    pub link: Vec<u8>,
    /// The type of the entry.
    pub kind: EntryType,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// The size of the file that it stands for, in bytes.
    pub size: u64,
}

/// A tar stream, walked member by member.
pub struct Members<R> {
    reader: R,
    at: u64,
    /// Content of the current member that is not read yet, in bytes.
    left: u64,
    /// Zeros that follow it, in bytes.
    padding: u64,
    ended: bool,
    failure: Option<TarError>,
}

/// Extensions that come before the member they are about.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    real_size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl<R: Read> Members<R> {
    /// The members of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, at: 0, left: 0, padding: 0, ended: false, failure: None }
    }

    /// The end-of-archive mark was seen; a stream without it was cut between two members.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// What follows the end of the archive.
    pub fn into_rest(self) -> R {
        self.reader
    }

    /// The next member, or none at the end. What is left of the one before is skipped.
    pub fn advance(&mut self) -> Result<Option<Member>, TarError> {
        let mut extensions = Extensions::default();
        loop {
            self.finish_member()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = number(&header.as_old().size).ok_or(self.wrong("its size is not a number"))?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.path = Some(trimmed(self.extension(size)?)),
                EntryType::GNULongLink => extensions.link = Some(trimmed(self.extension(size)?)),
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    extensions.take_pax(&records).ok_or(self.wrong("its PAX records are malformed"))?;
                }
                // Records for all members that follow: like Go's reader, not applied.
                EntryType::XGlobalHeader => drop(self.extension(size)?),
                _ => return self.member(&header, size, extensions).map(Some),
            }
        }
    }

    /// Where the current member ends with its padding, in bytes from the start of the tar.
    pub fn end(&self) -> u64 {
        self.at + self.left + self.padding
    }

    /// The content of the current member, as far as it is not read yet.
    pub fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    /// The stream's own failure, if reading a content met one. What read the content has seen
    /// only an `io::Error` that it may have taken for its own.
    pub fn failure(&mut self) -> Result<(), TarError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn member(&mut self, header: &Header, size: u64, extensions: Extensions) -> Result<Member, TarError> {
        let old = header.as_old();
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = kind_of(header.entry_type(), &path);
        let mut real_size = extensions.real_size;
        if kind == EntryType::GNUSparse {
            real_size = self.skip_sparse_map(header)?.or(real_size);
        }
        // Links and directories have no content whatever their size says (as in Go's reader).
        let stored = if has_content(kind) { extensions.size.unwrap_or(size) } else { 0 };
        self.expect(stored)?;
        let link = extensions.link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
        let field = |field: &[u8]| number(field).ok_or(self.wrong("its mode or owner is not a number"));
        Ok(Member {
            path,
            link: link.unwrap_or_default(),
            kind,
            mode: (field(&old.mode)? & 0o7777) as u32,
            uid: extensions.uid.map_or_else(|| field(&old.uid), Ok)?,
            gid: extensions.gid.map_or_else(|| field(&old.gid), Ok)?,
            size: real_size.unwrap_or(stored),
        })
    }

    /// The next `size` bytes are content, padded to whole blocks.
    fn expect(&mut self, size: u64) -> Result<(), TarError> {
        let padding = (BLOCK - size % BLOCK) % BLOCK;
        if self.at.checked_add(size).and_then(|end| end.checked_add(padding)).is_none() {
            return Err(self.wrong("its size is beyond 2^64"));
        }
        (self.left, self.padding) = (size, padding);
        Ok(())
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > LONGEST_EXTENSION {
            return Err(self.wrong("its name or PAX records are longer than 1 MiB"));
        }
        self.expect(size)?;
        let mut bytes = vec![0; size as usize];
        self.fill(&mut bytes)?;
        self.left = 0;
        Ok(bytes)
    }

    /// Skips the further blocks of an old GNU sparse map; returns the size of the whole file.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<Option<u64>, TarError> {
        let Some(gnu) = header.as_gnu() else {
            return Err(self.wrong("a sparse file has no GNU header"));
        };
        let mut more = gnu.is_extended();
        while more {
            let mut block = [0; BLOCK as usize];
            self.fill(&mut block)?;
            more = block[504] != 0;
        }
        number(&gnu.realsize).map(Some).ok_or(self.wrong("its size is not a number"))
    }

    /// The next header, or none at the end.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let mut header = Header::new_old();
        if self.ended || !self.fill_or_end(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = [0; BLOCK as usize];
            if self.fill_or_end(&mut second)? && second.iter().any(|byte| *byte != 0) {
                return Err(self.wrong("a member follows the end of the archive"));
            }
            self.ended = true;
            return Ok(None);
        }
        if is_header(header.as_bytes()) { Ok(Some(header)) } else { Err(self.wrong("its checksum is wrong")) }
    }

    fn finish_member(&mut self) -> Result<(), TarError> {
        let mut scratch = [0; 16 << 10];
        while self.left + self.padding > 0 {
            let wanted = (self.left + self.padding).min(scratch.len() as u64);
            self.fill(&mut scratch[..wanted as usize])?;
            let content = self.left.min(wanted);
            self.left -= content;
            self.padding -= wanted - content;
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let start = self.at;
        if buffer.is_empty() || self.fill_or_end(buffer)? { Ok(()) } else { Err(TarError::Cut { at: start }) }
    }

    /// Fills all of `buffer`, or returns false if the stream ended just before it.
    fn fill_or_end(&mut self, buffer: &mut [u8]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(TarError::Cut { at: self.at }),
                Ok(count) => {
                    filled += count;
                    self.at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TarError::Read { at: self.at, source }),
            }
        }
        Ok(true)
    }

    fn wrong(&self, why: &'static str) -> TarError {
        TarError::Header { at: self.at.saturating_sub(BLOCK), why }
    }
}

/// The content of a member.
pub struct Content<'a, R>(&'a mut Members<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let members = &mut *self.0;
        let wanted = members.left.min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        match members.reader.read(&mut buffer[..wanted]) {
            Ok(0) => {
                members.failure = Some(TarError::Cut { at: members.at });
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Ok(count) => {
                members.left -= count as u64;
                members.at += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(source) => {
                let seen = io::Error::new(source.kind(), source.to_string());
                members.failure = Some(TarError::Read { at: members.at, source });
                Err(seen)
            }
        }
    }
}

impl Extensions {
    /// Takes `length key=value\n` records; none if they are malformed.
    fn take_pax(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let space = records.iter().take(20).position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
            let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            self.take_record(&record[..equals], &record[equals + 1..])?;
            records = &records[length..];
        }
        Some(())
    }

    fn take_record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let decimal = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
        match key {
            // An empty value takes a record back.
            _ if value.is_empty() => {}
            b"path" => self.path = Some(value.to_vec()),
            b"GNU.sparse.name" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(decimal()?),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.real_size = Some(decimal()?),
            b"uid" => self.uid = Some(decimal()?),
            b"gid" => self.gid = Some(decimal()?),
            _ => {}
        }
        Some(())
    }
}

/// The first block of a stream is a tar header, by its checksum.
pub fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK as usize) else {
        return false;
    };
    let Some(expected) = number(&block[148..156]) else {
        return false;
    };
    let outside = || block[..148].iter().chain(&block[156..]);
    let unsigned: u64 = outside().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
    // Some old writers summed signed bytes.
    let signed: i64 = outside().map(|byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
    unsigned == expected || i64::try_from(expected) == Ok(signed)
}

/// An octal or base-256 field; an empty one is 0, a negative one none.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let digits = field.iter().enumerate().map(|(i, byte)| if i == 0 { byte & 0x3f } else { *byte });
        let value = digits.into_iter().try_fold(0u64, |sum, byte| sum.checked_mul(256)?.checked_add(byte.into()));
        return value.filter(|_| !negative);
    }
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let text = std::str::from_utf8(&field[..end]).ok()?.trim();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Old writers mark a directory by a slash at the end of its name.
fn kind_of(kind: EntryType, path: &[u8]) -> EntryType {
    match kind {
        EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => EntryType::Directory,
        other => other,
    }
}

fn has_content(kind: EntryType) -> bool {
    !matches!(
        kind,
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    )
}

fn trimmed(mut name: Vec<u8>) -> Vec<u8> {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    name.truncate(end);
    name
}
