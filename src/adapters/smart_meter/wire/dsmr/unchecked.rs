//! When to believe a text telegram, by what its line has sent before.
//!
//! A checksum proves it, once it is certain which one the meter reckons: by chance one in 65,536
//! damaged telegrams fits another. Where there is none, as meters before DSMR 4 send them, or where
//! it is always `0000`, nothing proves a telegram whole. So everything in it has to be as a meter
//! writes it, and the telegram before it must have had the same lines with as many digits. Where the
//! line has sent checksums, or the telegram is of a version that has them, the end was lost.

use std::collections::BTreeMap;

use super::DsmrError;
use super::checksum::{Checksum, How, end, is_zero};
use super::lines::{TextLine, TextLines, is_line_end};
use crate::adapters::smart_meter::wire::Obis;

/// The version of a telegram, and the first one that has checksums.
const VERSION: Obis = Obis([1, 3, 0, 2, 8, 255]);
const WITH_CHECKSUM: u32 = 40;
/// The same of meters in Belgium, which all have them.
const BELGIAN_VERSION: Obis = Obis([0, 0, 96, 1, 4, 255]);
/// Telegrams in a row with `0000` after which that is how the meter is.
const ZEROS: u32 = 3;

/// What a telegram that is not refused is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// It counts.
    Whole,
    /// It counts, and is the first of a meter that writes `0000` for each checksum.
    AlwaysZero,
    /// It counts only if the next one is like it.
    Unconfirmed,
}

/// What was seen on one line.
#[derive(Debug, Default)]
pub struct Unchecked {
    /// Whether the checksum of this line is X.25, once it has sent one that counts.
    is_x25: Option<bool>,
    /// The same of the latest telegram that had a right one.
    latest: Option<bool>,
    /// The last telegram without a checksum, each digit as 0.
    shape: Option<Vec<u8>>,
    /// Telegrams with `0000` in a row, as long as that does not matter.
    zeros: u32,
    /// Whether the meter always writes that.
    is_zero: bool,
}

impl Unchecked {
    /// Whether the telegrams of this line have checksums.
    #[must_use]
    pub const fn has_checksums(&self) -> bool {
        self.is_x25.is_some()
    }

    /// Whether a telegram is to be believed. `alone` says that no other will confirm it.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn believe(&mut self, bytes: &[u8], alone: bool) -> Result<Belief, DsmrError> {
        let text = bytes.get(..end(bytes).unwrap_or(bytes.len()));
        let text = text.unwrap_or_default();
        match Checksum::of(bytes) {
            // Right by chance, one in 65,536 of a meter that always writes that.
            Checksum::Good(_) if is_zero(bytes) && !self.has_checksums() && !alone => {
                self.with_zero(text)
            }
            Checksum::Good(how) => Ok(self.sealed(how, alone)),
            Checksum::Wrong { announced, found } => Err(DsmrError::Checksum { announced, found }),
            Checksum::Zero if self.has_checksums() => Err(DsmrError::CutOff),
            Checksum::Zero => self.with_zero(text),
            Checksum::Absent => self.bare(text, alone),
        }
    }

    /// Another checksum than before counts from the second in a row.
    fn sealed(&mut self, how: How, alone: bool) -> Belief {
        let is_x25 = how == How::X25;
        let is_repeated = self.latest.replace(is_x25) == Some(is_x25);
        let usual = self.is_x25.unwrap_or(is_x25 && alone);
        if (usual != is_x25 || self.is_zero) && !is_repeated {
            return Belief::Unconfirmed;
        }
        self.is_zero = false;
        self.is_x25 = Some(is_x25);
        Belief::Whole
    }

    fn with_zero(&mut self, text: &[u8]) -> Result<Belief, DsmrError> {
        if sound(text).is_none() {
            self.zeros = 0;
            return Err(DsmrError::Unsound);
        }
        self.zeros = self.zeros.saturating_add(1);
        self.latest = None;
        let is_certain = self.is_zero || self.zeros >= ZEROS;
        Ok(if !self.is_like_the_last(text) || !is_certain {
            Belief::Unconfirmed
        } else if std::mem::replace(&mut self.is_zero, true) {
            Belief::Whole
        } else {
            Belief::AlwaysZero
        })
    }

    fn bare(&mut self, text: &[u8], alone: bool) -> Result<Belief, DsmrError> {
        let lines = sound(text).ok_or(DsmrError::Unsound)?;
        let mut lines = lines.iter();
        if self.has_checksums() || lines.any(|(code, value)| is_of_version(*code, value)) {
            return Err(DsmrError::CutOff);
        }
        let is_like = self.is_like_the_last(text);
        Ok(if is_like || alone {
            Belief::Whole
        } else {
            Belief::Unconfirmed
        })
    }

    fn is_like_the_last(&mut self, text: &[u8]) -> bool {
        let digit_or = |byte: &u8| if byte.is_ascii_digit() { b'0' } else { *byte };
        let shape: Vec<u8> = text.iter().map(digit_or).collect();
        let is_like = self.shape.as_ref() == Some(&shape);
        self.shape = Some(shape);
        is_like
    }
}

fn is_of_version(code: Obis, value: &str) -> bool {
    let has_checksum = |version: u32| version >= WITH_CHECKSUM;
    code == BELGIAN_VERSION || code == VERSION && value.parse().is_ok_and(has_checksum)
}

/// Codes and values of a telegram, if everything in it is as it should be: each code once, or with
/// the same value again, and nothing but codes and values in brackets.
fn sound(text: &[u8]) -> Option<Vec<(Obis, String)>> {
    let (_, rest) = std::str::from_utf8(text).ok()?.split_once(is_line_end)?;
    let (mut found, mut seen) = (Vec::new(), BTreeMap::new());
    let mut lines = TextLines::of(rest);
    for TextLine { code, groups } in lines.by_ref() {
        let again = seen.insert(code, groups.clone());
        let is_other = again.is_some_and(|before| before != groups);
        if is_other || !groups.iter().all(|value| is_value(value)) {
            return None;
        }
        found.extend(groups.into_iter().map(|value| (code, value)));
    }
    lines.is_sound().then_some(found)
}

/// Printable, and a number where there is a unit.
fn is_value(value: &str) -> bool {
    let is_printable = |c: char| c.is_ascii_graphic() && c != '(' || c == ' ';
    let is_number = |number: &str| {
        let number = number.trim().trim_start_matches('-');
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        is_digits(whole) && is_digits(fraction)
    };
    value.chars().all(is_printable)
        && value
            .split_once('*')
            .is_none_or(|(number, _)| is_number(number))
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::Belief::{AlwaysZero, Unconfirmed, Whole};
    use super::*;
    use proptest::prelude::*;

    impl Unchecked {
        fn hear(&mut self, text: &str) -> Result<Belief, DsmrError> {
            self.believe(text.as_bytes(), false)
        }
    }

    fn text(power: &str) -> String {
        format!(
            "/ABC5\\x\r\n\r\n0-0:96.1.1(4B414D3030303131)\r\n1-0:1.8.1(00001.001*kWh)\r\n\
             1-0:1.7.0({power}*kW)\r\n0-0:96.13.1()\r\n0-1:24.3.0(120517020000)(08)(m3)\r\n\
             (00001.001)\r\n!"
        )
    }

    #[test]
    fn the_second_of_two_telegrams_that_agree_is_believed_or_one_that_is_alone() {
        let mut line = Unchecked::default();
        assert_eq!(line.hear(&text("0001.01")), Ok(Unconfirmed));
        assert_eq!(line.hear(&text("0000.98")), Ok(Whole));
        assert_eq!(line.hear(&text("000.98")), Ok(Unconfirmed));
        let mut file = Unchecked::default();
        assert_eq!(file.believe(text("0001.01").as_bytes(), true), Ok(Whole));
    }

    #[test]
    fn zeros_for_a_checksum_count_from_the_third_in_a_row() {
        let zero = |power| format!("{}0000", text(power));
        let mut line = Unchecked::default();
        assert_eq!(line.hear(&zero("0001.01")), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("0001.02")), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("0001.0x")), Err(DsmrError::Unsound));
        assert_eq!(line.hear(&zero("0001.03")), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("0001.04")), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("0001.05")), Ok(AlwaysZero));
        assert_eq!(line.hear(&zero("0001.06")), Ok(Whole));
        // Now that the meter is known, one that is damaged costs only itself.
        assert_eq!(line.hear(&zero("0001.0x")), Err(DsmrError::Unsound));
        assert_eq!(line.hear(&zero("001.07")), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("001.08")), Ok(Whole));
        // One that seems to have a checksum may be damaged; two in a row have one.
        let sealed = String::from_utf8(seal(&text("0001.01"))).unwrap();
        assert_eq!(line.hear(&sealed), Ok(Unconfirmed));
        assert_eq!(line.hear(&zero("001.08")), Ok(Whole));
        assert_eq!(line.hear(&sealed), Ok(Unconfirmed));
        assert_eq!(line.hear(&sealed), Ok(Whole));
        assert_eq!(line.hear(&zero("0001.09")), Err(DsmrError::CutOff));
    }

    #[test]
    fn zeros_that_are_right_by_chance_change_nothing() {
        let right = (0..1_000_000).map(|power| text(&format!("{power:06}")));
        let mut right = right.filter(|text| seal(text).ends_with(b"!0000"));
        let by_chance = format!("{}0000", right.next().unwrap());
        let zero = |power| format!("{}0000", text(power));
        let mut line = Unchecked::default();
        for (power, belief) in [
            ("000101", Unconfirmed),
            ("000102", Unconfirmed),
            ("000103", AlwaysZero),
        ] {
            assert_eq!(line.hear(&zero(power)), Ok(belief));
        }
        assert_eq!(line.hear(&by_chance), Ok(Whole));
        assert_eq!(line.hear(&zero("000104")), Ok(Whole));
        // A line that has checksums takes it as one of them.
        let mut sealed = Unchecked::default();
        assert_eq!(sealed.believe(&seal(&text("000101")), false), Ok(Whole));
        assert_eq!(sealed.hear(&by_chance), Ok(Whole));
        assert_eq!(sealed.hear(&zero("000104")), Err(DsmrError::CutOff));
    }

    #[test]
    fn another_checksum_than_before_counts_from_the_second_in_a_row() {
        let sealed = String::from_utf8(seal(&text("0001.01"))).unwrap();
        let x25 = text("0001.01");
        let sum = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC).checksum(x25.as_bytes());
        let x25 = format!("{x25}{sum:04X}");
        let mut line = Unchecked::default();
        assert_eq!(line.hear(&x25), Ok(Unconfirmed));
        assert_eq!(line.hear(&x25), Ok(Whole));
        assert_eq!(line.hear(&sealed), Ok(Unconfirmed));
        assert_eq!(line.hear(&x25), Ok(Whole));
        assert_eq!(line.hear(&sealed), Ok(Unconfirmed));
        assert_eq!(line.hear(&sealed), Ok(Whole));
        assert_eq!(line.hear(&x25), Ok(Unconfirmed));
        let mut file = Unchecked::default();
        assert_eq!(file.believe(x25.as_bytes(), true), Ok(Whole));
    }

    #[test]
    fn a_line_that_no_meter_writes_refuses_the_telegram() {
        let whole = text("0001.01");
        for (right, wrong) in [
            ("0001.01*kW", "00q1.01*kW"),
            ("(0001.01*kW)", "(0001.01*kW"),
            ("(0001.01*kW)\r\n", "(0001.01*kW)"),
            ("1-0:1.7.0(", "1-0:1.7.0"),
            ("1-0:1.7.0", "1-0:1.7"),
            ("1-0:1.7.0(", "1-0:1.8.1("),
            ("0001.01", "0001\u{b2}01"),
        ] {
            let damaged = whole.replacen(right, wrong, 1);
            assert_ne!(damaged, whole);
            let found = Unchecked::default().believe(damaged.as_bytes(), true);
            assert_eq!(found, Err(DsmrError::Unsound), "{wrong}");
        }
    }

    #[test]
    fn a_checksum_that_should_be_there_was_cut_off() {
        let mut line = Unchecked::default();
        let sealed = seal(&text("0001.01"));
        assert_eq!(line.believe(&sealed, false), Ok(Whole));
        assert_eq!(
            line.believe(text("0001.01").as_bytes(), true),
            Err(DsmrError::CutOff)
        );
        for version in ["1-3:0.2.8(50)", "0-0:96.1.4(50217)"] {
            let text = format!("/ABC5\r\n\r\n{version}\r\n1-0:1.7.0(01.0*kW)\r\n!");
            let found = Unchecked::default().believe(text.as_bytes(), true);
            assert_eq!(found, Err(DsmrError::CutOff), "{version}");
        }
    }

    proptest! {
        #[test]
        fn a_lost_byte_is_never_believed(at in 8_usize..140) {
            let whole = text("0001.01");
            let mut damaged = whole.clone().into_bytes();
            damaged.remove(at % whole.len());
            let mut line = Unchecked::default();
            let _ = line.believe(whole.as_bytes(), false);
            prop_assert_ne!(line.believe(&damaged, false), Ok(Whole));
        }
    }
}
