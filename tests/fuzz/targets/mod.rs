//! What each target does with its bytes. Run by libFuzzer (`cargo xtask fuzz`) on bytes that it makes up,
//! and by the test `fuzz` on those that are kept in `corpus/`: it is the same function.
//!
//! A check asserts what has to hold for any bytes at all. What is refused is fine; a panic, an answer that
//! contradicts another, or memory without bound is not.

mod archive;
mod chart;
mod dockerfile;
mod ignore;
mod layer;
mod made;
mod reference;
mod settings;
mod shown;
mod transfer;

/// A check of any bytes; it panics if something does not hold.
type Check = fn(&[u8]);

/// All targets; each has a directory in `corpus/` and a file in `fuzz_targets/`.
pub const TARGETS: [(&str, Check); 8] = [
    ("archive", archive::check),
    ("chart", chart::check),
    ("dockerfile", dockerfile::check),
    ("ignore", ignore::check),
    ("layer", layer::check),
    ("reference", reference::check),
    ("settings", settings::check),
    ("transfer", transfer::check),
];
