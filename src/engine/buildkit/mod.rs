//! Building through BuildKit's own API (`moby.buildkit.v1.Control`): one gRPC channel, and for
//! each build a session in which we serve the context, the secrets and the credentials.

mod auth;
mod control;
mod filesync;
mod secrets;
mod session;
mod solve;

pub use control::BuildKit;
pub use filesync::{LocalDirs, Synced};
pub use secrets::SecretValues;
pub use solve::{Log, Progress, Solve, SolveError, Solved, Vertex, Warning};
