//! What is not set up yet, with what it costs: listed before it is set up.

use crate::engine::{self, Kind};
use crate::paths::Cache;
use crate::{bases, bench, buildkitd, fuzz, helm, node};

/// One thing that xtask can set up. The costs are the worst seen, on two busy cores.
pub struct Part {
    what: &'static str,
    minutes: u32,
    megabytes: u32,
    is_there: fn(&Cache) -> bool,
}

pub const ENGINE: Part = Part {
    what: "an engine of our own",
    minutes: 1,
    megabytes: 20,
    is_there: |cache| engine::is_up(cache, Kind::Distribution),
};
pub const NEWER_ENGINE: Part = Part {
    what: "a newer engine, in a tree of its own",
    minutes: 1,
    megabytes: 350,
    is_there: |cache| engine::is_up(cache, Kind::Containerd),
};
pub const BASES: Part =
    Part { what: "base images, or stand-ins for them", minutes: 3, megabytes: 1100, is_there: bases::are_made };
pub const BUILDKITD: Part =
    Part { what: "buildkitd, compiled from source", minutes: 6, megabytes: 1500, is_there: buildkitd::is_compiled };
pub const NODE: Part =
    Part { what: "a Kubernetes node, compiled from source", minutes: 12, megabytes: 3500, is_there: node::is_known };
pub const HELM: Part = Part { what: "Helm and kubectl", minutes: 1, megabytes: 150, is_there: helm::is_there };
pub const PEERS: Part = Part {
    what: "buildx, kind and container-structure-test, compiled from source",
    minutes: 4,
    megabytes: 900,
    is_there: bench::peers_are_there,
};
pub const CARGO_FUZZ: Part =
    Part { what: "cargo-fuzz, compiled from source", minutes: 3, megabytes: 10, is_there: fuzz::is_there };

/// Prints those that are missing.
pub fn list(cache: &Cache, parts: impl IntoIterator<Item = Part>) {
    for part in parts.into_iter().filter(|part| !(part.is_there)(cache)) {
        println!("missing: {} (at most {} min, {} MB)", part.what, part.minutes, part.megabytes);
    }
}
