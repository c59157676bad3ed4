//! The scripts that make what is released: the folder `packaging`, and what scripts need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

mod linking;
mod tools;

use std::path::{Path, PathBuf};

fn path(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
