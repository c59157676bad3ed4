//! Captures of real devices, read in place.
//!
//! They are not part of the project. They are looked for in `$WATTBRIDGE_VECTORS`, else beside the project;
//! without them the tests that read them are ignored (`build.rs` says so to the compiler):
//!
//! ```text
//! #[test]
//! #[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
//! ```

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::PathBuf;

use serde_json::Value;

/// A file of captures in JSON.
pub(crate) fn read(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

/// Where a file of captures is.
pub(crate) fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("WATTBRIDGE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    folder.join(name)
}

/// A file of captures in hexadecimal digits.
pub(crate) fn hex(name: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes(name)).unwrap();
    let digits: String = text.split_whitespace().collect();
    wattbridge::hex::bytes(&digits).unwrap()
}

/// A file of captures as it is.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; is the test marked as one that needs captures? Were they there when it was built?",
            path.display()
        )
    })
}
