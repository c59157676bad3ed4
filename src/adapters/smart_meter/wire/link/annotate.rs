//! A labelled dump of a frame, for people who look for a mistake: ours, or the meter's.

use std::fmt::Display;

use super::super::ber;
use super::{apdu, block_transfer, hdlc, mbus};
use crate::hex::Dump;

/// Columns of the names of fields.
const NAMES: usize = 20;

/// Describes every byte of a frame of any transport, or of a message without one, a line a field:
/// offset in the frame, bytes, name, value. Each byte appears exactly once, also in damaged frames;
/// what is not understood is labelled so. Ciphertext stays ciphertext.
#[must_use]
pub fn annotate(frame: &[u8]) -> String {
    let mut fields = Fields {
        dump: Dump::new(frame, NAMES),
    };
    match frame.first() {
        Some(&mbus::START) => fields.mbus(),
        Some(&hdlc::FLAG) => fields.hdlc(),
        _ => fields.message(frame.len()),
    }
    let left = fields.dump.left().len();
    fields.dump.field(left, "not understood", "");
    fields.dump.finish()
}

/// The fields of frames.
struct Fields<'a> {
    dump: Dump<'a>,
}

impl Fields<'_> {
    /// Bytes left before the last so many.
    fn before(&self, tail: usize) -> usize {
        self.dump.left().len().saturating_sub(tail)
    }

    fn mbus(&mut self) {
        let [_, length, again, second, ..] = *self.dump.bytes() else {
            return;
        };
        if length != again || second != mbus::START {
            return;
        }
        let total = mbus::total(length);
        self.dump.field(1, "start", "M-Bus long frame");
        let wrapped = if usize::from(length) + 6 == total {
            ""
        } else {
            ", 256 left out"
        };
        self.dump
            .field(1, "length", format_args!("{}{wrapped}", total - 6));
        self.dump.field(1, "length again", "");
        self.dump.field(1, "start again", "");
        self.dump.field(1, "C", "");
        self.dump.field(
            1,
            "A",
            if self.dump.peek() == 0xff {
                "everybody"
            } else {
                ""
            },
        );
        let control_information = self.dump.peek();
        let is_ours = control_information < mbus::OTHER_PROTOCOLS;
        let number = control_information & mbus::SEQUENCE;
        let last = if control_information & mbus::LAST == 0 {
            ""
        } else {
            ", the last one"
        };
        if is_ours {
            self.dump
                .field(1, "CI", format_args!("segment {number}{last}"));
        } else {
            self.dump.field(1, "CI", "not a customer interface");
        }
        self.dump.field(1, "STSAP", self.dump.peek());
        self.dump.field(1, "DTSAP", self.dump.peek());
        let end = self.dump.bytes().len().min(total);
        let data = end.saturating_sub(self.dump.at() + 2);
        if is_ours && number == 0 {
            self.message(data);
        } else {
            self.dump.field(data, "data", "");
        }
        let counted = self.dump.bytes().get(4..self.dump.at()).unwrap_or_default();
        let expected = mbus::sum(counted);
        let verdict = verdict(self.dump.peek() == expected, expected);
        self.dump.field(1, "checksum", verdict);
        let is_stop = self.dump.peek() == mbus::STOP;
        self.dump
            .field(1, "stop", if is_stop { "" } else { "should be 16" });
    }

    fn hdlc(&mut self) {
        let inside = self.dump.bytes().get(1..).unwrap_or_default();
        let Some(Ok(header)) = hdlc::header(inside) else {
            return;
        };
        self.dump.field(1, "flag", "HDLC frame");
        let more = if header.has_more {
            ", more segments follow"
        } else {
            ""
        };
        self.dump
            .field(2, "format", format_args!("{} bytes{more}", header.length));
        self.dump.field(header.destination, "destination", "");
        self.dump.field(header.source, "source", "");
        self.dump.field(1, "control", "");
        if header.has_information() {
            self.crc("header checksum");
        }
        let end = self.dump.bytes().len().min(header.length + 2);
        let tail = self.dump.bytes().len() - end + 3;
        if self.dump.left().starts_with(&hdlc::LLC) {
            self.dump.field(hdlc::LLC.len(), "LLC", "");
            self.message(self.before(tail));
        } else if self.dump.peek() == block_transfer::TAG {
            self.message(self.before(tail));
        } else {
            self.dump.field(self.before(tail), "information", "");
        }
        self.crc("checksum");
        self.dump.field(1, "flag", "");
    }

    fn crc(&mut self, name: &str) {
        let covered = self.dump.bytes().get(1..self.dump.at()).unwrap_or_default();
        let expected = hdlc::checksum(covered).to_le_bytes();
        let is_right = self.dump.left().starts_with(&expected);
        let value = verdict(is_right, u16::from_be_bytes(expected));
        self.dump.field(2, name, value);
    }

    /// A message, or the first part of one, in the next so many bytes.
    fn message(&mut self, length: usize) {
        let end = self.dump.at() + length.min(self.dump.left().len());
        let first = self.dump.peek();
        match first {
            _ if self.dump.at() == end => {}
            block_transfer::TAG => self.block(end),
            apdu::GLOBAL_CIPHERING => self.ciphered(end),
            apdu::DATA_NOTIFICATION => {
                self.within(end, 1, "tag", "plain notification");
                self.within(end, 4, "invoke id", "");
                self.within(end, end, "data", "");
            }
            _ => self.within(end, end, "data", format_args!("unknown kind {first:02x}")),
        }
    }

    fn block(&mut self, end: usize) {
        self.within(end, 1, "tag", "block transfer");
        let is_last = self.dump.peek() & block_transfer::LAST != 0;
        self.within(
            end,
            1,
            "block control",
            if is_last { "the last one" } else { "" },
        );
        let number = self.dump.left().get(..2).unwrap_or_default();
        let number = number.iter().fold(0, |n, byte| n << 8 | u16::from(*byte));
        self.within(end, 2, "block", number);
        self.within(end, 2, "acknowledged", "");
        self.length(end);
        if number == block_transfer::FIRST && self.dump.peek() == apdu::GLOBAL_CIPHERING {
            self.ciphered(end);
        } else {
            self.within(end, end, "data", "");
        }
    }

    fn ciphered(&mut self, end: usize) {
        self.within(end, 1, "tag", "ciphered");
        self.within(end, 1, "title length", self.dump.peek());
        let title = self.dump.left().get(..3).unwrap_or_default();
        self.within(end, 8, "system title", title.escape_ascii());
        self.length(end);
        let control = self.dump.peek();
        let (tagged, ciphered) = (control & 0x10 != 0, control & 0x20 != 0);
        let value = format!(
            "suite {}{}{}",
            control & 0x0f,
            if ciphered { ", encrypted" } else { "" },
            if tagged { ", authenticated" } else { "" },
        );
        self.within(end, 1, "security control", value);
        let counter = self.dump.left().get(..4).unwrap_or_default();
        let counter = counter.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        self.within(end, 4, "invocation counter", counter);
        let name = if ciphered { "ciphertext" } else { "plaintext" };
        self.within(end, end, name, "");
    }

    fn length(&mut self, end: usize) {
        let rest = self
            .dump
            .bytes()
            .get(self.dump.at()..end)
            .unwrap_or_default();
        match ber::decode(rest) {
            Ok((length, took)) => self
                .dump
                .field(took, "length", format_args!("{length} bytes")),
            Err(error) => self.within(end, end, "length", error),
        }
    }

    /// A field that does not go beyond `end`.
    fn within(&mut self, end: usize, length: usize, name: &str, value: impl Display) {
        let length = length.min(end.saturating_sub(self.dump.at()));
        self.dump.field(length, name, value);
    }
}

fn verdict(is_right: bool, expected: impl std::fmt::LowerHex) -> String {
    if is_right {
        "right".to_owned()
    } else {
        format!("wrong, should be {expected:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::hdlc::Sender;
    use super::*;
    use crate::hex::HEX;
    use proptest::prelude::*;

    fn apdu() -> Vec<u8> {
        [
            b"\xdb\x08XXX00001\x0b\x20\x00\x00\x00\x07".as_slice(),
            &[0xaa; 6],
        ]
        .concat()
    }

    /// The bytes that the dump shows.
    fn shown(dump: &str) -> Vec<u8> {
        let columns = dump.lines().filter_map(|line| line.get(7..)).map(|line| {
            let end = line.len().min(HEX);
            line.get(..end).unwrap_or_default()
        });
        columns
            .flat_map(str::split_whitespace)
            .map(|hex| u8::from_str_radix(hex, 16).unwrap())
            .collect()
    }

    #[test]
    fn a_frame_of_each_kind_is_understood_to_its_end() {
        let (apdu, sender) = (apdu(), Sender::default());
        let mut all = mbus::frames(&apdu, 20);
        all.extend(hdlc::frames(&apdu, 10, sender));
        all.extend(hdlc::block_frames(&apdu, 18, sender));
        all.push(apdu);
        for frame in &all {
            let dump = annotate(frame);
            assert_eq!(shown(&dump), *frame);
            assert!(!dump.contains("not understood"), "{dump}");
            assert!(!dump.contains("wrong"), "{dump}");
        }
    }

    #[test]
    fn the_values_are_told() {
        let dump = annotate(&mbus::frames(&apdu(), 245).concat());
        let tells = |words: &str| assert!(dump.contains(words), "{words} in\n{dump}");
        tells("segment 0, the last one");
        tells("XXX");
        tells("suite 0, encrypted\n");
        tells("invocation counter    7\n");
        tells("right");
    }

    #[test]
    fn a_damaged_checksum_is_told_with_the_right_one() {
        let mut frame = mbus::frames(&apdu(), 245).concat();
        let at = frame.len() - 2;
        let expected = frame[at];
        frame[at] ^= 1;
        let words = format!("wrong, should be {expected:02x}");
        assert!(annotate(&frame).contains(&words));
    }

    proptest! {
        #[test]
        fn every_byte_of_anything_appears_once(
            start in prop_oneof![
                Just(vec![]), Just(vec![0x68, 0x20, 0x20, 0x68]), Just(vec![0x68, 1, 1, 0x68]),
                Just(vec![0x7e, 0xa0, 0x30]), Just(vec![0xdb, 8]), Just(vec![0xe0, 0xc0, 0, 1]),
            ],
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, rest].concat();
            prop_assert_eq!(shown(&annotate(&bytes)), bytes);
        }

        #[test]
        fn every_cut_of_a_frame_is_shown_whole(cut in 0..40_usize) {
            let frames = [mbus::frames(&apdu(), 245), hdlc::frames(&apdu(), 99, Sender::default())];
            for frame in frames.concat() {
                let bytes = &frame[..cut.min(frame.len())];
                prop_assert_eq!(shown(&annotate(bytes)), bytes);
            }
        }
    }
}
