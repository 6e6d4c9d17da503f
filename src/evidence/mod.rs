//! What was done and what passed, kept between runs: the last build of each image, and evidence
//! that a step passed for one image id, with all that the verdict depended on.
//!
//! It lies in `$XDG_STATE_HOME/loadline/<digest of the project's real path>`, outside every context.

mod lock;
mod record;
mod store;
mod timeline;

pub use lock::Lock;
pub use record::{BuildRecord, Evidence, Stale, Step};
pub use store::{Error, State};
pub use timeline::{Timed, Timeline};
