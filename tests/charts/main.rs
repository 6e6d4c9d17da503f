//! The charts suite: the todo application's charts as Helm renders them, and as the API server of a
//! real node takes them. `cargo xtask test charts` provides both and names them in the environment.

mod cluster;
mod helm;
mod manifests;
mod names;
mod options;
mod pods;
mod rows;
mod schema;
mod secrets;
mod values;
