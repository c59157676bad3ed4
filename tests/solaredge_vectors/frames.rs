//! Frames, streams of them, the checksum, and serial numbers.

use serde_json::{Value, json};
use wattbridge::adapters::solaredge::wire::{
    Frame, FrameError, FrameScanner, KeyHunt, Records, Scanned, Serial,
};

use super::{bytes, captures, entries, hex, text};

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Frame(u64, Vec<u8>),
    Skipped(u64, u64, FrameError),
}

fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut scanner, mut all) = (FrameScanner::default(), Vec::new());
    let drain = |scanner: &mut FrameScanner, all: &mut Vec<Seen>| {
        while let Some(scanned) = scanner.next() {
            all.push(match scanned {
                Scanned::Frame { offset, frame } => {
                    let mut bytes = Vec::new();
                    frame.encode(&mut bytes);
                    Seen::Frame(offset, bytes)
                }
                Scanned::Skipped {
                    offset,
                    bytes,
                    reason,
                } => Seen::Skipped(offset, bytes, reason),
            });
        }
    };
    for piece in pieces {
        scanner.push(piece);
        drain(&mut scanner, &mut all);
    }
    scanner.finish();
    drain(&mut scanner, &mut all);
    all
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_frame_is_read_and_written() {
    let mut right = 0;
    for entry in entries(&[
        "real_frame",
        "rebuilt_frame",
        "peer_unit_test_frame",
        "real_frame_bad_crc",
    ]) {
        let bytes = bytes(&entry);
        let expected = &entry["expected"];
        let id = text(&entry["id"]);
        let frame = Frame::exactly(&bytes);
        if expected["crc_ok"] != json!(true) {
            assert!(frame.is_err(), "{id}");
            continue;
        }
        let frame = frame.unwrap();
        assert_eq!(json!(frame.data.len()), expected["len"], "{id}");
        assert_eq!(json!(frame.sequence), expected["seq"], "{id}");
        assert_eq!(
            format!("{:08x}", frame.source),
            text(&expected["src"]),
            "{id}"
        );
        assert_eq!(
            format!("{:08x}", frame.destination),
            text(&expected["dst"]),
            "{id}"
        );
        assert_eq!(
            format!("{:04x}", frame.function),
            text(&expected["fn"]),
            "{id}"
        );
        let mut again = Vec::new();
        frame.encode(&mut again);
        assert_eq!(again, bytes, "{id}");
        if let Some(count) = entry.get("record_count") {
            let records: Vec<_> = Records::new(frame.data).map(Result::unwrap).collect();
            assert_eq!(&json!(records.len()), count, "{id}");
        }
        right += 1;
    }
    assert!(right > 20, "{right}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_is_no_frame_is_not_and_what_is_cut_waits() {
    for entry in entries(&["peer_unit_test_frame"]) {
        let bytes = bytes(&entry);
        let mut scanner = FrameScanner::default();
        scanner.push(&bytes);
        let is_frame = matches!(scanner.next(), Some(Scanned::Frame { .. }));
        assert_eq!(is_frame, entry["valid"] == json!(true), "{}", entry["id"]);
        if entry["valid"] == Value::Null {
            assert!(scanner.is_waiting(), "{}", entry["id"]);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_stream_is_the_same_however_it_is_cut() {
    let bytes = captures::bytes("solaredge/stream/plain_all.rec");
    let all = scan(std::iter::once(bytes.as_slice()));
    let mut put_together = Vec::new();
    for seen in &all {
        let Seen::Frame(offset, frame) = seen else {
            panic!("{seen:?}")
        };
        assert_eq!(*offset, put_together.len() as u64);
        put_together.extend_from_slice(frame);
    }
    assert_eq!(put_together, bytes);
    assert!(all.len() > 8);
    for size in 1..=64 {
        assert_eq!(scan(bytes.chunks(size)), all, "{size}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn damage_of_a_byte_takes_one_frame() {
    let bytes = captures::bytes("solaredge/stream/plain_all.rec");
    let frames = |seen: Vec<Seen>| -> Vec<Vec<u8>> {
        let frames = seen.into_iter().filter_map(|seen| match seen {
            Seen::Frame(_, bytes) => Some(bytes),
            Seen::Skipped(..) => None,
        });
        frames.collect()
    };
    let all = frames(scan(std::iter::once(bytes.as_slice())));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x21;
        let mut end = 0;
        let mut expected = all.clone();
        let hit = all.iter().position(|frame| {
            end += frame.len();
            at < end
        });
        expected.remove(hit.unwrap());
        assert_eq!(
            frames(scan(std::iter::once(damaged.as_slice()))),
            expected,
            "{at}"
        );
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_checksum_and_printed_serials_are_right() {
    for entry in entries(&["crc"]) {
        let header = hex(text(&entry["input_header_be"]));
        let number = |at: usize, size: usize| {
            header[at..at + size]
                .iter()
                .fold(0_u32, |all, byte| all << 8 | u32::from(*byte))
        };
        let data = hex(text(&entry["data"]));
        let mut bytes = Vec::new();
        Frame {
            sequence: number(0, 2) as u16,
            source: number(2, 4),
            destination: number(6, 4),
            function: number(10, 2) as u16,
            data: &data,
        }
        .encode(&mut bytes);
        assert!(bytes.ends_with(&hex(text(&entry["bytes_on_wire"]))));
    }
    for entry in entries(&["serial"]) {
        let serial: Serial = text(&entry["serial"]).parse().unwrap();
        assert_eq!(serial.to_string(), text(&entry["printed"]));
        assert_eq!(text(&entry["printed"]).parse(), Ok(serial));
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_key_that_is_read_out_is_found() {
    let exchange = captures::read("solaredge/crypto/keyread.json");
    let mut bytes = Vec::new();
    for step in exchange["exchanges"].as_array().unwrap() {
        bytes.extend(hex(text(&step["request"])));
        bytes.extend(hex(text(&step["response"])));
    }
    let (mut scanner, mut hunt) = (FrameScanner::default(), KeyHunt::default());
    scanner.push(&bytes);
    let mut found = Vec::new();
    while let Some(scanned) = scanner.next() {
        if let Scanned::Frame { frame, .. } = scanned {
            found.extend(hunt.take(&frame));
        }
    }
    for found in [found, KeyHunt::default().search(&bytes)] {
        let [(unit, key)] = found.as_slice() else {
            panic!("{found:?}")
        };
        let answer = hex(text(&exchange["exchanges"][0]["response"]));
        assert_eq!(Some(*unit), Frame::exactly(&answer).unwrap().unit());
        assert_eq!(key.reveal().as_str(), text(&exchange["key"]));
    }
    // In a raw capture frames stand between headers of packets, and all the same.
    let capture = captures::bytes("solaredge/pcap/keyread_0239_023c.pcap");
    assert_eq!(KeyHunt::default().search(&capture).len(), 1);
    let replaced = captures::bytes("solaredge-reports/board-replaced-key-set.pcap");
    let found = KeyHunt::default().search(&replaced);
    let keys: Vec<_> = found.iter().map(|(_, key)| key.reveal()).collect();
    assert_eq!(keys.len(), 1);
    let capture = entries(&["capture"]);
    let of_replaced = |entry: &&Value| entry["id"] == "report/board-replaced-key-set";
    let entry = capture.iter().find(of_replaced).unwrap();
    assert_eq!(keys[0].as_str(), text(&entry["expected"]["device_key"]));
}
