//! Long frames of the wired M-Bus, with a segment of a message in each.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `68` |
//! | 1 | 1 | L: bytes from C to the last of the data, modulo 256 |
//! | 2 | 1 | L again |
//! | 3 | 1 | `68` |
//! | 4 | 1 | C: `53`, or `73` with the frame count bit |
//! | 5 | 1 | A: `FF`, everybody |
//! | 6 | 1 | CI: `000` + last segment (1 bit) + sequence number (4 bits); `20` and up: other protocols |
//! | 7 | 1 | STSAP: `01`, the sender in the meter |
//! | 8 | 1 | DTSAP: `67`, the customer |
//! | 9 | L - 5 | data |
//! | L+4 | 1 | sum of the bytes from C on, modulo 256 |
//! | L+5 | 1 | `16` |
//!
//! L of less than 5 cannot be: some firmware of the Sagemcom T210-D sends 257 bytes and writes `01`,
//! so 256 belong to it.

use std::ops::Range;

use super::event::Reason;
use super::found::Found;

pub(crate) const START: u8 = 0x68;
const SHORT_START: u8 = 0x10;
const ACKNOWLEDGED: u8 = 0xe5;
pub(crate) const STOP: u8 = 0x16;
/// Bytes that L does not count.
const UNCOUNTED: usize = 6;
/// C, A, CI, STSAP and DTSAP.
const FIXED: usize = 5;
/// CI bytes from here on belong to other protocols.
pub const OTHER_PROTOCOLS: u8 = 0x20;
pub(crate) const LAST: u8 = 0x10;
pub(crate) const SEQUENCE: u8 = 0x0f;
/// Segments a message can have: the number 0 always begins a new one.
const MAX_SEGMENTS: usize = 16;
/// Most data in a frame: with more, L would wrap to a length of its own.
const MAX_DATA: usize = 255;

/// Who talks to whom: equal in all segments of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    pub(crate) control: u8,
    pub(crate) address: u8,
    pub(crate) source: u8,
    pub(crate) destination: u8,
}

/// A frame whose checksum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(crate) parties: Parties,
    pub(crate) control_information: u8,
    pub(crate) data: &'a [u8],
    /// All its bytes.
    pub length: usize,
}

impl Frame<'_> {
    pub(crate) fn is_other_bus(&self) -> bool {
        self.control_information >= OTHER_PROTOCOLS
    }

    pub(crate) fn is_last(&self) -> bool {
        self.control_information & LAST != 0
    }

    pub(crate) fn sequence(&self) -> u16 {
        u16::from(self.control_information & SEQUENCE)
    }
}

/// Bytes of the frame that says so in its header, from `68` to `16`.
pub fn total(length: u8) -> usize {
    let length = usize::from(length);
    let length = if length < FIXED { length + 256 } else { length };
    length + UNCOUNTED
}

pub(crate) fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// What begins at the front of the bytes.
pub fn recognise(bytes: &[u8]) -> Found<Frame<'_>> {
    match *bytes {
        [ACKNOWLEDGED, ..] => Found::PassOver(1),
        [SHORT_START, control, address, checksum, STOP, ..] => {
            let is_sound = sum(&[control, address]) == checksum;
            if is_sound {
                Found::PassOver(5)
            } else {
                Found::Noise
            }
        }
        [SHORT_START, ..] if bytes.len() < 5 => Found::Wait(None),
        [START, length, again, ..] if length != again => Found::Noise,
        [START] | [START, _] | [START, _, _] => Found::Wait(None),
        [START, length, _, START, ..] => match bytes.get(..total(length)) {
            Some(frame) => check(frame),
            None => Found::Wait(Some(total(length))),
        },
        _ => Found::Noise,
    }
}

fn check(frame: &[u8]) -> Found<Frame<'_>> {
    let broken = |reason| Found::Broken(frame.len(), reason);
    let [_, _, _, _, counted @ .., checksum, stop] = frame else {
        return broken(Reason::NoStop);
    };
    if *stop != STOP {
        return broken(Reason::NoStop);
    }
    let expected = sum(counted);
    if *checksum != expected {
        return broken(Reason::Checksum {
            found: (*checksum).into(),
            expected: expected.into(),
        });
    }
    let [
        control,
        address,
        control_information,
        source,
        destination,
        data @ ..,
    ] = counted
    else {
        return broken(Reason::NoStop);
    };
    Found::Sound(Frame {
        parties: Parties {
            control: *control,
            address: *address,
            source: *source,
            destination: *destination,
        },
        control_information: *control_information,
        data,
        length: frame.len(),
    })
}

/// Where the data lies in a frame, sound or not.
pub fn data(frame: &[u8]) -> Range<usize> {
    UNCOUNTED - 2 + FIXED..frame.len().saturating_sub(2)
}

/// Where the number of the meter stands in an answer of an ordinary M-Bus: four bytes behind CI.
pub fn number(frame: &[u8]) -> Option<Range<usize>> {
    let number = UNCOUNTED + 1..UNCOUNTED + 5;
    let is_answer = matches!(frame.get(UNCOUNTED)?, 0x72 | 0x76);
    (is_answer && number.end + 2 <= frame.len()).then_some(number)
}

/// Changes the checksum of a frame whose data was changed from what it was `before`: right stays
/// right, and wrong stays as wrong as it was.
pub fn reseal(frame: &mut [u8], before: &[u8]) {
    let counted = |frame: &[u8]| sum(frame.get(4..frame.len().saturating_sub(2)).unwrap_or(&[]));
    let (now, then) = (counted(frame), counted(before));
    if let [.., checksum, _] = frame {
        *checksum = checksum.wrapping_add(now).wrapping_sub(then);
    }
}

/// Writes a message as frames with at most so many bytes of data each: 245 as most meters do, 252
/// as a T210-D whose L wraps. More where the message would need more than the 16 frames that can be
/// numbered; never more than 255.
#[must_use]
pub fn frames(apdu: &[u8], max_data: usize) -> Vec<Vec<u8>> {
    let at_least = apdu.len().div_ceil(MAX_SEGMENTS).max(1);
    let max_data = max_data.max(at_least).min(MAX_DATA);
    let mut segments: Vec<&[u8]> = apdu.chunks(max_data).collect();
    if segments.is_empty() {
        segments.push(&[]);
    }
    let count = segments.len();
    let numbered = segments.into_iter().zip(0_u8..);
    numbered
        .map(|(data, number)| {
            let is_last = usize::from(number) + 1 == count;
            let last = if is_last { LAST } else { 0 };
            frame(last | number & SEQUENCE, data)
        })
        .collect()
}

fn frame(control_information: u8, data: &[u8]) -> Vec<u8> {
    let mut counted = vec![0x53, 0xff, control_information, 0x01, 0x67];
    counted.extend_from_slice(data);
    // Only the low byte fits; see the module.
    let length = (counted.len() & 0xff) as u8;
    let mut frame = vec![START, length, length, START];
    let checksum = sum(&counted);
    frame.append(&mut counted);
    frame.extend([checksum, STOP]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_below_the_fixed_part_have_wrapped() {
        assert_eq!(total(0xfa), 256);
        assert_eq!(total(0x05), 11);
        assert_eq!(total(0x04), 266);
        assert_eq!(total(0x01), 263);
        let frames = frames(&[0xaa; 260], 252);
        assert!(frames[0].starts_with(&[0x68, 0x01, 0x01, 0x68]));
        assert!(frames[1].starts_with(&[0x68, 0x0d, 0x0d, 0x68]));
        assert_eq!((frames[0].len(), frames[1].len()), (263, 19));
    }

    #[test]
    fn segments_are_numbered_and_the_last_one_says_so() {
        let numbers = |size, max| -> Vec<u8> {
            let frames = frames(&vec![0; size], max);
            frames.iter().map(|frame| frame[6]).collect()
        };
        assert_eq!(numbers(0, 245), [0x10]);
        assert_eq!(numbers(245, 245), [0x10]);
        assert_eq!(numbers(246, 245), [0x00, 0x11]);
        assert_eq!(numbers(600, 245), [0x00, 0x01, 0x12]);
        assert_eq!(numbers(100, 1).len(), 15);
        assert_eq!(numbers(100, 1).last(), Some(&0x1e));
    }

    #[test]
    fn short_frames_and_acknowledgements_are_no_noise() {
        assert_eq!(recognise(&[0xe5, 0x68]), Found::PassOver(1));
        let short = [0x10, 0x40, 0xf0, 0x30, 0x16];
        assert_eq!(recognise(&short), Found::PassOver(5));
        assert_eq!(recognise(&short[..4]), Found::Wait(None));
        assert_eq!(recognise(&[0x10, 0x40, 0xf0, 0x31, 0x16]), Found::Noise);
    }

    #[test]
    fn the_first_wrong_byte_decides() {
        assert_eq!(recognise(&[0x68, 0x20, 0x21]), Found::Noise);
        assert_eq!(recognise(&[0x68, 0x20, 0x20]), Found::Wait(None));
        assert_eq!(recognise(&[0x68, 0x20, 0x20, 0x69]), Found::Noise);
        assert_eq!(recognise(&[0x68, 0x20, 0x20, 0x68]), Found::Wait(Some(38)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            apdu in prop::collection::vec(any::<u8>(), 0..2000), max in 0..300_usize
        ) {
            let mut read = Vec::new();
            let frames = frames(&apdu, max);
            for (bytes, number) in frames.iter().zip(0..) {
                let Found::Sound(frame) = recognise(bytes) else { panic!("not read") };
                prop_assert_eq!(frame.length, bytes.len());
                prop_assert_eq!(frame.sequence(), number);
                prop_assert_eq!(frame.is_last(), usize::from(number) + 1 == frames.len());
                read.extend_from_slice(frame.data);
            }
            prop_assert_eq!(read, apdu);
        }
    }
}
