//! Bytes in pieces of any size through the scanner of ZNP frames, everything that reads them, and the radio.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::aps_zigbee::radio::znp::ZnpRadio;
use wattbridge::adapters::aps_zigbee::radio::{Outgoing, Radio, RadioInput, RadioOutput};
use wattbridge::adapters::aps_zigbee::wire::ids::ShortAddress;
use wattbridge::adapters::aps_zigbee::wire::znp::{
    ZnpFault, ZnpFrame, ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner, encode_frame,
};
use wattbridge::clock::Moment;
use wattbridge_fuzz::pieces;

#[derive(Debug, PartialEq)]
enum Seen {
    Frame(u64, Vec<u8>),
    Skipped(u64, u64, ZnpFault),
}

fn drain(scanner: &mut ZnpScanner, all: &mut Vec<Seen>) {
    while let Some(scanned) = scanner.next() {
        all.push(match scanned {
            ZnpScanned::Frame { offset, frame } => {
                let bytes = encode_frame(frame.command, frame.data).expect("it has come so");
                Seen::Frame(offset, bytes)
            }
            ZnpScanned::Skipped {
                offset,
                bytes,
                reason,
            } => Seen::Skipped(offset, bytes, reason),
        });
    }
}

fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut scanner, mut all) = (ZnpScanner::default(), Vec::new());
    for piece in pieces {
        scanner.push(piece);
        drain(&mut scanner, &mut all);
    }
    scanner.give_up();
    drain(&mut scanner, &mut all);
    assert!(!scanner.is_unsettled());
    all
}

fn covers(all: &[Seen], bytes: &[u8]) {
    let mut at = 0;
    for seen in all {
        let (offset, length) = match seen {
            Seen::Frame(offset, frame) => {
                assert_eq!(&bytes[*offset as usize..][..frame.len()], frame);
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

/// Pieces, each with a byte that says when it comes and what happens before; the radio always comes to wait, and can
/// always be told more.
fn drive<'a>(pieces: impl Iterator<Item = (u8, &'a [u8])>) {
    let id = "A1B2C3D4E5F6".parse().expect("it is one");
    let mut radio = ZnpRadio::new(id);
    let mut now = Moment::NONE;
    radio.handle(RadioInput::Opened, now);
    for (before, piece) in pieces {
        let mut outputs = 0;
        while !matches!(radio.poll(), RadioOutput::Wait(_)) {
            outputs += 1;
            assert!(outputs < 1000);
        }
        now.steady += Duration::from_millis(u64::from(before) * 20);
        match before {
            0x01 => radio.restart(now),
            0x02 => radio.settle(now),
            0x03 => radio.deaf(now),
            0x04 => radio.handle(RadioInput::Opened, now),
            0x05 => radio.handle(RadioInput::Closed, now),
            0x06 => radio.send(
                Outgoing::To {
                    address: ShortAddress(0x1234),
                    cluster: 6,
                    data: piece.to_vec(),
                },
                now,
            ),
            before if before & 1 == 0 => radio.handle(RadioInput::Time, now),
            _ => {}
        }
        radio.handle(RadioInput::Bytes(piece), now);
    }
}

/// Frames that are chosen by bytes, so that lengths and check sums need not be found by chance: a command, how many
/// bytes and when, and these. Most come soon enough to be answers.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    const COMMANDS: [u16; 16] = [
        0x4180, 0x4480, 0x4481, 0x45c0, 0x45c4, 0x6000, 0x6101, 0x6102, 0x6400, 0x6401, 0x6402,
        0x6600, 0x6605, 0x6700, 0x6710, 0x2101,
    ];
    let mut all = Vec::new();
    while let [command, length, rest @ ..] = bytes {
        let (data, after) = rest.split_at(rest.len().min(usize::from(*length) % 64));
        bytes = after;
        let before = match length >> 6 {
            0 => 9,
            1 => 8,
            2 => 50,
            _ => data.first().copied().unwrap_or(0),
        };
        let command = COMMANDS[usize::from(*command) % COMMANDS.len()];
        all.push((before, encode_frame(command, data).expect("it is short")));
    }
    all
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    let all = outcome(std::iter::once(bytes));
    assert_eq!(outcome(pieces(sizes, bytes)), all);
    assert_eq!(outcome(bytes.chunks(1)), all);
    covers(&all, bytes);
    for seen in &all {
        let Seen::Frame(_, bytes) = seen else {
            continue;
        };
        let frame = ZnpFrame::exactly(bytes).expect("what was found is one");
        assert_eq!(ZnpMessage::decode(frame).encode().as_ref(), Some(bytes));
        assert_eq!(ZnpRequest::decode(frame).encode().as_ref(), Some(bytes));
    }
    drive(pieces(sizes, bytes).map(|piece| (piece[0], piece)));
    let frames = frames(data);
    drive(
        frames
            .iter()
            .map(|(before, frame)| (*before, frame.as_slice())),
    );
});
