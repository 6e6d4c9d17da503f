//! Developer commands: `cargo xtask demo | test | env | down | bench`.
fn main() {}
