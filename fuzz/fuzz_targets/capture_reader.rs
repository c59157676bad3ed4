//! Bytes in pieces of any size through the reader of capture files, and its packets taken apart.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wattbridge::links::capture::{
    CaptureReader, CaptureRefused, Captured, Dissected, LinkType, Packet, dissect,
};
use wattbridge_fuzz::pieces;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Packet(Option<Duration>, LinkType, Vec<u8>),
    Dropped(u64),
    Refused(CaptureRefused),
}

fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut reader = CaptureReader::default();
    let mut all = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(captured) = reader.next() {
            all.push(match captured {
                Captured::Packet(packet) => {
                    Seen::Packet(packet.at, packet.link, packet.data.to_vec())
                }
                Captured::Dropped(count) => Seen::Dropped(count),
                Captured::Refused(why) => Seen::Refused(why),
            });
        }
    }
    all
}

fn take_apart(at: Option<Duration>, link: LinkType, data: &[u8]) {
    match dissect(&Packet { at, link, data }) {
        Dissected::Tcp(segment) => {
            assert!(segment.payload.len() <= data.len());
            // What was taken apart can be put together, and means the same.
            if segment.missing < 1 << 20 {
                let data = segment.encode(LinkType::ETHERNET);
                let link = LinkType::ETHERNET;
                let Dissected::Tcp(again) = dissect(&Packet { at, link, data: &data }) else {
                    panic!("{segment:?}");
                };
                assert_eq!(again.payload, segment.payload);
                assert_eq!(again.sequence, segment.sequence);
            }
        }
        Dissected::Udp { payload, .. } => assert!(payload.len() <= data.len()),
        Dissected::Fragment | Dissected::Other => {}
    }
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    let _ = CaptureReader::recognises(bytes);
    let all = outcome(std::iter::once(bytes));
    assert_eq!(outcome(pieces(sizes, bytes)), all);
    assert_eq!(outcome(bytes.chunks(1)), all);
    for seen in all {
        if let Seen::Packet(at, link, data) = seen {
            take_apart(at, link, &data);
        }
    }
    for link in [0, 1, 101, 113, 276] {
        take_apart(None, LinkType(link), bytes);
    }
});
