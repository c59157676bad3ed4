//! What is written instead of names and numbers.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use super::super::wire::hex::{Collector, Frame};
use super::super::wire::registers::{CUSTOM_NAME, SERIAL};

/// Letters and digits of a serial number.
pub const SERIAL_LENGTH: usize = 11;
/// Bytes that the replacement of a byte depends on at most.
const LONGEST: usize = 64;

/// What is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Serial,
    Number,
    Words,
    /// Bytes between blocks, which may be the end of anything.
    Noise,
}

impl Kind {
    /// Of the value of a label.
    pub fn of_label(label: &[u8]) -> Option<Self> {
        match label {
            b"SER#" => Some(Self::Serial),
            b"HC#" => Some(Self::Number),
            _ => None,
        }
    }

    /// Of the value of a register.
    pub const fn of_register(register: u16) -> Option<Self> {
        match register {
            SERIAL => Some(Self::Serial),
            CUSTOM_NAME => Some(Self::Words),
            _ => None,
        }
    }
}

/// A name as far as it has been read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    kind: Kind,
    read: Vec<u8>,
}

impl Name {
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            read: Vec::new(),
        }
    }
}

/// Chooses replacements: always the same for the same name, others in every recording.
#[derive(Debug)]
pub struct Names(RandomState);

impl Names {
    pub fn new() -> Self {
        Self(RandomState::new())
    }

    /// The replacement of the next byte of a name. Its upper half stays as it is, so that a digit of
    /// a frame can be written before the next one is known.
    pub fn replace(&self, name: &mut Name, byte: u8) -> u8 {
        // Two letters for the factory, the same on nearly all devices.
        let is_factory = name.kind == Kind::Serial && name.read.len() < 2;
        let class = class(byte).filter(|_| !(is_factory && byte.is_ascii_uppercase()));
        let new = class.map_or(byte, |(first, count)| {
            let others = u64::from(count) - 1;
            let step = 1 + (self.0.hash_one(&*name) % others) as u8;
            first + (byte - first + step) % count
        });
        if name.read.len() < LONGEST {
            name.read.push(byte);
        }
        new
    }
}

/// The first of the bytes that may stand for this one, and how many there are; `None` if it stays.
fn class(byte: u8) -> Option<(u8, u8)> {
    match byte {
        b'0'..=b'9' => Some((b'0', 10)),
        b'A'..=b'O' => Some((b'A', 15)),
        b'P'..=b'Z' => Some((b'P', 11)),
        b'a'..=b'o' => Some((b'a', 15)),
        b'p'..=b'z' => Some((b'p', 11)),
        // The later bytes of a letter that is none of ASCII.
        0x80..=0xbf => Some((byte & 0xf0, 16)),
        _ => None,
    }
}

/// Whether a whole serial number stands here: two letters, year and week, five letters or digits.
pub fn starts_with_serial(bytes: &[u8]) -> bool {
    let ends = bytes.get(SERIAL_LENGTH);
    let ends = ends.is_none_or(|next| !next.is_ascii_alphanumeric());
    let serial = bytes.get(..SERIAL_LENGTH);
    ends && serial.is_some_and(is_serial)
}

fn is_serial(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| match at {
        0..2 => byte.is_ascii_uppercase(),
        2..6 => byte.is_ascii_digit(),
        _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
    })
}

/// Where in the digits of a frame, which begins here, serial numbers stand: wherever a damaged one
/// has been shifted to.
pub fn serials_in_hex(frame: &[u8]) -> Vec<Range<usize>> {
    let digits = frame.get(1..).unwrap_or_default();
    let end = digits.iter().position(|byte| !byte.is_ascii_hexdigit());
    let digits = digits
        .get(..end.unwrap_or(digits.len()))
        .unwrap_or_default();
    let value = |digit: &u8| (*digit as char).to_digit(16).unwrap_or_default() as u8;
    let mut collector = Collector::default();
    let is_whole = Frame::parse(frame, &mut collector).is_ok();
    let mut found = Vec::new();
    for (at, window) in digits.windows(2 * SERIAL_LENGTH).enumerate() {
        let bytes: Vec<u8> = window
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | value(digit)))
            .collect();
        // A frame that is whole has nothing shifted in it.
        if is_serial(&bytes) && !(is_whole && at % 2 == 0) {
            found.push(at..at + window.len());
        }
    }
    found
}
