//! The node suite: images into real nodes. `cargo xtask test node` starts the engine and the node
//! and names them in the environment.

mod blobs;
mod containerd;
mod docker;
mod exports;
mod fake;
mod harness;
mod killed;
mod kind;
mod machine;
mod permits;
mod pushed;
mod real;
mod refusals;
mod remote;
mod several;
mod teaching;
mod thin;
mod todo;
