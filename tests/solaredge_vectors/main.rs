//! Real frames and records of SolarEdge inverters, read in place: the codec has to agree with an independent
//! decoding of them, however they are cut.
//!
//! They are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod captured;
#[path = "../support/vectors.rs"]
mod captures;
mod crypto;
mod frames;
mod records;

use serde_json::Value;

/// The entries of both files whose kind ends like this.
fn entries(kinds: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for file in ["solaredge.json", "solaredge-reports.json"] {
        let file = captures::read(file);
        let list = file["vectors"].as_array().unwrap();
        let is_wanted = |entry: &&Value| kinds.contains(&entry["kind"].as_str().unwrap());
        all.extend(list.iter().filter(is_wanted).cloned());
    }
    assert!(!all.is_empty(), "{kinds:?}");
    all
}

/// The bytes of an entry; where it has them twice, they are the same.
fn bytes(entry: &Value) -> Vec<u8> {
    let file = entry["file"].as_str().map(captures::bytes);
    let hex = entry["hex"].as_str().map(hex);
    if let (Some(file), Some(hex)) = (&file, &hex) {
        assert_eq!(file, hex, "{}", entry["id"]);
    }
    file.or(hex).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    wattbridge::hex::bytes(text).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
