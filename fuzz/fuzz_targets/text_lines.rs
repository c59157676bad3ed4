//! Bytes in pieces of any size through the lines and patterns of a sensor that prints text.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::text::ADAPTER;
use wattbridge::config::{File, Section};
use wattbridge::device::{Adapter as _, Decoded, Undecoded};
use wattbridge_fuzz::pieces;

/// One that takes every number, and one with a pattern of two, one of which may be absent.
static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let text = "[[text]]\nid = \"any\"\nport = \"/dev/ttyUSB0\"\nvalues = [{ id = \"value\", offset = -3 }]\n\
                [[text]]\nid = \"clamp\"\nport = \"/dev/ttyUSB1\"\n\
                pattern = '^(?<amperes>[-\\d.,]+)A(?: (?<watts>.*)W)?$'\nvalues = [\n\
                { id = \"current\", quantity = \"current\", group = \"amperes\", floor = 0 },\n\
                { id = \"power\", quantity = \"power\", group = \"watts\", scale = 230, energy = true },\n]\n";
    let file = File::parse(text, "fuzzed").expect("it is TOML");
    file.sections("text")
});

/// All that comes out, with labels or without.
fn outcome<'a>(
    section: &Section,
    annotate: bool,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<Result<Decoded, Undecoded>> {
    let mut decoder = ADAPTER.decoder(section).expect("it can be used");
    if annotate {
        decoder.annotate();
    }
    let mut all = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        all.extend(std::iter::from_fn(|| decoder.next()));
    }
    while decoder.finish().is_some() {}
    all.extend(std::iter::from_fn(|| decoder.next()));
    all
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    for section in &*SECTIONS {
        for annotate in [false, true] {
            let all = outcome(section, annotate, std::iter::once(bytes));
            assert_eq!(outcome(section, annotate, pieces(sizes, bytes)), all);
            assert_eq!(outcome(section, annotate, bytes.chunks(1)), all);
            for seen in all.into_iter().flatten() {
                assert_eq!(seen.annotation.is_empty(), !annotate);
            }
        }
    }
});
