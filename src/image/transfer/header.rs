//! Tar headers (POSIX `ustar`, with the GNU and pax ways of saying large sizes), as far as image
//! archives use them.

/// Tar is made of blocks of this size.
pub(super) const BLOCK: usize = 512;

/// What a header says of the bytes that follow it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// Records that hold for the next member (pax, `x`).
    Records,
    /// A directory, a link, or a device: it may state a size, but no bytes follow it.
    Empty,
    /// Anything else that carries nothing for us.
    Other,
}

impl Header {
    /// Reads a header; `None` if the block is none.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        if block.len() != BLOCK || octal(&block[148..156])? != checksum(block) {
            return None;
        }
        let kind = match block[156] {
            b'0' | 0 => Kind::File,
            b'x' => Kind::Records,
            b'1'..=b'6' => Kind::Empty,
            _ => Kind::Other,
        };
        let size = if kind == Kind::Empty { 0 } else { size(&block[124..136])? };
        Some(Self { name: name(block), size, kind })
    }

    /// Takes over what pax records (`17 path=…\n`) say of this member.
    pub(super) fn apply(&mut self, records: &[u8]) {
        let mut rest = records;
        while let Some((key, value, after)) = record(rest) {
            match key {
                "path" => self.name = value.to_owned(),
                "size" if self.kind != Kind::Empty => {
                    self.size = value.parse().ok().filter(is_size).unwrap_or(self.size);
                }
                _ => {}
            }
            rest = after;
        }
    }

    /// The header of a plain file that nobody owns and that was never changed: what does not vary
    /// cannot make two archives of one image differ.
    pub(super) fn of_file(name: &str, size: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, name.as_bytes(), 100);
        for (at, text) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (136, "00000000000\0")] {
            put(&mut block, at, text.as_bytes(), 12);
        }
        match size {
            0..0o77_777_777_777 => put(&mut block, 124, format!("{size:011o}\0").as_bytes(), 12),
            _ => {
                block[124] = 0x80;
                put(&mut block, 128, &size.to_be_bytes(), 8);
            }
        }
        block[156] = b'0';
        put(&mut block, 257, b"ustar\x0000", 8);
        let sum = checksum(&block);
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes(), 8);
        block
    }
}

/// How many bytes follow a member of `size` bytes to fill its last block.
pub(super) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn put(block: &mut [u8], at: usize, bytes: &[u8], most: usize) {
    let length = bytes.len().min(most);
    block[at..at + length].copy_from_slice(&bytes[..length]);
}

/// The sum of the header's bytes, its own field counted as blanks.
fn checksum(block: &[u8]) -> u64 {
    let counted = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    block.iter().enumerate().map(counted).sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn size(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    // GNU: the top bit set, then a big-endian number.
    let number: [u8; 8] = field[4..].try_into().ok()?;
    Some(u64::from_be_bytes(number)).filter(is_size)
}

/// Over 2^63 nothing is a size, and none can be rounded up to whole blocks.
fn is_size(size: &u64) -> bool {
    *size < 1 << 63
}

fn name(block: &[u8]) -> String {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
    // GNU headers (`ustar  `) keep other things where POSIX has the prefix.
    let posix = &block[257..263] == b"ustar\0";
    if posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

fn record(text: &[u8]) -> Option<(&str, &str, &[u8])> {
    let blank = text.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&text[..blank]).ok()?.parse().ok()?;
    let body = text.get(blank + 1..length)?;
    let (key, value) = std::str::from_utf8(body).ok()?.strip_suffix('\n')?.split_once('=')?;
    Some((key, value, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_tar_crate_writes_them() {
        let mut theirs = tar::Header::new_gnu();
        theirs.set_path("blobs/sha256/abc").unwrap();
        theirs.set_size(9 << 33);
        theirs.set_cksum();
        let header = Header::parse(theirs.as_bytes()).unwrap();
        assert_eq!(header, Header { name: "blobs/sha256/abc".into(), size: 9 << 33, kind: Kind::File });
    }

    #[test]
    fn headers_are_written_as_the_tar_crate_reads_them() {
        for size in [0, 5, 0o77_777_777_776, 0o77_777_777_777, 9 << 40] {
            let block = Header::of_file("a/b", size);
            let theirs = tar::Header::from_byte_slice(&block);
            assert_eq!(theirs.path_bytes().as_ref(), b"a/b");
            assert_eq!(theirs.size().unwrap(), size);
            assert_eq!(u64::from(theirs.cksum().unwrap()), checksum(&block));
            assert_eq!(Header::parse(&block).unwrap().size, size);
        }
    }

    #[test]
    fn pax_records_override_and_nonsense_is_no_header() {
        let mut header = Header { name: "short".into(), size: 0, kind: Kind::File };
        header.apply(b"18 path=long/name\n21 size=12345678901234\n");
        assert_eq!((header.name.as_str(), header.size), ("long/name", 0));
        header.apply(b"18 path=long/name\n23 size=12345678901234\n");
        assert_eq!(header.size, 12_345_678_901_234);
        header.apply(b"29 size=18446744073709551615\n");
        assert_eq!(header.size, 12_345_678_901_234);
        let mut link = Header { name: "link".into(), size: 0, kind: Kind::Empty };
        link.apply(b"10 size=9\n");
        assert_eq!(link.size, 0);
        for bad in [&b""[..], b"7", b"7 a", b"3 a=b\n", b"99999999999999999999 a=b\n", b"x a=b\n"] {
            header.apply(bad);
        }
        assert_eq!(Header::parse(&[1; BLOCK]), None);
        assert_eq!(Header::parse(b"short"), None);
    }
}
