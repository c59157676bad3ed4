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

pub mod lines;
mod unchecked;

use crc::{CRC_16_ARC, Crc};

use super::axdr::Data;
use super::item::{Item, ItemValue};

use crate::hex;

pub use unchecked::Unchecked;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
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

/// The values of a telegram. The first line, who made it, is an item without a code.
pub fn parse(bytes: &[u8]) -> Result<Vec<Item>, DsmrError> {
    let is_character = |byte: u8| matches!(byte, b'\r' | b'\n' | b'\t' | 0x20..=0x7e | 0x80..);
    // Line ends, zeros or padding may follow the end; nothing is asked of them.
    let end = end(bytes);
    let body = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
    if let Some(offset) = body.iter().position(|byte| !is_character(*byte)) {
        let has_codes = has_codes(&items(body));
        return Err(DsmrError::NotText { offset, has_codes });
    }
    let items = items(body);
    let has_codes = has_codes(&items);
    end.ok_or(DsmrError::NoEnd { has_codes })?;
    verify(bytes).map_err(|(announced, found)| DsmrError::Checksum { announced, found })?;
    if has_codes {
        Ok(items)
    } else {
        Err(DsmrError::Nothing)
    }
}

fn items(body: &[u8]) -> Vec<Item> {
    lines::items(&String::from_utf8_lossy(body))
}

fn has_codes(items: &[Item]) -> bool {
    items.iter().any(|item| item.obis.is_some())
}

/// Where the `!` is that begins a line.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut pairs = bytes.windows(2);
    let before = pairs.position(|pair| matches!(pair, [b'\n' | b'\r', b'!']))?;
    Some(before + 1)
}

/// Compares the checksum, and says whether there is one; an error tells what it says and what it
/// should be.
///
/// Some meters leave out leading zeros. Where a program or an adapter has changed the line ends, it
/// still counts those of the meter.
pub fn verify(bytes: &[u8]) -> Result<bool, (u16, u16)> {
    let end = end(bytes).unwrap_or(bytes.len());
    let Some(announced) =
        digits(bytes, end).and_then(|digits| u16::from_str_radix(digits, 16).ok())
    else {
        return Ok(false);
    };
    let text = bytes.get(..=end).unwrap_or_default();
    let found = CRC.checksum(text);
    if found == announced || CRC.checksum(&with_line_ends(text)) == announced {
        return Ok(true);
    }
    Err((announced, found))
}

/// The digits of the checksum, where there are any.
fn digits(bytes: &[u8], end: usize) -> Option<&str> {
    let rest = bytes.get(end + 1..)?;
    let count = rest
        .iter()
        .take(4)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let digits = std::str::from_utf8(rest.get(..count)?).ok()?;
    (!digits.is_empty()).then_some(digits)
}

fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    for byte in text.iter().filter(|byte| **byte != b'\r') {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// A text up to its `!` as a meter sends it: with its checksum.
#[must_use]
pub fn seal(text: &str) -> Vec<u8> {
    format!("{text}{:04X}", CRC.checksum(text.as_bytes())).into_bytes()
}

/// Changes the checksum of a text that was changed from what it was `before`, without changing its
/// length: right stays right, and wrong stays as wrong as it was.
pub fn reseal(bytes: &mut [u8], before: &[u8]) {
    let Some(end) = end(before) else {
        return;
    };
    let digits = digits(before, end).unwrap_or_default();
    let (Ok(announced), 4) = (u16::from_str_radix(digits, 16), digits.len()) else {
        return;
    };
    let sum = |bytes: &[u8]| CRC.checksum(bytes.get(..=end).unwrap_or_default());
    let announced = announced ^ sum(before) ^ sum(bytes);
    let text = if digits.bytes().any(|digit| digit.is_ascii_lowercase()) {
        format!("{announced:04x}")
    } else {
        format!("{announced:04X}")
    };
    if let Some(place) = bytes.get_mut(end + 1..end + 5) {
        place.copy_from_slice(text.as_bytes());
    }
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
    fn a_checksum_without_its_zeros_or_with_other_line_ends_is_right_and_no_other_is() {
        let short = (0..).map(|n| format!("/ABC5\r\n\r\n1-0:1.8.0({n:06}*Wh)\r\n!"));
        let short = short
            .into_iter()
            .find(|text| CRC.checksum(text.as_bytes()) < 0x1000)
            .unwrap();
        let crc = CRC.checksum(short.as_bytes());
        assert_eq!(verify(format!("{short}{crc:X}\r\n").as_bytes()), Ok(true));
        assert!(verify(format!("{short}{:X}", crc ^ 1).as_bytes()).is_err());
        let sealed = String::from_utf8(seal(&short)).unwrap();
        assert_eq!(verify(sealed.replace("\r\n", "\n").as_bytes()), Ok(true));
        assert_eq!(verify(short.as_bytes()), Ok(false));
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
