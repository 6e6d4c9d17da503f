//! Images as data: their Dockerfiles, configs, archives and layers. Knows no engine.

pub mod config;
pub mod dockerfile;
