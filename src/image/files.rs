//! The index of a layer's entries: what a verifier needs to know of each, without the content.

use crate::image::members::Member;
use crate::image::traces::Trace;
use serde::{Deserialize, Serialize};
use tar::EntryType;

/// One entry of a layer's tar, in the order of the tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path from the root of the image, without a leading slash, `.` and `..`; the root
    /// itself is empty. Bytes that are no UTF-8 are replaced.
    #[serde(rename = "p")]
    pub path: Box<str>,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// Permission bits, with set-uid, set-gid and sticky.
    #[serde(rename = "m")]
    pub mode: u32,
    /// The owner; one beyond 32 bits is the largest of 32 bits.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// The group; one beyond 32 bits is the largest of 32 bits.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// The size of its content in bytes.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero_size")]
    pub size: u64,
    /// What it takes in the tar, in bytes: its headers, its content and the padding of both.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero_size")]
    pub span: u64,
    /// A fingerprint (XXH3, 64 bits) of its content, by which files of the same content are found. It
    /// proves nothing against somebody who wants to deceive.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u64>,
    /// What its content gives away.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<Trace>,
    /// The start of its content, of the few files whose content matters.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Box<str>>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    #[serde(rename = "f")]
    File,
    /// A directory.
    #[serde(rename = "d")]
    Directory,
    /// A symbolic link to this path, as it is written.
    #[serde(rename = "l")]
    Symlink(Box<str>),
    /// Another name of the file at this path (from the root, without a leading slash).
    #[serde(rename = "h")]
    HardLink(Box<str>),
    /// A device, a pipe, or something else.
    #[serde(rename = "o")]
    Other,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero_size(number: &u64) -> bool {
    *number == 0
}

impl Entry {
    /// The entry that `member` is; none if its path leads out of the image.
    pub fn new(member: &Member) -> Option<Self> {
        let kind = match member.kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(String::from_utf8_lossy(&member.link).into()),
            EntryType::Link => Kind::HardLink(clean_path(&member.link)?.into()),
            _ => Kind::Other,
        };
        Some(Self {
            path: clean_path(&member.path)?.into(),
            kind,
            mode: member.mode,
            uid: u32::try_from(member.uid).unwrap_or(u32::MAX),
            gid: u32::try_from(member.gid).unwrap_or(u32::MAX),
            size: member.size,
            span: 0,
            hash: None,
            traces: Vec::new(),
            text: None,
        })
    }
}

/// `path` from the root, without empty parts, `.` and `..`; none if it leads above the root.
pub fn clean_path(path: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
