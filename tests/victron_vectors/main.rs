//! Real streams of VE.Direct devices, read in place: the codec has to agree with an independent
//! decoding of them, however they are cut, and has to stand what lines do to them.
//!
//! The streams are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod adapter;
#[path = "../support/vectors.rs"]
mod captures;
mod chance;
mod faults;
mod products;
mod reported;
mod stream;
mod values;

use serde_json::Value;
use wattbridge::adapters::victron::wire::text::{Decoder, Event, Refused};

struct Vector {
    id: String,
    all: Value,
    bytes: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let file = captures::read("victron.json");
    let vector = |value: &Value| Vector {
        id: value["id"].as_str().unwrap().to_owned(),
        all: value.clone(),
        bytes: hex(value["raw_hex"].as_str().unwrap()),
    };
    let list = file["vectors"].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().map(vector).collect()
}

fn hex(text: &str) -> Vec<u8> {
    wattbridge::hex::bytes(text).unwrap()
}

type Fields = Vec<(String, String)>;

/// Everything of an event, without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Block(u64, Fields),
    Hex(u64, u8, Vec<u8>),
    Refused(Refused),
}

/// What comes of pieces of a stream.
fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    for piece in pieces {
        decoder.push(piece, |event| {
            all.push(match event {
                Event::Block(block) => {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    let own = |(label, value): (&[u8], &[u8])| (text(label), text(value));
                    Seen::Block(block.offset(), block.fields().map(own).collect())
                }
                Event::Hex(frame) => Seen::Hex(frame.offset, frame.command, frame.payload.to_vec()),
                Event::Refused(refused) => Seen::Refused(refused),
            });
        });
    }
    all
}

fn whole(bytes: &[u8]) -> Vec<Seen> {
    decode(std::iter::once(bytes))
}

fn blocks(seen: &[Seen]) -> Vec<&Fields> {
    let mut blocks = Vec::new();
    for seen in seen {
        if let Seen::Block(_, fields) = seen {
            blocks.push(fields);
        }
    }
    blocks
}
