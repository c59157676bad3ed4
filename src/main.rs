//! Command line of wattbridge.
fn main() {}
