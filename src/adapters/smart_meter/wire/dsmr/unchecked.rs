//! Text telegrams without a checksum, as meters before DSMR 4 send them: when to believe one.
//!
//! Nothing proves such a telegram whole, so everything in it has to be as a meter writes it, and the
//! telegram before it must have had the same lines with as many digits. Where the line has sent
//! checksums, or the telegram is of a version that has them, the end was lost.

use std::collections::BTreeMap;

use super::{DsmrError, digits, end};
use crate::adapters::smart_meter::wire::Obis;

/// The version of a telegram, and the first one that has checksums.
const VERSION: Obis = Obis([1, 3, 0, 2, 8, 255]);
const WITH_CHECKSUM: u32 = 40;
/// The same of meters in Belgium, which all have them.
const BELGIAN_VERSION: Obis = Obis([0, 0, 96, 1, 4, 255]);

/// What was seen on one line.
#[derive(Debug, Default)]
pub struct Unchecked {
    has_checksums: bool,
    /// The last telegram without a checksum, each digit as 0.
    shape: Option<Vec<u8>>,
}

impl Unchecked {
    /// Whether the telegrams of this line have checksums.
    #[must_use]
    pub const fn has_checksums(&self) -> bool {
        self.has_checksums
    }

    /// Whether a telegram, whole and not damaged as far as a checksum tells, is to be believed, or
    /// is still to be confirmed by the next one. `alone` says that none will come.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn believe(&mut self, bytes: &[u8], alone: bool) -> Result<bool, DsmrError> {
        let end = end(bytes).unwrap_or(bytes.len());
        if digits(bytes, end).is_some() {
            self.has_checksums = true;
            return Ok(true);
        }
        let text = bytes.get(..end).unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| DsmrError::Unsound)?;
        let lines = lines(text).ok_or(DsmrError::Unsound)?;
        if self.has_checksums
            || lines
                .iter()
                .any(|(code, value)| is_of_version(*code, value))
        {
            return Err(DsmrError::CutOff);
        }
        let shape = text.bytes();
        let shape = shape.map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        let shape: Vec<u8> = shape.collect();
        let is_confirmed = self.shape.as_ref() == Some(&shape);
        self.shape = Some(shape);
        Ok(is_confirmed || alone)
    }
}

fn is_of_version(code: Obis, value: &str) -> bool {
    let has_checksum = |version: u32| version >= WITH_CHECKSUM;
    code == BELGIAN_VERSION || code == VERSION && value.parse().is_ok_and(has_checksum)
}

/// Codes and values of a telegram, if everything in it is as it should be: each code once, or with
/// the same value again, and nothing but codes and values in brackets.
fn lines(text: &str) -> Option<Vec<(Obis, &str)>> {
    let is_line_end = |c| matches!(c, '\r' | '\n');
    let (_, mut rest) = text.split_once(is_line_end)?;
    let (mut found, mut seen) = (Vec::new(), BTreeMap::new());
    loop {
        rest = rest.trim_start_matches(is_line_end);
        if rest.is_empty() {
            return Some(found);
        }
        let (code, mut values) = rest.split_at(rest.find('(')?);
        let code: Obis = code.trim().parse().ok()?;
        let begun = values;
        // Values may go on in the next line.
        while let Some(inner) = values.trim_start().strip_prefix('(') {
            let (value, after) = inner.split_once(')')?;
            if !is_value(value) {
                return None;
            }
            found.push((code, value));
            values = after;
        }
        let all = begun.get(..begun.len() - values.len())?;
        if seen.insert(code, all).is_some_and(|before| before != all) {
            return None;
        }
        if !values.is_empty() && !values.starts_with(is_line_end) {
            return None;
        }
        rest = values;
    }
}

/// Printable, and a number where there is a unit.
fn is_value(value: &str) -> bool {
    let is_printable = |c: char| c.is_ascii_graphic() && c != '(' || matches!(c, ' ' | '\r' | '\n');
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
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(line.believe(text("0001.01").as_bytes(), false), Ok(false));
        assert_eq!(line.believe(text("0000.98").as_bytes(), false), Ok(true));
        assert_eq!(line.believe(text("000.98").as_bytes(), false), Ok(false));
        let mut file = Unchecked::default();
        assert_eq!(file.believe(text("0001.01").as_bytes(), true), Ok(true));
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
        let sealed = super::super::seal(&text("0001.01"));
        assert_eq!(line.believe(&sealed, false), Ok(true));
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
            prop_assert_ne!(line.believe(&damaged, false), Ok(true));
        }
    }
}
