//! What is said to inverters and by them.

mod measured;
mod paired;
mod told;

use serde_json::Value;
use wattbridge::adapters::aps_zigbee::wire::ids::{EcuId, ShortAddress};

use crate::captures;

struct Capture {
    id: String,
    all: Value,
    bytes: Vec<u8>,
}

impl Capture {
    fn is(&self, key: &str, value: &str) -> bool {
        self.all[key] == value
    }

    fn hex(&self, key: &str) -> Vec<u8> {
        hex(self.all[key].as_str().unwrap())
    }
}

fn hex(text: &str) -> Vec<u8> {
    wattbridge::hex::bytes(text).unwrap()
}

/// Those of these kinds, of which there is at least one.
fn captured(kinds: &[&str]) -> Vec<Capture> {
    let mut found = Vec::new();
    for name in ["aps-zigbee.json", "aps-zigbee-reports.json"] {
        let file = captures::read(name);
        for value in file["vectors"].as_array().unwrap() {
            if kinds.iter().any(|kind| value["kind"] == *kind) {
                found.push(Capture {
                    id: value["id"].as_str().unwrap().to_owned(),
                    all: value.clone(),
                    bytes: hex(value["hex"].as_str().unwrap()),
                });
            }
        }
    }
    for kind in kinds {
        assert!(found.iter().any(|it| it.is("kind", kind)), "{kind}");
    }
    found
}

/// The data of every sound frame with this command.
fn frames(bytes: &[u8], command: [u8; 2]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        let length = usize::from(after.first().copied().unwrap_or(0));
        let Some(frame) = after.get(..length + 4).filter(|_| *first == 0xfe) else {
            continue;
        };
        if frame.iter().fold(0, |sum, byte| sum ^ byte) == 0 {
            rest = &after[length + 4..];
            if frame[1..3] == command {
                found.push(&frame[3..length + 3]);
            }
        }
    }
    found
}

/// Source, cluster and application data of each message in it.
fn messages(bytes: &[u8]) -> Vec<(ShortAddress, u16, &[u8])> {
    let word = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let mut found = Vec::new();
    for frame in frames(bytes, [0x44, 0x81]) {
        let data = &frame[17..17 + usize::from(frame[16])];
        found.push((ShortAddress(word(frame, 4)), word(frame, 2), data));
    }
    found
}

/// Cluster and application data of what a frame tells the stick to say to one inverter or to all.
fn told(bytes: &[u8]) -> (u16, &[u8]) {
    let frame = frames(bytes, [0x24, 0x01])[0];
    assert_eq!(usize::from(frame[9]), frame.len() - 10);
    (u16::from_le_bytes([frame[4], frame[5]]), &frame[10..])
}

/// One listed value, or one for each input.
fn close(id: &str, key: &str, listed: &Value, found: &[f64], apart: f64) {
    let list = match listed {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    assert_eq!(list.len(), found.len(), "{id}: {key}");
    for (listed, found) in list.iter().zip(found) {
        match listed.as_f64() {
            Some(listed) => assert!(
                (listed - found).abs() <= apart,
                "{id}: {key}: {listed}, not {found}"
            ),
            None => assert!(found.is_nan(), "{id}: {key}: unknown, not {found}"),
        }
    }
}

fn gateway_of(mut reversed: [u8; 6]) -> EcuId {
    reversed.reverse();
    let digits: String = reversed.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.parse().unwrap()
}
