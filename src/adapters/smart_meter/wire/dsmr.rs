//! Text telegrams, as meters with a P1 port send them; some operators encrypt them like the others.
//!
//! ```text
//! /ABC5\2xxxxxxxx                   who made it, baud rate, an id
//!
//! 0-0:1.0.0(250601120000S)          local time, S summer, W winter
//! 1-0:1.8.0(000123456*Wh)           code, value, unit
//! 0-0:96.1.0(3132333435)            equipment id: characters in hexadecimal
//! !8CB2                             CRC-16/ARC from / to !
//! ```

mod checksum;
pub mod lines;
mod unchecked;

use std::collections::BTreeSet;

use super::axdr::Data;
use super::item::{Item, ItemValue};
use crate::hex;

pub use checksum::{Checksum, DIGITS, How, reseal, seal};
pub use unchecked::{Belief, Unchecked};

use checksum::end;

/// The text is no telegram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DsmrError {
    /// A byte that is no character.
    #[error("byte {offset} of the text telegram is no character")]
    NotText {
        /// Where.
        offset: usize,
        /// Whether it has lines with codes all the same.
        has_codes: bool,
    },
    /// No line that begins with `!`.
    #[error("the text telegram has no end: the line that begins with ! is missing")]
    NoEnd {
        /// Whether it has lines with codes all the same.
        has_codes: bool,
    },
    /// Damaged.
    #[error("the text telegram is damaged: its checksum is {found:04X}, not {announced:04X}")]
    Checksum {
        /// What it says.
        announced: u16,
        /// What it is.
        found: u16,
    },
    /// It has no checksum, and lines that no meter writes.
    #[error("the text telegram is damaged: not each of its lines is a code and its values")]
    Unsound,
    /// It has no checksum though it should.
    #[error("the end of the text telegram is missing: this meter writes a checksum there")]
    CutOff,
    /// No line with a code.
    #[error("the text telegram has no values")]
    Nothing,
}

impl DsmrError {
    /// Whether it surely is a text telegram, but one that was damaged on its way. A wrong key may
    /// make a `/`, but no lines with codes.
    pub const fn is_damaged(&self) -> bool {
        match self {
            Self::NotText { has_codes, .. } | Self::NoEnd { has_codes } => *has_codes,
            Self::Checksum { .. } | Self::Unsound | Self::CutOff => true,
            Self::Nothing => false,
        }
    }
}

/// The values of a telegram. The first line, who made it, is an item without a code. Of a code that
/// is there more than once the first counts.
pub fn parse(bytes: &[u8]) -> Result<Vec<Item>, DsmrError> {
    // Line ends, zeros or padding may follow the end; nothing is asked of them.
    let end = end(bytes);
    let body = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
    let items = items(&characters(body));
    let has_codes = items.iter().any(|item| item.obis.is_some());
    let checksum = Checksum::of(bytes);
    if !matches!(checksum, Checksum::Good(_))
        && let Some(offset) = body.iter().position(|byte| !is_usual(*byte))
    {
        return Err(DsmrError::NotText { offset, has_codes });
    }
    end.ok_or(DsmrError::NoEnd { has_codes })?;
    match checksum {
        Checksum::Wrong { announced, found } => Err(DsmrError::Checksum { announced, found }),
        _ if !has_codes => Err(DsmrError::Nothing),
        _ => Ok(items),
    }
}

/// Whether a byte is one that meters write; others count only with a checksum that is right.
pub const fn is_usual(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b'\t' | 0x20..=0x7e)
}

/// The text in Latin-1, without bytes that are no characters.
fn characters(body: &[u8]) -> String {
    let characters = body.iter().map(|byte| char::from(*byte));
    let is_text = |c: &char| !c.is_control() || matches!(c, '\r' | '\n' | '\t');
    characters.filter(is_text).collect()
}

fn items(text: &str) -> Vec<Item> {
    let (mut items, mut seen) = (lines::items(text), BTreeSet::new());
    items.retain(|item| item.obis.is_none_or(|code| seen.insert(code)));
    items
}

/// Characters that were written in hexadecimal.
pub fn from_hex(text: &str) -> Option<String> {
    let bytes = hex::bytes(text).filter(|bytes| !bytes.is_empty())?;
    let is_character = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let is_text = bytes.iter().all(is_character);
    is_text.then(|| bytes.into_iter().map(char::from).collect())
}

fn printable(text: &str) -> String {
    match ItemValue::of(&Data::Text(text.to_owned()), None) {
        ItemValue::Text(text) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::obis::Obis;
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = "/ABC5\\2test\r\n\r\n0-0:1.0.0(250601120000S)\r\n\
        0-0:96.1.0(414230303132)\r\n1-0:1.8.0(000123.456*kWh)\r\n1-0:1.7.0(000000544*W)\r\n\
        1-0:3.8.0(0012*varh)\r\n1-0:32.32.0(00044)\r\n0-0:96.13.0()\r\n1-0:13.7.0(-0.309)\r\n\
        0-1:24.2.1(250601115500S)(00012.345*m3)\r\nnonsense\r\n!";

    fn shown(items: &[Item], code: &str) -> String {
        let code: Obis = code.parse().unwrap();
        let item = items.iter().find(|item| item.obis == Some(code)).unwrap();
        item.value.to_string()
    }

    #[test]
    fn each_kind_of_line_is_read() {
        let items = parse(&seal(BODY)).unwrap();
        assert_eq!(items[0].value.to_string(), "\"ABC5\\2test\"");
        assert_eq!(shown(&items, "0-0:1.0.0"), "2025-06-01T12:00:00");
        assert_eq!(shown(&items, "0-0:96.1.0"), "\"AB0012\"");
        assert_eq!(shown(&items, "1-0:1.7.0"), "544 W");
        assert_eq!(shown(&items, "1-0:3.8.0"), "12 varh");
        assert_eq!(shown(&items, "1-0:32.32.0"), "44");
        assert_eq!(shown(&items, "0-0:96.13.0"), "\"\"");
        assert_eq!(shown(&items, "1-0:13.7.0"), "-0.309");
        assert_eq!(shown(&items, "0-1:24.2.1"), "12.345 m³");
        // Three digits behind the point of a kilowatt-hour are whole watt-hours.
        assert_eq!(shown(&items, "1-0:1.8.0"), "123456 Wh");
    }

    #[test]
    fn a_damaged_telegram_is_told_from_one_that_is_none() {
        let mut bytes = seal(BODY);
        bytes[60] ^= 1;
        assert!(matches!(parse(&bytes), Err(DsmrError::Checksum { .. })));
        let (offset, has_codes) = (6, false);
        assert_eq!(
            parse(b"/ABC\r\n\x07"),
            Err(DsmrError::NotText { offset, has_codes })
        );
        assert_eq!(
            parse(b"/ABC5\r\n1-0:1.8.0(1*Wh)\r\n"),
            Err(DsmrError::NoEnd { has_codes: true })
        );
        assert_eq!(parse(b"/ABC5\r\n!\r\n"), Err(DsmrError::Nothing));
    }

    #[test]
    fn strange_bytes_count_only_with_a_right_checksum() {
        let body = BODY.replace("0-0:96.13.0()", "0-0:96.13.0(Z\u{e4}hler\u{7}\u{0})");
        let latin: Vec<u8> = body.chars().map(|c| u32::from(c) as u8).collect();
        let Checksum::Wrong { found, .. } = Checksum::of(&[latin.as_slice(), b"1"].concat()) else {
            panic!("by chance it is 1")
        };
        let sealed = [latin.as_slice(), format!("{found:04X}").as_bytes()].concat();
        let items = parse(&sealed).unwrap();
        assert_eq!(shown(&items, "0-0:96.13.0"), "\"Zähler\"");
        assert_eq!(shown(&items, "1-0:1.7.0"), "544 W");
        let bare = parse(&latin);
        assert!(matches!(bare, Err(DsmrError::NotText { .. })), "{bare:?}");
    }

    #[test]
    fn of_a_code_that_is_there_twice_the_first_counts() {
        let body = BODY.replace("nonsense", "1-0:1.7.0(000000999*W)");
        let items = parse(&seal(&body)).unwrap();
        assert_eq!(shown(&items, "1-0:1.7.0"), "544 W");
        let code = "1-0:1.7.0".parse().unwrap();
        let count = items.iter().filter(|item| item.obis == Some(code)).count();
        assert_eq!(count, 1);
    }

    #[test]
    fn a_telegram_without_checksum_is_taken() {
        assert_eq!(parse(format!("{BODY}\r\n").as_bytes()), parse(&seal(BODY)));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "/[ -~\r\n]{0,80}\n![0-9A-F]{0,4}", cut in 0_usize..80) {
            let _ = parse(text.as_bytes());
            let _ = parse(text.as_bytes().get(cut..).unwrap_or_default());
        }

        #[test]
        fn no_line_panics(code in "[0-9.:-]{5,11}", value in "[0-9.*kWhSW()-]{0,24}") {
            let _ = parse(format!("/A\r\n{code}({value})\r\n!").as_bytes());
        }
    }
}
