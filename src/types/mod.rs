//! Names, sizes and verdicts that every room shares: parsed once, no I/O.

mod because;
mod digest;
mod duration;
mod finding;
mod measured;
mod outcome;
mod path;
mod platform;
mod reference;
mod size;
mod visible;
mod wildcard;

pub use because::{Because, FileChange};
pub use digest::{Digest, DigestError, ImageId, chain_ids};
pub use duration::{DurationError, format_duration, parse_duration};
pub use finding::{Finding, Place, Severity};
pub use measured::{Answers, Measured, MemoryMeasured, ProbeMeasured, Restarts, StopMeasured, WritesMeasured};
pub use outcome::{Explained, Outcome};
pub use path::{path_from_here, short_path};
pub use platform::{Platform, PlatformError};
pub use reference::{ImageRef, ReferenceError};
pub use size::{ByteSize, SizeError};
pub use visible::visible;
pub use wildcard::wildcard;
