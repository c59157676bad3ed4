//! The same captures, masked: the same values from the same frames, and nobody's name.

use std::collections::BTreeMap;

use serde_json::Value;
use wattbridge::adapters::smart_meter::wire::link::{Framer, LinkEvent};
use wattbridge::adapters::smart_meter::wire::{Apdu, Key};
use wattbridge::adapters::smart_meter::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::Adapter;

use super::adapter::{decode, keys, wire};
use super::{Vector, hex, vectors};

/// Those that a masked recording opens with.
const PUBLISHED: [(&str, &str); 2] = [
    ("key", "000102030405060708090A0B0C0D0E0F"),
    ("authentication_key", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"),
];
/// Values that name the meter, and the one that lists whatever has no metric.
const NAMES: [&str; 4] = ["serial", "meter_number", "logical_name", "other_values"];

fn mask(bytes: &[u8], keys: &[(&str, &str)]) -> Vec<u8> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let port = ("port".to_owned(), "/dev/null".to_owned());
    let pairs: Vec<_> = keys.iter().map(pair).chain([port]).collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
    ADAPTER.mask(&section).unwrap()(bytes)
}

/// Frames of messages, and places of what is refused with the reason.
fn structure(bytes: &[u8]) -> Vec<String> {
    let mut framer = Framer::new();
    framer.push(bytes);
    framer.finish();
    let events = std::iter::from_fn(|| framer.next_event());
    let shown = events.map(|event| match event {
        LinkEvent::Message(message) => format!("{:?}", message.frames),
        // What a checksum is differs with the bytes; that it is wrong does not.
        LinkEvent::Refused(refused) => {
            format!(
                "{} {:?}",
                refused.offset,
                std::mem::discriminant(&refused.reason)
            )
        }
    });
    shown.collect()
}

/// Number and name of the meter, the number in its title, and the keys.
fn secrets(vector: &Vector) -> Vec<Vec<u8>> {
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for message in vector.messages() {
        if message["system_title"].is_string() {
            secrets.push(hex(&message["system_title"])[3..].to_vec());
        }
        for value in message["values"].as_array().into_iter().flatten() {
            let text = value["text"].as_str().unwrap_or_default();
            let is_number = text.bytes().filter(u8::is_ascii_digit).count() >= 8;
            if is_number && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                // Moments are shown as digits as well.
                let is_moment = text.ends_with("800000") || text.len() == 24;
                secrets.extend((!is_moment).then(|| text.as_bytes().to_vec()));
            }
        }
    }
    let keys = ["key", "auth_key"].map(|name| &vector.all[name]);
    secrets.extend(keys.into_iter().filter(|key| key.is_string()).map(hex));
    secrets
}

fn has(bytes: &[u8], secret: &[u8]) -> bool {
    let hex = |upper: bool| -> Vec<u8> {
        let digits = wattbridge::hex::Hex::of(secret).to_string();
        if upper { digits.to_uppercase() } else { digits }.into_bytes()
    };
    [secret.to_vec(), hex(false), hex(true)]
        .iter()
        .any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
}

fn without_names(mut values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    values.retain(|key, _| !NAMES.contains(&key.as_str()));
    // Which tag is checked is the section's affair.
    values.remove("authentication");
    values
}

fn is_published(secret: &[u8]) -> bool {
    PUBLISHED
        .iter()
        .any(|(_, key)| hex(&Value::from(*key)) == secret)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_capture_says_the_same_under_the_mask_and_names_nobody() {
    let mut telegrams = 0;
    for vector in vectors() {
        let Some(bytes) = wire(&vector) else {
            continue;
        };
        let (id, own) = (&vector.id, keys(&vector));
        let masked = mask(&bytes, &own);
        assert_eq!(masked.len(), bytes.len(), "{id}");
        assert_eq!(structure(&masked), structure(&bytes), "{id}");
        let (before, after) = (decode(&bytes, &own, 64), decode(&masked, &PUBLISHED, 64));
        assert_eq!(after.len(), before.len(), "{id}");
        for (before, after) in before.into_iter().zip(after) {
            match (before, after) {
                (Ok(before), Ok(after)) => {
                    for name in ["serial", "meter_number", "logical_name"] {
                        if let Some(name) = before.get(name).filter(|name| *name != "unknown") {
                            assert!(!after.values().any(|value| value == name), "{id}: {name}");
                        }
                    }
                    assert_eq!(without_names(after), without_names(before), "{id}");
                    telegrams += 1;
                }
                (Err(_), Err(_)) => {}
                (before, after) => panic!("{id}: {before:?} became {after:?}"),
            }
        }
        // What stands in it in clear, and what everybody can decrypt.
        let open = opened(&masked);
        for secret in secrets(&vector) {
            assert!(!has(&masked, &secret), "{id}: {secret:02x?}");
            if !is_published(&secret) {
                assert!(!has(&open, &secret), "{id}: {secret:02x?}");
            }
        }
    }
    assert!(telegrams > 35, "{telegrams}");
}

/// The telegrams, as everybody can decrypt them.
fn opened(bytes: &[u8]) -> Vec<u8> {
    let mut framer = Framer::new();
    framer.push(bytes);
    framer.finish();
    let key: Key = PUBLISHED[0].1.parse().unwrap();
    let mut all = Vec::new();
    while let Some(event) = framer.next_event() {
        let LinkEvent::Message(message) = event else {
            continue;
        };
        match Apdu::parse(&message.bytes).unwrap() {
            Apdu::Plain(plaintext) => all.extend_from_slice(plaintext),
            Apdu::Ciphered(ciphered) => all.extend(ciphered.open(&key, None).unwrap().plaintext),
        }
    }
    all
}
