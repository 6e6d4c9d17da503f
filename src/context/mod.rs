//! The files of a build: which of them an ignore file leaves out, in which order they are sent,
//! and whether they are still the ones that an image was built from.
//!
//! All of this is defined by what BuildKit's own client does (`tonistiigi/fsutil`,
//! `moby/patternmatcher`), because an image built here must be the one that `docker build` makes;
//! the tests compare with those.

mod content;
mod digest;
mod dir;
mod error;
mod filter;
mod follow;
mod glob;
mod ignore;
mod listing;
mod pattern;
mod record;
mod regexp;
mod walk;
mod xattr;

pub use digest::{Change, Changes, recheck, record};
pub use error::WalkError;
pub use filter::Filter;
pub use ignore::{IgnoreError, IgnoreFile, IgnoreLine};
pub use listing::Listing;
pub use pattern::{Origin, PatternError, Patterns};
pub use record::{RecordError, TreeRecord};
pub use walk::{Entry, Kind, walk};
pub use xattr::xattrs;
