//! What libFuzzer runs: the targets of `targets/`, which the test `fuzz` shares, in bounded memory.

mod memory;
#[path = "../targets/mod.rs"]
mod targets;

use targets::TARGETS;

/// Runs the target `name` on `bytes`. It panics if something does not hold, or more memory was taken than
/// any target may.
pub fn check(name: &str, bytes: &[u8]) {
    let (_, check) = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target");
    memory::bounded(|| check(bytes));
}
