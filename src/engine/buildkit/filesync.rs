//! `moby.filesync.v1.FileSync/DiffCopy`: we list a directory, the builder asks for the files that
//! its own copy lacks (the protocol of tonistiigi/fsutil, "send").
//!
//! The builder compares stats (size, time, mode, owner), so a file that kept them is not sent.

use crate::context::{Entry, Filter, Kind, Listing, WalkError, walk, xattrs};
use crate::types::Digest;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::fsutil::types::{Packet, Stat};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync as Service;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// With 256 KiB a first copy of 300 MB took two thirds of the time that 32 KiB took.
const CHUNK: usize = 256 << 10;

/// What may be asked for, by number: the path, if it has content to send, and whether it is a file.
type Sendable = Mutex<Vec<Option<(Box<str>, bool)>>>;
type Packets = mpsc::Sender<Result<Packet, Status>>;

/// The directories of one build, by the name the builder knows them under, and what went wrong
/// with them: the builder only passes on a text.
#[derive(Clone, Default)]
pub struct LocalDirs {
    dirs: HashMap<String, PathBuf>,
    failure: Arc<Mutex<Option<WalkError>>>,
    synced: Arc<Mutex<Vec<Synced>>>,
}

/// What the builder asked of a directory, and what it was told is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The directory's name: `context` or `dockerfile`.
    pub dir: String,
    /// Patterns of paths to include; all if there are none.
    pub include: Vec<String>,
    /// Patterns of paths to leave out.
    pub exclude: Vec<String>,
    /// Paths to include with what their links lead to.
    pub follow: Vec<String>,
    /// The digest of what was listed.
    pub listing: Digest,
}

impl LocalDirs {
    /// Serves `path` under `name`.
    pub fn insert(&mut self, name: impl Into<String>, path: PathBuf) {
        self.dirs.insert(name.into(), path);
    }

    /// Everything that was listed so far, in the order in which it was asked for.
    pub fn synced(&self) -> Vec<Synced> {
        self.synced.lock().map(|synced| synced.clone()).unwrap_or_default()
    }

    /// The first error that reading a directory met, once.
    pub(super) fn take_failure(&self) -> Option<WalkError> {
        self.failure.lock().ok()?.take()
    }

    fn keep_failure(&self, error: WalkError) -> Status {
        let status = Status::aborted(error.to_string());
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert(error);
        }
        status
    }
}

pub(super) struct FileSync(LocalDirs);

impl FileSync {
    pub(super) fn new(dirs: LocalDirs) -> Self {
        Self(dirs)
    }
}

#[tonic::async_trait]
impl Service for FileSync {
    type DiffCopyStream = ReceiverStream<Result<Packet, Status>>;
    type TarStreamStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

    async fn diff_copy(&self, request: Request<Streaming<Packet>>) -> Result<Response<Self::DiffCopyStream>, Status> {
        let wanted = Wanted::of(request.metadata())?;
        let root = match self.0.dirs.get(&wanted.dir) {
            Some(root) => root.clone(),
            None => return Err(Status::not_found(format!("no directory `{}` in this build", wanted.dir))),
        };
        let filter = Filter::new(&root, &wanted.include, &wanted.exclude, &wanted.follow)
            .map_err(|error| self.0.keep_failure(error))?;
        let (send, receive) = mpsc::channel(64);
        let listed = Listed { root, filter, wanted, dirs: self.0.clone() };
        tokio::spawn(copy(listed, request.into_inner(), send));
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn tar_stream(&self, _: Request<Streaming<Packet>>) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("only DiffCopy is served"))
    }
}

/// What one call asks for.
struct Wanted {
    dir: String,
    include: Vec<String>,
    exclude: Vec<String>,
    follow: Vec<String>,
}

impl Wanted {
    fn synced(self, listing: Digest) -> Synced {
        Synced { dir: self.dir, include: self.include, exclude: self.exclude, follow: self.follow, listing }
    }

    fn of(metadata: &MetadataMap) -> Result<Self, Status> {
        let dir = values(metadata, "dir-name")?.pop().unwrap_or_default();
        Ok(Self {
            dir,
            include: values(metadata, "include-patterns")?,
            exclude: values(metadata, "exclude-patterns")?,
            follow: values(metadata, "followpaths")?,
        })
    }
}

/// The values of `key`, which the builder escapes as in a query if one is not printable ASCII.
fn values(metadata: &MetadataMap, key: &str) -> Result<Vec<String>, Status> {
    let escaped = metadata.contains_key(format!("{key}-encoded").as_str());
    let decode = |text: &str| {
        if !escaped {
            return Ok(text.to_owned());
        }
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned())
    };
    let wrong = || Status::invalid_argument(format!("`{key}` is not UTF-8"));
    metadata
        .get_all(key)
        .iter()
        .map(|value| value.to_str().map_err(|_| wrong()).and_then(|text| decode(text).map_err(|_| wrong())))
        .collect()
}

/// A directory to list for one call.
struct Listed {
    root: PathBuf,
    filter: Filter,
    wanted: Wanted,
    dirs: LocalDirs,
}

/// Lists the directory, and answers requests for files until the builder is content.
async fn copy(listed: Listed, mut requests: Streaming<Packet>, send: Packets) {
    let root = listed.root.clone();
    // Requests come while we still list: a file's path must be known before its stat is sent.
    let files: Arc<Sendable> = Arc::default();
    let listing = {
        let (files, send) = (files.clone(), send.clone());
        tokio::task::spawn_blocking(move || list(listed, &files, &send))
    };
    while let Ok(Some(packet)) = requests.message().await {
        match PacketType::try_from(packet.r#type) {
            Ok(PacketType::PacketReq) => {
                let path = files.lock().ok().and_then(|mut files| files.get_mut(packet.id as usize)?.take());
                let Some((path, is_file)) = path else {
                    send.send(Err(Status::invalid_argument(format!("no file number {}", packet.id)))).await.ok();
                    break;
                };
                let (full, send, id) = (root.join(&*path), send.clone(), packet.id);
                let sent = tokio::task::spawn_blocking(move || send_file(&full, is_file, id, &send)).await;
                if !matches!(sent, Ok(ControlFlow::Continue(()))) {
                    break;
                }
            }
            Ok(PacketType::PacketFin) => {
                let fin = Packet { r#type: PacketType::PacketFin as i32, ..Packet::default() };
                send.send(Ok(fin)).await.ok();
                break;
            }
            _ => break,
        }
    }
    listing.abort();
}

fn list(listed: Listed, files: &Sendable, send: &Packets) {
    let Listed { root, filter, wanted, dirs } = listed;
    let mut listing = Listing::default();
    let stat_packet =
        |stat: Option<Stat>| Ok(Packet { r#type: PacketType::PacketStat as i32, stat, ..Packet::default() });
    let walked = walk(&root, &filter, &mut |entry| {
        listing.add(&entry);
        if let Ok(mut files) = files.lock() {
            // A socket goes as an empty file, so the builder asks for its content.
            let asked = matches!(entry.kind, Kind::File | Kind::Socket);
            files.push(asked.then(|| (entry.path.as_str().into(), entry.kind == Kind::File)));
        }
        // A file that vanished, or whose attributes are not for us, is sent without them.
        let attributes = xattrs(&root.join(&entry.path)).unwrap_or_default();
        match send.blocking_send(stat_packet(Some(stat(entry, attributes)))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    match walked {
        // A packet without a stat ends the list. What was listed is known before the builder goes on.
        Ok(()) => {
            if let Ok(mut synced) = dirs.synced.lock() {
                synced.push(wanted.synced(listing.digest()));
            }
            send.blocking_send(stat_packet(None)).ok()
        }
        Err(error) => send.blocking_send(Err(dirs.keep_failure(error))).ok(),
    };
}

fn stat(entry: Entry, attributes: Vec<(String, Vec<u8>)>) -> Stat {
    let mut stat = Stat {
        xattrs: attributes.into_iter().collect(),
        mode: go_mode(entry.mode),
        // As the docker CLI does: files of a context belong to root.
        uid: 0,
        gid: 0,
        mod_time: entry.mtime_ns,
        ..Stat::default()
    };
    match entry.kind {
        Kind::File => stat.size = entry.size as i64,
        Kind::Symlink { target } => {
            stat.size = entry.size as i64;
            stat.linkname = target;
        }
        Kind::Hardlink { of } => {
            stat.size = entry.size as i64;
            stat.linkname = of;
        }
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            stat.devmajor = i64::from(major);
            stat.devminor = i64::from(minor);
        }
        Kind::Directory | Kind::Fifo | Kind::Socket => {}
    }
    stat.path = entry.path;
    stat
}

/// Unix `st_mode` as Go's `os.FileMode`.
fn go_mode(mode: u32) -> u32 {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 1 << 31,
        libc::S_IFLNK => 1 << 27,
        libc::S_IFBLK => 1 << 26,
        libc::S_IFCHR => 1 << 26 | 1 << 21,
        libc::S_IFIFO => 1 << 25,
        _ => 0,
    };
    let special = [(libc::S_ISUID, 1 << 23), (libc::S_ISGID, 1 << 22), (libc::S_ISVTX, 1 << 20)];
    special.iter().filter(|(bit, _)| mode & bit != 0).fold(mode & 0o777 | kind, |mode, (_, bit)| mode | bit)
}

fn send_file(path: &Path, is_file: bool, id: u32, send: &Packets) -> ControlFlow<()> {
    let packet = |data| Packet { r#type: PacketType::PacketData as i32, id, data, ..Packet::default() };
    let give = |packet| match send.blocking_send(packet) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let sent = match is_file {
        true => send_chunks(path, &mut |data| give(Ok(packet(data)))),
        false => Ok(ControlFlow::Continue(())),
    };
    match sent {
        Ok(ControlFlow::Break(())) => ControlFlow::Break(()),
        // A packet without data ends the file.
        Ok(ControlFlow::Continue(())) => give(Ok(packet(Vec::new()))),
        Err(error) => {
            let _: ControlFlow<()> = give(Err(Status::aborted(format!("cannot read {}: {error}", path.display()))));
            ControlFlow::Break(())
        }
    }
}

fn send_chunks(path: &Path, give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
    // A link that took the file's place since it was listed could lead out of the context.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
    loop {
        let mut data = Vec::with_capacity(CHUNK);
        if file.by_ref().take(CHUNK as u64).read_to_end(&mut data)? == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        if give(data).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        assert_eq!(go_mode(0o100644), 0o644);
        assert_eq!(go_mode(0o040755), 1 << 31 | 0o755);
        assert_eq!(go_mode(0o120777), 1 << 27 | 0o777);
        assert_eq!(go_mode(0o104755), 1 << 23 | 0o755);
        assert_eq!(go_mode(0o041777), 1 << 31 | 1 << 20 | 0o777);
    }

    #[test]
    fn escaped_values_are_read() {
        let mut metadata = MetadataMap::new();
        metadata.append("followpaths", "a+b%C3%A9".parse().unwrap());
        assert_eq!(values(&metadata, "followpaths").unwrap(), ["a+b%C3%A9"]);
        metadata.append("followpaths-encoded", "1".parse().unwrap());
        assert_eq!(values(&metadata, "followpaths").unwrap(), ["a bé"]);
    }
}
