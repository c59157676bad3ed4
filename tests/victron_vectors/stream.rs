//! Blocks and frames are those of the independent decoding, however the stream is cut.

use serde_json::Value;

use super::chance::Chance;
use super::{Fields, Seen, Vector, blocks, decode, hex, vectors, whole};

fn list<'a>(vector: &'a Vector, name: &str) -> &'a [Value] {
    vector.all[name].as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn sound_blocks(vector: &Vector) -> Vec<&Value> {
    let all = list(vector, "text_blocks").iter();
    all.filter(|block| block["checksum_ok"] == true).collect()
}

pub(crate) fn fields(block: &Value) -> Fields {
    let own = |value: &Value| value.as_str().unwrap().to_owned();
    let all = block["fields"].as_array().unwrap().iter();
    all.map(|field| (own(&field[0]), own(&field[1]))).collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_sound_blocks_are_delivered_and_no_other() {
    for vector in vectors() {
        let expected: Vec<Fields> = sound_blocks(&vector).into_iter().map(fields).collect();
        let seen = whole(&vector.bytes);
        let expected: Vec<&Fields> = expected.iter().collect();
        assert_eq!(blocks(&seen), expected, "{}", vector.id);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_frames_are_delivered_with_what_they_carry() {
    for vector in vectors() {
        let seen = whole(&vector.bytes);
        let frames: Vec<(u8, &[u8])> = seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Hex(_, command, payload) => Some((*command, payload.as_slice())),
                _ => None,
            })
            .collect();
        let expected: Vec<(u8, Vec<u8>)> = list(&vector, "hex_frames").iter().map(frame).collect();
        let expected: Vec<(u8, &[u8])> = expected
            .iter()
            .map(|(command, payload)| (*command, payload.as_slice()))
            .collect();
        assert_eq!(frames, expected, "{}", vector.id);
    }
}

/// Command and payload of a frame, from its digits: what ends it does not matter.
fn frame(frame: &Value) -> (u8, Vec<u8>) {
    let digits = match frame["ascii"].as_str() {
        Some(digits) => digits.to_owned(),
        None => {
            let bytes = hex(frame["ascii_hex"].as_str().unwrap());
            let digits = bytes.iter().take_while(|byte| byte.is_ascii());
            digits.map(|byte| *byte as char).collect()
        }
    };
    let digits = digits.strip_prefix(':').unwrap();
    let mut bytes = hex(&digits[1..]);
    bytes.pop();
    (u8::from_str_radix(&digits[..1], 16).unwrap(), bytes)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn cutting_changes_nothing() {
    let mut chance = Chance(1);
    for vector in vectors() {
        let expected = whole(&vector.bytes);
        for size in 1..=64 {
            let seen = decode(vector.bytes.chunks(size));
            assert_eq!(seen, expected, "{} by {size}", vector.id);
        }
        for _ in 0..20 {
            let mut rest = vector.bytes.as_slice();
            let pieces = std::iter::from_fn(|| {
                let size = (1 + chance.below(64)).min(rest.len());
                let (piece, after) = rest.split_at(size);
                rest = after;
                (size > 0).then_some(piece)
            });
            assert_eq!(decode(pieces), expected, "{}", vector.id);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn one_stream_after_the_other_gives_what_each_gives() {
    let all = vectors();
    // What breaks off may take the beginning of the next along; these begin and end whole.
    let sound: Vec<&Vector> = all
        .iter()
        .filter(|vector| {
            let of = |name: &str| list(vector, name).len();
            of("text_blocks") > 0 && of("text_blocks") == sound_blocks(vector).len()
        })
        .collect();
    let expected: usize = sound.iter().map(|vector| sound_blocks(vector).len()).sum();
    let bytes: Vec<u8> = sound
        .iter()
        .flat_map(|vector| vector.bytes.clone())
        .collect();
    assert_eq!(blocks(&whole(&bytes)).len(), expected);
}
