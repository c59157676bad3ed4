//! Bytes in pieces of any size through the scanner of SolarEdge frames, and what is found through all that takes
//! frames.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::solaredge::wire::{
    DeviceKey, Frame, FrameError, FrameScanner, Handshake, KeyHunt, Scanned, Serial, SessionKey,
    annotate,
};
use wattbridge_fuzz::pieces;

#[derive(Debug, PartialEq)]
enum Seen {
    Frame(u64, Vec<u8>),
    Skipped(u64, u64, FrameError),
}

fn drain(scanner: &mut FrameScanner, all: &mut Vec<Seen>) {
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
}

fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut scanner, mut all) = (FrameScanner::default(), Vec::new());
    for piece in pieces {
        scanner.push(piece);
        drain(&mut scanner, &mut all);
    }
    scanner.finish();
    drain(&mut scanner, &mut all);
    assert!(!scanner.is_waiting());
    all
}

/// Gaps and impatience at any place: every byte is told of once all the same.
fn disturbed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut scanner, mut all) = (FrameScanner::default(), Vec::new());
    for piece in pieces {
        scanner.push(piece);
        match piece.len() % 4 {
            0 => scanner.gap(),
            1 => {
                drain(&mut scanner, &mut all);
                scanner.give_up();
            }
            _ => drain(&mut scanner, &mut all),
        }
    }
    scanner.finish();
    drain(&mut scanner, &mut all);
    all
}

fn covers(all: &[Seen], bytes: &[u8]) {
    let mut at = 0;
    for seen in all {
        let (offset, length) = match seen {
            Seen::Frame(offset, frame) => {
                let there = &bytes[*offset as usize..][..frame.len()];
                assert_eq!(there, frame);
                (*offset, frame.len() as u64)
            }
            Seen::Skipped(offset, length, _) => (*offset, *length),
        };
        assert_eq!(offset, at);
        assert!(length > 0);
        at += length;
    }
    assert_eq!(at, bytes.len() as u64);
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    let all = outcome(std::iter::once(bytes));
    assert_eq!(outcome(pieces(sizes, bytes)), all);
    assert_eq!(outcome(bytes.chunks(1)), all);
    covers(&all, bytes);
    covers(&disturbed(pieces(sizes, bytes)), bytes);

    let session = SessionKey::new([7; 16].into());
    let mut hunt = KeyHunt::default();
    let mut buffer = Vec::new();
    for seen in &all {
        let Seen::Frame(_, bytes) = seen else {
            continue;
        };
        let frame = Frame::exactly(bytes).expect("what was found is one");
        let _ = hunt.take(&frame);
        assert_eq!(session.open(frame.data, &mut buffer), None);
        let sealed = session.seal(&frame, [1; 16], 2, [3; 4]);
        assert_eq!(session.open(&sealed, &mut buffer), Some(frame));
        if let Some(handshake) = Handshake::new(frame.data) {
            assert_eq!(handshake.data()[..32], frame.data[..32]);
        }
    }
    let _ = hunt.search(bytes);
    assert!(hunt.partial().count() <= 64);
    let _ = annotate(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(serial) = text.parse::<Serial>() {
            assert_eq!(serial.to_string().parse(), Ok(serial));
        }
        if let Ok(key) = text.parse::<DeviceKey>() {
            assert_eq!(key.reveal().parse(), Ok(key));
        }
    }
});
