//! Starts the crate's program.
fn main() {}
