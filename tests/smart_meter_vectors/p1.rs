//! Text telegrams of P1 ports, from the bytes of the wire: which are found and believed, and what
//! is said of the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wattbridge::adapters::smart_meter::wire::dsmr::{self, Belief, Unchecked};
use wattbridge::adapters::smart_meter::wire::{Framer, Item, LinkEvent, Transport};

use super::adapter::{Outcome, decode};
use super::{captures, hex};

/// Telegrams of one source, and what has to come of them.
struct P1 {
    id: String,
    all: Value,
    bytes: Vec<u8>,
}

impl P1 {
    fn settings(&self) -> Vec<(&str, &str)> {
        let settings = [
            ("key", "key"),
            ("authentication_key", "auth_key"),
            ("time_zone", "zone"),
        ];
        let given = settings.iter();
        given
            .filter_map(|(name, field)| Some((*name, self.all[*field].as_str()?)))
            .collect()
    }

    fn telegrams(&self) -> usize {
        self.all["telegrams"].as_u64().unwrap().try_into().unwrap()
    }

    /// Whether each of its telegrams has the usual checksum.
    fn is_sealed(&self) -> bool {
        let checksums = self.all["crc"].as_array().unwrap();
        !checksums.is_empty() && checksums.iter().all(|how| how == "ok")
    }

    fn is_encrypted(&self) -> bool {
        self.all["key"].is_string()
    }
}

fn vectors() -> Vec<P1> {
    let file = captures::read("p1.json");
    let vector = |vector: &Value| {
        let bytes = match vector["raw_text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => hex(&vector["raw_hex"]),
        };
        let repeat = vector["repeat"].as_u64().unwrap_or(1);
        P1 {
            id: vector["id"].as_str().unwrap().to_owned(),
            all: vector.clone(),
            bytes: bytes.repeat(usize::try_from(repeat).unwrap()),
        }
    };
    file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(vector)
        .collect()
}

fn accepted(outcome: &Outcome) -> Vec<&BTreeMap<String, String>> {
    outcome.iter().flatten().collect()
}

fn refused(outcome: &Outcome) -> Vec<&str> {
    let refused = outcome.iter().filter_map(|one| one.as_ref().err());
    refused.map(String::as_str).collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn each_source_gives_its_telegrams_however_it_is_cut() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let id = &vector.id;
        let settings = vector.settings();
        let outcome = decode(&vector.bytes, &settings, vector.bytes.len());
        for piece in [1, 7, 64] {
            let cut = decode(&vector.bytes, &settings, piece);
            assert_eq!(cut, outcome, "{id} by {piece}");
        }
        let (found, said) = (accepted(&outcome), refused(&outcome));
        if found.len() != vector.telegrams() {
            wrong.push(format!("{id}: {} accepted, {said:?}", found.len()));
        }
        let damaged = said.iter().filter(|reason| reason.contains("checksum"));
        let expected = vector.all["refused"].as_array().map_or(0, Vec::len);
        if damaged.count() != expected {
            wrong.push(format!("{id}: {said:?}"));
        }
        let authentication = vector.all["expect_auth"].as_str();
        for values in found {
            let told = values
                .get("authentication")
                .map(|word| word.trim_matches('"'));
            if told != authentication {
                wrong.push(format!("{id}: authentication {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_cannot_be_read_is_named_and_the_rest_is_silent() {
    let mut named = 0;
    for vector in vectors() {
        let bytes = match vector.id.as_str() {
            "wrong-key" => vector.bytes.repeat(3),
            _ => vector.bytes.clone(),
        };
        let outcome = decode(&bytes, &vector.settings(), 64);
        let said = refused(&outcome);
        let count = |words: &str| said.iter().filter(|reason| reason.contains(words)).count();
        match vector.id.as_str() {
            "wrong-key" => assert_eq!(count("Key wrong"), 3, "{said:?}"),
            "stream-inverted" => assert_eq!((count("inverted"), said.len()), (1, 1), "{said:?}"),
            "pl-elgama-no-title" => {
                assert_eq!(count("hides the system title"), 1, "{said:?}");
                assert_eq!(
                    (count("not supported"), count("key wrong")),
                    (1, 0),
                    "{said:?}"
                );
            }
            "stream-no-end" => assert_eq!(count("longer than"), 1, "{said:?}"),
            "stream-cut-then-whole" => assert_eq!(said.len(), 1, "{said:?}"),
            "stream-bad-crc" | "stream-line-lost" => assert_eq!(count("checksum"), 1, "{said:?}"),
            id => {
                let of_telegrams = said
                    .iter()
                    .filter(|reason| !reason.contains(" is left out"));
                assert_eq!(of_telegrams.count(), 0, "{id}: {said:?}");
                continue;
            }
        }
        named += 1;
    }
    assert_eq!(named, 7);
}

/// The messages that a line hands out, pushed in pieces of this size.
fn messages(parts: &[Vec<u8>], piece: usize) -> Vec<Vec<u8>> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for part in parts {
        for piece in part.chunks(piece) {
            framer.push(piece);
        }
        while let Some(event) = framer.next_event() {
            found.push(event);
        }
        // Only what has no frame needs to be alone.
        if part.starts_with(&[0xdb]) || part.ends_with(b"quiet") {
            framer.idle(std::time::Duration::from_millis(600));
        }
    }
    framer.finish();
    found.extend(std::iter::from_fn(|| framer.next_event()));
    let messages = found.into_iter().filter_map(|event| match event {
        LinkEvent::Message(message) => Some(message.bytes),
        LinkEvent::Refused(_) => None,
    });
    messages.collect()
}

/// Numbers that are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// Bytes as a bad cable makes them.
fn noise(chance: &mut Chance) -> Vec<u8> {
    let count = chance.next(40);
    (0..count)
        .map(|_| u8::try_from(chance.next(256)).unwrap())
        .collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn all_sources_of_a_line_in_any_order_and_with_noise_between_are_found() {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let given = std::env::var("WATTBRIDGE_SEED").ok();
    let seed = given.map_or_else(|| since.as_secs() | 1, |seed| seed.parse().unwrap());
    println!("WATTBRIDGE_SEED={seed}");
    let mut chance = Chance(seed);
    let vectors = vectors();
    let mut lines: BTreeSet<&str> = vectors
        .iter()
        .filter_map(|one| one.all["line"].as_str())
        .collect();
    lines.insert("all of them");
    let mut found = 0;
    for line in lines {
        let of_line = |one: &&P1| line == "all of them" || one.all["line"] == line;
        let mut order: Vec<&P1> = vectors.iter().filter(of_line).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, chance.next(place + 1));
        }
        let mut parts = Vec::new();
        let mut expected = Vec::new();
        for vector in &order {
            let mut before = noise(&mut chance);
            if vector.is_encrypted() {
                before.extend(b"quiet");
            }
            parts.extend([before, vector.bytes.clone()]);
            expected.extend(messages(std::slice::from_ref(&vector.bytes), 64));
        }
        let piece = 1 + chance.next(300);
        let all = messages(&parts, piece);
        let mut rest = all.iter();
        for message in &expected {
            assert!(
                rest.any(|one| one == message),
                "{line} by {piece}: {} is missing among {} of {}",
                String::from_utf8_lossy(message),
                all.len(),
                expected.len()
            );
        }
        found += expected.len();
    }
    assert!(found > 80, "{found}");
}

/// One whole telegram with the usual checksum, without what surrounds it.
fn sealed(vector: &P1) -> Option<Vec<u8>> {
    if !vector.is_sealed() || vector.is_encrypted() || vector.telegrams() != 1 {
        return None;
    }
    let mut framer = Framer::new();
    framer.push(&vector.bytes);
    framer.finish();
    let found = std::iter::from_fn(|| framer.next_event()).find_map(|event| match event {
        LinkEvent::Message(message) => Some(message),
        LinkEvent::Refused(_) => None,
    })?;
    assert_eq!(found.transport, Transport::Text);
    Some(found.bytes)
}

/// What a line with this past makes of the bytes, up to the items of each telegram that counts.
fn items(line: &mut Unchecked, bytes: &[u8]) -> Vec<Vec<Item>> {
    let mut framer = Framer::new();
    framer.push(bytes);
    framer.finish();
    let found = std::iter::from_fn(|| framer.next_event());
    let counting = found.filter_map(|event| match event {
        LinkEvent::Message(message) => {
            let belief = line.believe(&message.bytes, true);
            (belief == Ok(Belief::Whole)).then_some(message.bytes)
        }
        LinkEvent::Refused(_) => None,
    });
    counting.map(|bytes| dsmr::parse(&bytes).unwrap()).collect()
}

/// Changed telegrams between two good ones.
const BETWEEN: usize = 8;
/// How many of the changed telegrams also go the whole way, which takes longer: one of so many.
const WHOLE_WAY: usize = 32;

/// The values of each telegram that counts on the whole way.
fn values(bytes: &[u8], vector: &P1) -> Outcome {
    let mut outcome = decode(bytes, &vector.settings(), 4096);
    outcome.retain(Result::is_ok);
    outcome
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_damage_gives_another_value_and_none_costs_the_next_telegram() {
    let mut damaged = 0;
    for vector in vectors() {
        let Some(good) = sealed(&vector) else {
            continue;
        };
        let mut line = Unchecked::default();
        let right = items(&mut line, &good);
        assert_eq!(right.len(), 1, "{}", vector.id);
        let (mut stream, mut part) = (good.clone(), Vec::new());
        for at in 0..good.len() {
            let mut other = good.clone();
            other[at] ^= 1 << (at * 5 % 8);
            part.extend(other.iter().chain(b"\r\n"));
            if at % WHOLE_WAY == 0 {
                stream.extend(other.iter().chain(b"\r\n").chain(&good));
            }
            if at % BETWEEN == 0 || at + 1 == good.len() {
                part.extend(&good);
                let found = items(&mut line, &std::mem::take(&mut part));
                assert!(!found.is_empty(), "{} at {at}", vector.id);
                let is_right = |one: &Vec<Item>| *one == right[0];
                assert!(found.iter().all(is_right), "{} at {at}", vector.id);
            }
            damaged += 1;
        }
        let outcome = values(&stream, &vector);
        assert!(outcome.len() > good.len() / WHOLE_WAY, "{}", vector.id);
        // What a meter behind the meter says is told only when it is new.
        let right = outcome[0].as_ref().unwrap();
        for (key, value) in outcome.iter().flatten().flatten() {
            let known = right.get(key);
            assert!(
                known.is_none_or(|known| known == value),
                "{}: {key}",
                vector.id
            );
        }
    }
    assert!(damaged > 10_000, "{damaged}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn nothing_is_published_of_a_telegram_that_is_cut() {
    let mut cuts = 0;
    for vector in vectors() {
        let Some(good) = sealed(&vector) else {
            continue;
        };
        let mut line = Unchecked::default();
        let right = items(&mut line, &good);
        let (mut stream, mut whole) = (good.clone(), 1);
        for cut in 0..good.len() {
            let part = &good[..cut];
            // At the end of what there is, and before the next one.
            assert_eq!(
                items(&mut line, part),
                Vec::<Vec<Item>>::new(),
                "{}",
                vector.id
            );
            let both = [part, &good].concat();
            if cut % BETWEEN == 0 {
                assert_eq!(items(&mut line, &both), right, "{} at {cut}", vector.id);
            }
            if cut % WHOLE_WAY == 0 {
                stream.extend(both);
                whole += 1;
            }
            cuts += 1;
        }
        assert_eq!(values(&stream, &vector).len(), whole, "{}", vector.id);
    }
    assert!(cuts > 10_000, "{cuts}");
}
