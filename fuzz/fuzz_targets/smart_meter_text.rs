//! Text telegrams in pieces of any size, through the link layer and the checks of a line, to their
//! values.
//!
//! The first byte of the input says how the rest is cut; cutting must not change the outcome. What
//! is sealed has to be found again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::smart_meter::wire::dsmr::{self, Checksum, How, Unchecked};
use wattbridge::adapters::smart_meter::wire::{Framer, LinkEvent, Transport};

fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<LinkEvent> {
    let mut framer = Framer::new();
    for piece in pieces {
        framer.push(piece);
    }
    framer.finish();
    std::iter::from_fn(|| framer.next_event()).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((size, rest)) = data.split_first() else {
        return;
    };
    // As they are, and as the lines of a telegram.
    let lines = rest.iter().map(|byte| char::from(byte & 0x7f));
    let lines: String = lines.filter(|c| !matches!(c, '!' | '/')).collect();
    let sealed = dsmr::seal(&format!("/XYZ5\\fuzz\r\n\r\n1-0:1.8.0(1*Wh)\r\n{lines}\r\n!"));
    for bytes in [rest, &sealed, &[rest, &sealed].concat()] {
        let found = events(bytes.chunks(usize::from(*size) + 1));
        assert_eq!(found, events(std::iter::once(bytes)));
        let mut line = Unchecked::default();
        for event in found {
            let LinkEvent::Message(message) = event else {
                continue;
            };
            if message.transport != Transport::Text {
                continue;
            }
            assert!(!matches!(
                Checksum::of(&message.bytes),
                Checksum::Wrong { .. }
            ));
            let _ = line.believe(&message.bytes, true);
            let _ = dsmr::parse(&message.bytes);
        }
    }
    assert_eq!(Checksum::of(&sealed), Checksum::Good(How::Arc));
    let found = events(std::iter::once(sealed.as_slice()));
    let is_whole = |event: &LinkEvent| {
        matches!(event, LinkEvent::Message(message) if message.bytes == sealed)
    };
    assert!(sealed.len() > 8192 || found.iter().any(is_whole));
});
