//! The real `kind`: what it puts on a node, Loadline must find there, and the other way round.

use crate::go::Program;

pub const KIND: Program =
    Program { name: "kind", module: "sigs.k8s.io/kind", version: "v0.33.0", package: ".", cost: "12 s" };
