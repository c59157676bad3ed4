//! Captures of real devices, read in place.
//!
//! They are not part of the project. They are looked for in `$WATTBRIDGE_VECTORS`, else beside the project;
//! without them the tests that read them are ignored (`build.rs` says so to the compiler):
//!
//! ```text
//! #[test]
//! #[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
//! ```

use std::path::PathBuf;

use serde_json::Value;

/// A file of captures in JSON.
pub(crate) fn read(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

/// A file of captures as it is.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("WATTBRIDGE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; is the test marked as one that needs captures? Were they there when it was built?",
            path.display()
        )
    })
}
