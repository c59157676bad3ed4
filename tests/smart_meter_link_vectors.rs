//! Real captures of meters, read in place: frames have to be found in them and joined as an
//! independent decoder did it.
//!
//! The captures are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/vectors.rs"]
mod captures;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use wattbridge::adapters::smart_meter::wire::link::hdlc::{self, Sender};
use wattbridge::adapters::smart_meter::wire::link::{
    Framer, LinkEvent, MAX_BUFFER, Message, Reason, Refused, Transport, annotate, mbus,
};

/// A message and the frames it came in, or the message alone.
struct Telegram {
    id: String,
    frames: Vec<Vec<u8>>,
    /// What another decoder found in them.
    decoded: Value,
}

impl Telegram {
    fn bytes(&self) -> Vec<u8> {
        self.frames.concat()
    }

    fn transport(&self) -> Transport {
        match self.frames[0][0] {
            0x68 => Transport::MBus,
            0x7e => Transport::Hdlc,
            _ => Transport::Raw,
        }
    }

    /// The message as far as the other decoder tells, as hexadecimal digits.
    fn expected(&self) -> String {
        let text = |name: &str| self.decoded[name].as_str().unwrap_or_default();
        if self.decoded["system_title"].is_null() {
            return text("plaintext").to_owned();
        }
        let counter = self.decoded["invocation_counter"].as_u64().unwrap();
        format!(
            "db08{}{}{}{counter:08x}{}{}",
            text("system_title"),
            text("ber_length_bytes"),
            text("security_control"),
            text("ciphertext"),
            text("tag"),
        )
    }
}

/// A stream with more in it than the frames that count.
struct Stream {
    id: String,
    bytes: Vec<u8>,
    telegrams: Vec<Telegram>,
    /// How many telegrams, errors and orphans there are, in words.
    expect: Option<String>,
}

fn vectors() -> Vec<Value> {
    let file = captures::read("kaifa.json");
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(hex: &str) -> Vec<u8> {
    wattbridge::hex::bytes(hex).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    wattbridge::hex::Hex::of(bytes).to_string()
}

fn telegrams_of(vector: &Value) -> Vec<Telegram> {
    let id = vector["id"].as_str().unwrap();
    let messages = vector["messages"].as_array().unwrap().iter();
    messages
        .map(|message| Telegram {
            id: id.to_owned(),
            frames: message["frames"]
                .as_array()
                .unwrap()
                .iter()
                .map(|frame| bytes(frame.as_str().unwrap()))
                .collect(),
            decoded: message.clone(),
        })
        .collect()
}

fn telegrams() -> Vec<Telegram> {
    let all: Vec<Telegram> = vectors().iter().flat_map(telegrams_of).collect();
    assert!(!all.is_empty());
    all
}

fn streams() -> Vec<Stream> {
    let stream = |vector: &Value| {
        Some(Stream {
            id: vector["id"].as_str()?.to_owned(),
            bytes: bytes(vector["raw_stream"].as_str()?),
            telegrams: telegrams_of(vector),
            expect: vector["expect"].as_str().map(str::to_owned),
        })
    };
    let all: Vec<Stream> = vectors().iter().filter_map(stream).collect();
    assert!(!all.is_empty());
    all
}

fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Message>, Vec<Refused>) {
    let mut framer = Framer::new();
    let (mut messages, mut refused) = (Vec::new(), Vec::new());
    let mut pull = |framer: &mut Framer| {
        while let Some(event) = framer.next_event() {
            match event {
                LinkEvent::Message(message) => messages.push(message),
                LinkEvent::Refused(reason) => refused.push(reason),
            }
        }
    };
    for piece in pieces {
        framer.push(piece);
        assert!(framer.buffered() <= MAX_BUFFER);
        pull(&mut framer);
    }
    framer.finish();
    pull(&mut framer);
    (messages, refused)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_telegram_is_joined_as_another_decoder_did_it() {
    let telegrams = telegrams();
    for telegram in &telegrams {
        let id = &telegram.id;
        let stream = telegram.bytes();
        let whole = outcome([stream.as_slice()]);
        let (messages, refused) = &whole;
        assert_eq!(refused, &[], "{id}");
        let [message] = messages.as_slice() else {
            panic!("{id}: {} messages", messages.len())
        };
        assert_eq!(message.transport, telegram.transport(), "{id}");
        assert_eq!((message.offset, message.surplus), (0, 0), "{id}");
        assert_eq!(message.frames.len(), telegram.frames.len(), "{id}");
        let length = telegram.decoded["apdu_length"].as_u64();
        assert_eq!(length, Some(message.bytes.len() as u64), "{id}");
        let found = hex(&message.bytes);
        assert!(found.starts_with(&telegram.expected()), "{id}: {found}");
        for size in [1, 7, 100] {
            assert_eq!(outcome(stream.chunks(size)), whole, "{id} in {size}s");
        }
    }
    println!("{} telegrams", telegrams.len());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn streams_hold_what_they_should() {
    let streams = streams();
    for stream in &streams {
        let id = &stream.id;
        let whole = outcome([stream.bytes.as_slice()]);
        for size in [1, 7, 100] {
            assert_eq!(outcome(stream.bytes.chunks(size)), whole, "{id}");
        }
        let (messages, refused) = whole;
        let found: Vec<String> = messages.iter().map(|message| hex(&message.bytes)).collect();
        assert_eq!(found.len(), stream.telegrams.len(), "{id}");
        for (found, telegram) in found.iter().zip(&stream.telegrams) {
            assert!(found.starts_with(&telegram.expected()), "{id}");
        }
        let Some(expect) = &stream.expect else {
            continue;
        };
        let count = |is: fn(&Reason) -> bool| refused.iter().filter(|r| is(&r.reason)).count();
        let counts = [
            ("telegram", messages.len()),
            ("checksum error", count(Reason::is_checksum_error)),
            (
                "orphan segment",
                count(|r| matches!(r, Reason::Orphan { .. })),
            ),
        ];
        for (what, count) in counts {
            let told = expect.split(", ").find(|part| part.contains(what));
            let told = told.map_or("0", |part| part.split(' ').next().unwrap());
            assert_eq!(told, count.to_string(), "{id}: {what}");
        }
        assert_eq!(
            refused.len(),
            counts[1].1 + counts[2].1,
            "{id}: nothing else"
        );
    }
    println!("{} streams", streams.len());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn one_changed_bit_gives_no_message() {
    let telegrams = telegrams();
    let is_mbus = |telegram: &&Telegram| telegram.transport() == Transport::MBus;
    for telegram in telegrams.iter().filter(is_mbus) {
        let mut stream = telegram.bytes();
        for bit in 0..stream.len() * 8 {
            stream[bit / 8] ^= 1 << (bit % 8);
            let (messages, _) = outcome([stream.as_slice()]);
            assert!(messages.is_empty(), "{} bit {bit}", telegram.id);
            stream[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn one_changed_bit_behind_the_header_is_a_checksum_error() {
    let telegrams = telegrams();
    let is_mbus = |telegram: &&Telegram| telegram.transport() == Transport::MBus;
    for telegram in telegrams.iter().filter(is_mbus) {
        let mut frame = telegram.frames[0].clone();
        for bit in 4 * 8..frame.len() * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            let (_, refused) = outcome([frame.as_slice()]);
            let [Refused { offset: 0, reason }] = refused.as_slice() else {
                panic!("{} bit {bit}: {refused:?}", telegram.id)
            };
            assert!(reason.is_checksum_error(), "{} bit {bit}", telegram.id);
            frame[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_telegram_cut_anywhere_gives_no_message() {
    let telegrams = telegrams();
    for telegram in &telegrams {
        let stream = telegram.bytes();
        for cut in 0..stream.len() {
            let (messages, _) = outcome([&stream[..cut]]);
            assert!(messages.is_empty(), "{} after {cut}", telegram.id);
            let (messages, _) = outcome([&stream[cut + 1..]]);
            assert!(messages.is_empty(), "{} from {}", telegram.id, cut + 1);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn telegrams_in_any_order_are_found_between_noise() {
    let telegrams = telegrams();
    let framed = telegrams
        .iter()
        .filter(|telegram| telegram.transport() != Transport::Raw);
    let all: Vec<&Telegram> = framed.collect();
    let order = Just((0..all.len()).collect::<Vec<_>>()).prop_shuffle();
    let noise = vec(vec(any::<u8>(), 0..60), all.len());
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(64)
    });
    let result = runner.run(&(order, noise), |(order, noise)| {
        let mut stream = Vec::new();
        for (at, noise) in order.iter().zip(&noise) {
            stream.extend_from_slice(noise);
            stream.extend(all[*at].bytes());
        }
        let (messages, _) = outcome([stream.as_slice()]);
        prop_assert_eq!(messages.len(), all.len());
        for (at, message) in order.iter().zip(&messages) {
            prop_assert!(hex(&message.bytes).starts_with(&all[*at].expected()));
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn messages_without_frames_come_out_when_the_line_is_quiet() {
    let telegrams = telegrams();
    let mut framer = Framer::new();
    let is_raw = |telegram: &&Telegram| telegram.transport() == Transport::Raw;
    for telegram in telegrams.iter().filter(is_raw) {
        framer.push(&telegram.bytes());
        framer.idle(Duration::from_secs(3));
        let Some(LinkEvent::Message(message)) = framer.next_event() else {
            panic!("{}", telegram.id)
        };
        assert_eq!(message.bytes, telegram.bytes(), "{}", telegram.id);
        assert_eq!(framer.next_event(), None, "{}", telegram.id);
    }
    assert_eq!(framer.noise(), 0);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn our_frames_are_those_of_the_meters() {
    let telegrams = telegrams();
    let mut written = 0;
    for telegram in &telegrams {
        let (messages, _) = outcome([telegram.bytes().as_slice()]);
        let apdu = &messages[0].bytes;
        let first = &telegram.frames[0];
        let frames = match telegram.transport() {
            Transport::MBus => mbus::frames(apdu, first.len() - 11),
            Transport::Hdlc => {
                let end_of_address = |at: usize| first[at..].iter().position(|b| b & 1 != 0);
                let source = 3 + end_of_address(3).unwrap() + 1;
                let control = source + end_of_address(source).unwrap() + 1;
                let last = telegram.frames.last().unwrap();
                let sender = Sender {
                    destination: &first[3..source],
                    source: &first[source..control],
                    control: last[control],
                };
                let information = control + 3;
                let write = match first[information + hdlc::LLC.len()] {
                    0xe0 => hdlc::block_frames,
                    _ => hdlc::frames,
                };
                write(apdu, first.len() - information - 3, sender)
            }
            Transport::Raw | Transport::Text => continue,
        };
        assert_eq!(frames, telegram.frames, "{}", telegram.id);
        written += 1;
    }
    assert!(written > 0);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_frame_is_annotated_to_its_end() {
    let telegrams = telegrams();
    for telegram in &telegrams {
        for frame in &telegram.frames {
            let dump = annotate(frame);
            assert!(!dump.contains("not understood"), "{}\n{dump}", telegram.id);
            assert!(!dump.contains("wrong"), "{}\n{dump}", telegram.id);
        }
    }
}
