//! Makes a recording of VE.Direct devices fit to be shown to others.
//!
//! | What | Where |
//! |---|---|
//! | serial number | label `SER#`, register 0x010A |
//! | name that the user gave | register 0x010C |
//! | a number of chargers that nobody knows the meaning of | label `HC#` |
//! | what looks like a serial number | anywhere else, in damaged lines and frames too |
//!
//! Letters become letters and digits digits, one byte at a time, so that the length stays and it does
//! not matter how the bytes are cut. The same serial number is the same everywhere in a recording,
//! and another one in the next. Checksums are made right again where they were right; what was
//! damaged stays damaged.
//!
//! One cut is too much for a frame with a name in it: between its last two digits, or where what has
//! come of it happens to add up like a whole one. It then comes out damaged.

mod names;
mod place;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::names::{Kind, Name, Names, serials_in_hex, starts_with_serial};
use self::place::Place;
use super::wire::hex::{Collector, Frame, Request};
use super::wire::text::{Decoder, Event, Reason};

/// Changed bytes of a block that are remembered at most; no block has as many.
const MOST_CHANGES: usize = 8192;

/// Masks what comes from one line.
#[derive(Debug)]
pub struct Masker {
    names: Names,
    place: Place,
    /// Tells which blocks are whole.
    decoder: Decoder,
    offset: u64,
    /// What was added to bytes of text, and where.
    changes: VecDeque<(u64, u8)>,
    /// The name that is being written.
    name: Option<Name>,
}

/// What the decoder makes of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Nothing,
    /// The checksum byte of a block that begins there.
    Sound(u64),
    /// The same of a damaged one, whose bytes add up to this.
    Damaged(u64, u8),
}

impl Masker {
    pub fn new() -> Self {
        Self {
            names: Names::new(),
            place: Place::default(),
            decoder: Decoder::new(),
            offset: 0,
            changes: VecDeque::new(),
            name: Some(Name::new(Kind::Noise)),
        }
    }

    /// Masks bytes that were received, or a question that was sent. As many come back.
    pub fn mask(&mut self, bytes: &[u8]) -> Vec<u8> {
        if is_question(bytes) {
            return bytes.to_vec();
        }
        let mut masked = bytes.to_vec();
        // Up to here, what looks like a serial number goes on.
        let mut serial_until = 0;
        let mut before = None;
        for (at, byte) in bytes.iter().copied().enumerate() {
            let rest = bytes.get(at..).unwrap_or_default();
            let new = if self.place.is_digit(byte) {
                self.place.digit(byte, at, &self.names)
            } else if self.place.end_frame(byte, &mut masked) {
                byte
            } else {
                let begins = at >= serial_until && !before.is_some_and(is_of_a_word);
                if begins && starts_with_serial(rest) {
                    serial_until = at + names::SERIAL_LENGTH;
                    self.name = Some(Name::new(Kind::Serial));
                }
                self.text(byte, rest, at < serial_until)
            };
            let new = match self.judge(byte) {
                Verdict::Nothing => new,
                Verdict::Sound(begin) => byte.wrapping_sub(self.added_since(begin)),
                // It must not become a sound one by chance.
                Verdict::Damaged(begin, sum) => {
                    let is_sound = sum.wrapping_add(self.added_since(begin)) == 0;
                    if is_sound { another(byte) } else { byte }
                }
            };
            if let Some(place) = masked.get_mut(at) {
                *place = new;
            }
            before = Some(byte);
        }
        self.place.pause(&mut masked);
        masked
    }

    /// A byte of text, or of nothing; `rest` is what begins with it.
    fn text(&mut self, byte: u8, rest: &[u8], is_serial: bool) -> u8 {
        let was = self.place.value();
        if self.place.text(byte) {
            // A frame begins; what it interrupts goes on after it.
            self.place.expect(serials_in_hex(rest));
            return byte;
        }
        let kind = self.place.value();
        if !is_serial && kind != was {
            // This byte leads to what may have to be replaced, or ends it.
            self.name = kind.map(Name::new);
            return byte;
        }
        if !is_serial && kind.is_none() {
            return byte;
        }
        let Some(name) = &mut self.name else {
            return byte;
        };
        let new = self.names.replace(name, byte);
        if new != byte {
            let added = new.wrapping_sub(byte);
            self.changes.push_back((self.offset, added));
            if self.changes.len() > MOST_CHANGES {
                self.changes.pop_front();
            }
        }
        new
    }

    fn judge(&mut self, byte: u8) -> Verdict {
        let mut verdict = Verdict::Nothing;
        self.decoder.push(&[byte], |event| match event {
            Event::Block(block) => verdict = Verdict::Sound(block.offset()),
            Event::Refused(refused) => {
                if let Reason::Checksum(sum) = refused.reason {
                    verdict = Verdict::Damaged(refused.offset, sum);
                }
            }
            Event::Hex(_) => {}
        });
        self.offset += 1;
        verdict
    }

    /// What was added to the bytes of a block in all.
    fn added_since(&mut self, begin: u64) -> u8 {
        let since = self.changes.drain(..).filter(|(at, _)| *at >= begin);
        since.fold(0, |sum, (_, added)| sum.wrapping_add(added))
    }
}

/// Another checksum byte; not the one that would begin a block.
const fn another(byte: u8) -> u8 {
    match byte.wrapping_add(0x20) {
        b'\r' => byte.wrapping_add(0x40),
        other => other,
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Whether these are one whole question, as it is sent. It may be sent while half a block has come,
/// and is no part of that.
fn is_question(bytes: &[u8]) -> bool {
    let is_one = bytes.iter().position(|byte| *byte == b'\n') == bytes.len().checked_sub(1);
    let mut collector = Collector::default();
    let frame = Frame::parse(bytes, &mut collector);
    let is_harmless = |request: &Request| !matches!(request, Request::Set(register, _) if Kind::of_register(*register).is_some());
    is_one
        && frame
            .is_ok_and(|frame| Request::decode(&frame).is_some_and(|request| is_harmless(&request)))
}
