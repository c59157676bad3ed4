//! Real telegrams of meters, read in place: the codec has to agree with an independent decoding of
//! them.
//!
//! The telegrams are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod adapter;
#[path = "../support/vectors.rs"]
mod captures;
mod devices;
mod masked;
mod p1;
mod reports;
mod text;
mod uncertain;
mod values;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use wattbridge::adapters::smart_meter::wire::annotate::annotate_apdu;
use wattbridge::adapters::smart_meter::wire::apdu::{Apdu, Authentication, Ciphered, seal};
use wattbridge::adapters::smart_meter::wire::key::Key;
use wattbridge::adapters::smart_meter::wire::profile::Profiles;
use wattbridge::adapters::smart_meter::wire::security::SecurityControl;
use wattbridge::adapters::smart_meter::wire::telegram::Telegram;
use wattbridge::adapters::smart_meter::wire::title::SystemTitle;

struct Vector {
    id: String,
    all: Value,
}

impl Vector {
    fn key(&self) -> Option<Key> {
        Some(self.all["key"].as_str()?.parse().unwrap())
    }

    fn authentication_key(&self) -> Option<Key> {
        Some(self.all["auth_key"].as_str()?.parse().unwrap())
    }

    fn messages(&self) -> &[Value] {
        self.all["messages"].as_array().unwrap()
    }
}

fn vectors() -> Vec<Vector> {
    let file = captures::read("kaifa.json");
    let list = file["vectors"].as_array().unwrap();
    let vector = |value: &Value| Vector {
        id: value["id"].as_str().unwrap().to_owned(),
        all: value.clone(),
    };
    list.iter().map(vector).collect()
}

fn hex(value: &Value) -> Vec<u8> {
    wattbridge::hex::bytes(value.as_str().unwrap()).unwrap()
}

/// The message as a link layer delivers it, put together from its parts.
fn message(parts: &Value) -> Vec<u8> {
    let mut bytes = vec![0xdb, 8];
    bytes.extend(hex(&parts["system_title"]));
    bytes.extend(hex(&parts["ber_length_bytes"]));
    bytes.extend(hex(&parts["security_control"]));
    let counter = parts["invocation_counter"].as_u64().unwrap();
    bytes.extend(u32::try_from(counter).unwrap().to_be_bytes());
    bytes.extend(hex(&parts["ciphertext"]));
    if parts["tag"].is_string() {
        bytes.extend(hex(&parts["tag"]));
    }
    bytes
}

fn ciphered(bytes: &[u8]) -> Ciphered<'_> {
    match Apdu::parse(bytes).unwrap() {
        Apdu::Ciphered(message) => message,
        Apdu::Plain(_) => panic!("not ciphered"),
    }
}

fn title(parts: &Value) -> Option<SystemTitle> {
    Some(parts["system_title"].as_str()?.parse().unwrap())
}

fn parse(plaintext: &[u8], title: Option<SystemTitle>) -> Telegram {
    Telegram::parse(plaintext, title.as_ref(), &Profiles::default(), None).unwrap()
}

/// All plaintexts there are, with the message each belongs to.
fn plaintexts() -> Vec<(String, Value, Vec<u8>)> {
    let mut all = Vec::new();
    for vector in vectors() {
        for parts in vector.messages() {
            let published = ["plaintext", "plaintext_published"];
            if let Some(name) = published.iter().find(|name| parts[**name].is_string()) {
                all.push((vector.id.clone(), parts.clone(), hex(&parts[*name])));
            }
        }
    }
    all
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn headers_are_what_another_reader_found() {
    let mut seen = 0;
    for vector in vectors() {
        for parts in vector.messages() {
            let Some(title) = title(parts) else {
                continue;
            };
            let bytes = message(parts);
            let id = &vector.id;
            assert_eq!(
                Some(bytes.len() as u64),
                parts["apdu_length"].as_u64(),
                "{id}"
            );
            let read = ciphered(&bytes);
            assert_eq!(read.title, title, "{id}");
            assert_eq!(
                vec![read.security.0],
                hex(&parts["security_control"]),
                "{id}"
            );
            let counter = u64::from(read.counter);
            assert_eq!(Some(counter), parts["invocation_counter"].as_u64(), "{id}");
            assert_eq!(read.payload, hex(&parts["ciphertext"]), "{id}");
            assert_eq!(read.tag.is_some(), parts["tag"].is_string(), "{id}");
            assert_eq!((read.excess, read.is_dedicated), (0, false), "{id}");
            assert!(read.needs_key());
            for cut in 0..bytes.len() {
                Apdu::parse(&bytes[..cut]).unwrap_err();
            }
            assert!(annotate_apdu(&bytes).contains(&read.title.maker()), "{id}");
            seen += 1;
        }
    }
    assert!(seen == 0 || seen > 30, "{seen}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_key_opens_each_message_and_seals_it_again() {
    for vector in vectors() {
        let Some(key) = vector.key() else {
            continue;
        };
        let authentication = vector.authentication_key();
        for parts in vector.messages() {
            let id = &vector.id;
            let bytes = message(parts);
            let read = ciphered(&bytes);
            let opened = read.open(&key, authentication.as_ref()).unwrap();
            assert_eq!(opened.plaintext, hex(&parts["plaintext"]), "{id}");
            let expected = match parts["tag_verifies"].as_bool() {
                None => Authentication::None,
                Some(true) => Authentication::Verified,
                Some(false) => Authentication::Failed,
            };
            assert_eq!(opened.authentication, expected, "{id}");
            let again = seal(
                read.title,
                read.security,
                read.counter,
                &key,
                authentication.as_ref(),
                &opened.plaintext,
            );
            assert_eq!(again.unwrap(), bytes, "{id}");
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_wrong_authentication_key_still_gives_the_telegram() {
    for vector in vectors() {
        let (Some(key), Some(_)) = (vector.key(), vector.authentication_key()) else {
            continue;
        };
        for parts in vector.messages() {
            let bytes = message(parts);
            let read = ciphered(&bytes);
            // The encryption key is not the authentication key.
            let failed = read.open(&key, Some(&key)).unwrap();
            assert_eq!(
                failed.authentication,
                Authentication::Failed,
                "{}",
                vector.id
            );
            let unchecked = read.open(&key, None).unwrap();
            assert_eq!(unchecked.authentication, Authentication::NotChecked);
            assert_eq!(failed.plaintext, unchecked.plaintext);
            parse(&failed.plaintext, Some(read.title));
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_example_of_the_standard_is_reproduced() {
    for vector in vectors() {
        if vector.all["class"] != "standard-crypto" {
            continue;
        }
        let all = &vector.all;
        let security = SecurityControl(hex(&all["security_control"])[0]);
        let counter = u32::try_from(all["invocation_counter"].as_u64().unwrap()).unwrap();
        let (key, authentication) = (vector.key().unwrap(), vector.authentication_key());
        let plaintext = hex(&all["plaintext"]);
        let title = title(all).unwrap();
        let sealed = seal(
            title,
            security,
            counter,
            &key,
            authentication.as_ref(),
            &plaintext,
        );
        let sealed = sealed.unwrap();
        let read = ciphered(&sealed);
        assert_eq!(read.payload, hex(&all["ciphertext"]));
        assert_eq!(read.tag.unwrap().to_vec(), hex(&all["tag"]));
        let opened = read.open(&key, authentication.as_ref()).unwrap();
        assert_eq!(opened.plaintext, plaintext);
        assert_eq!(opened.authentication, Authentication::Verified);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn eight_wrong_keys_give_nothing_but_suspicion() {
    let all = vectors();
    let mut tried = 0;
    for vector in &all {
        let Some(keys) = vector.all["wrong_keys"].as_array() else {
            continue;
        };
        let of = vector.all["frames_of"].as_str().unwrap();
        let original = all.iter().find(|other| other.id == of).unwrap();
        for wrong in keys {
            let key: Key = wrong["key"].as_str().unwrap().parse().unwrap();
            for parts in original.messages() {
                let bytes = message(parts);
                let read = ciphered(&bytes);
                let opened = read.open(&key, None).unwrap();
                assert!(opened.plaintext.starts_with(&hex(&wrong["first_bytes"])));
                let title = Some(&read.title);
                let result = Telegram::parse(&opened.plaintext, title, &Profiles::default(), None);
                assert!(result.unwrap_err().is_key_suspect());
                tried += 1;
            }
        }
    }
    assert!(tried >= 8, "{tried}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn moments_carry_the_offset_of_the_meter() {
    let expected = [
        ("netz-noe-doc-ma309", "2021-09-27T09:47:15+02:00"),
        ("salzburg-ma309-plaintext", "2022-11-12T16:54:00+01:00"),
    ];
    let all = plaintexts();
    for (id, shown) in expected {
        let Some((_, parts, plaintext)) = all.iter().find(|(other, ..)| other == id) else {
            continue;
        };
        let at = parse(plaintext, title(parts)).at.unwrap();
        assert_eq!(at.to_string(), shown, "{id}");
        let moment: Timestamp = shown.parse().unwrap();
        // Neither the host's zone nor its clock has a say in it.
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(
            at.to_timestamp(&zone, Timestamp::UNIX_EPOCH),
            Some(moment),
            "{id}"
        );
    }
}
