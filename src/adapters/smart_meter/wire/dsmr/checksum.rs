//! The checksum behind the `!` of a text telegram, from `/` to `!`.
//!
//! | Written | By |
//! |---|---|
//! | CRC-16/ARC, four digits in hexadecimal | nearly all |
//! | the same without its leading zeros | some heat meters |
//! | the same, of line ends that were changed on the way | programs, adapters and files |
//! | CRC-16/X.25 | Holley |
//! | `0000` | Iskraemeco in Slovenia, always |
//! | nothing | meters before DSMR 4 |

use crc::{CRC_16_ARC, CRC_16_IBM_SDLC, Crc};

const ARC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
const X25: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);
/// Digits of a checksum at most.
pub const DIGITS: usize = 4;
/// What some meters always write.
const ZERO: &str = "0000";

/// How a checksum was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// CRC-16/ARC of the bytes as they are.
    Arc,
    /// The same, with the line ends as the meter sent them.
    LineEnds,
    /// CRC-16/X.25.
    X25,
}

/// What the checksum of a telegram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is right.
    Good(How),
    /// There is none.
    Absent,
    /// It is `0000`, which is right for hardly any telegram: a meter that does not reckon it.
    Zero,
    /// The telegram is damaged.
    Wrong {
        /// What it says.
        announced: u16,
        /// What it is.
        found: u16,
    },
}

impl Checksum {
    /// That of a telegram, from its `/` to the last digit or beyond.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let end = end(bytes).unwrap_or(bytes.len());
        let digits = digits(bytes, end);
        let Some(announced) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return Self::Absent;
        };
        let text = bytes.get(..=end).unwrap_or_default();
        let ways = [How::Arc, How::LineEnds, How::X25];
        if let Some(how) = ways.into_iter().find(|how| how.sum(text) == announced) {
            return Self::Good(how);
        }
        if digits == Some(ZERO) {
            return Self::Zero;
        }
        let found = How::Arc.sum(text);
        Self::Wrong { announced, found }
    }
}

impl How {
    fn sum(self, text: &[u8]) -> u16 {
        match self {
            Self::Arc => ARC.checksum(text),
            Self::LineEnds => ARC.checksum(&with_line_ends(text)),
            Self::X25 => X25.checksum(text),
        }
    }
}

/// Whether the checksum of a telegram is written `0000`, right or not.
pub fn is_zero(bytes: &[u8]) -> bool {
    end(bytes).and_then(|end| digits(bytes, end)) == Some(ZERO)
}

/// Where the `!` is that begins a line.
pub fn end(bytes: &[u8]) -> Option<usize> {
    let mut pairs = bytes.windows(2);
    let before = pairs.position(|pair| matches!(pair, [b'\n' | b'\r', b'!']))?;
    Some(before + 1)
}

/// The digits of the checksum, where there are any.
fn digits(bytes: &[u8], end: usize) -> Option<&str> {
    let rest = bytes.get(end + 1..)?;
    let digits = rest.iter().take(DIGITS);
    let count = digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
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
    format!("{text}{:04X}", How::Arc.sum(text.as_bytes())).into_bytes()
}

/// Changes the checksum of a text that was changed from what it was `before`, without changing its
/// length: right stays right, and wrong stays as wrong as it was.
pub fn reseal(bytes: &mut [u8], before: &[u8]) {
    let Some(end) = end(before) else {
        return;
    };
    let how = match Checksum::of(before) {
        Checksum::Good(how) => how,
        Checksum::Wrong { .. } => How::Arc,
        Checksum::Absent | Checksum::Zero => return,
    };
    let digits = digits(before, end).unwrap_or_default();
    let (Ok(announced), DIGITS) = (u16::from_str_radix(digits, 16), digits.len()) else {
        return;
    };
    let sum = |bytes: &[u8]| how.sum(bytes.get(..=end).unwrap_or_default());
    let announced = announced ^ sum(before) ^ sum(bytes);
    let text = if digits.bytes().any(|digit| digit.is_ascii_lowercase()) {
        format!("{announced:04x}")
    } else {
        format!("{announced:04X}")
    };
    if let Some(place) = bytes.get_mut(end + 1..end + 1 + DIGITS) {
        place.copy_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: u32) -> String {
        format!("/ABC5\r\n\r\n1-0:1.8.0({number:06}*Wh)\r\n!")
    }

    fn of(text: &str) -> Checksum {
        Checksum::of(text.as_bytes())
    }

    #[test]
    fn leading_zeros_may_be_missing_and_no_other_digit() {
        let short = (0..).map(text);
        let short = short
            .into_iter()
            .find(|text| How::Arc.sum(text.as_bytes()) < 0x1000)
            .unwrap();
        let crc = How::Arc.sum(short.as_bytes());
        let good = Checksum::Good(How::Arc);
        assert_eq!(of(&format!("{short}{crc:X}\r\n")), good);
        assert_eq!(of(&format!("{short}{crc:04x}")), good);
        let (announced, found) = (crc ^ 1, crc);
        let wrong = Checksum::Wrong { announced, found };
        assert_eq!(of(&format!("{short}{announced:X}")), wrong);
        assert_eq!(of(&short), Checksum::Absent);
        let cut = format!("{short}{:02X}", crc >> 8);
        assert!(matches!(of(&cut), Checksum::Wrong { .. }));
    }

    #[test]
    fn each_way_has_its_name() {
        let sealed = String::from_utf8(seal(&text(7))).unwrap();
        assert_eq!(of(&sealed), Checksum::Good(How::Arc));
        let lines = Checksum::Good(How::LineEnds);
        assert_eq!(of(&sealed.replace("\r\n", "\n")), lines);
        // The check value of the catalogue of CRCs.
        assert_eq!(How::X25.sum(b"123456789"), 0x906e);
        let x25 = format!("{}{:04X}\r\n", text(7), How::X25.sum(text(7).as_bytes()));
        assert_eq!(of(&x25), Checksum::Good(How::X25));
        assert_eq!(of(&format!("{}0000", text(7))), Checksum::Zero);
        assert!(matches!(
            of(&format!("{}0", text(7))),
            Checksum::Wrong { .. }
        ));
    }

    #[test]
    fn a_changed_text_is_sealed_in_the_way_it_was() {
        let x25 = |text: &str| format!("{text}{:04x}", How::X25.sum(text.as_bytes()));
        let lines = |text: &str| {
            let sealed = String::from_utf8(seal(text)).unwrap();
            sealed.replace("\r\n", "\n")
        };
        let zero = |text: &str| format!("{text}0000");
        let ways: [&dyn Fn(&str) -> String; 4] = [&x25, &lines, &zero, &|text| text.to_owned()];
        for way in ways {
            let before = way(&text(7));
            let mut bytes = before.replace("000007", "123456").into_bytes();
            reseal(&mut bytes, before.as_bytes());
            assert_eq!(String::from_utf8(bytes).unwrap(), way(&text(123_456)));
        }
    }

    proptest! {
        #[test]
        fn no_damage_of_up_to_two_bytes_keeps_the_usual_checksum(
            number in 0_u32..1_000_000, at in 0_usize..32, change in 1_u16..
        ) {
            let mut bytes = seal(&text(number));
            let [first, second] = change.to_be_bytes();
            bytes[at] ^= first;
            bytes[at + 1] ^= second;
            prop_assert_ne!(Checksum::of(&bytes), Checksum::Good(How::Arc));
        }
    }
}
