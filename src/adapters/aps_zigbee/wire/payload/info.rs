//! What an inverter is: its model and its firmware.
//!
//! There are three forms. `..` is what nobody has described; it is written as zeros.
//!
//! | Length | Command | Body |
//! |---|---|---|
//! | 09 | DC | model, high (2), .., low (2), .. (2) |
//! | 0A | DD | `DC`, model, high (2), .., low (2), .. (2) |
//! | 0C | DD | `DC`, model, high (2), .., middle (2), .. (2), low (2) |

use std::fmt;

use super::envelope::{l2, l2_without_sum};

/// A version, shown as `3.015`. Some inverters count otherwise; theirs is shown as it is sent, as in `00FC/0001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InverterFirmware {
    /// What stands before the point.
    pub high: u16,
    /// Between two points; only one form of the answer has it.
    pub middle: Option<u16>,
    /// What stands behind it.
    pub low: u16,
}

/// More than this before the point is no number of a version.
const HIGHEST: u16 = 99;

impl InverterFirmware {
    /// One of two numbers, as nearly all are.
    pub const fn new(high: u16, low: u16) -> Self {
        Self {
            high,
            middle: None,
            low,
        }
    }
}

impl fmt::Display for InverterFirmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { high, middle, low } = *self;
        match middle {
            None if high > HIGHEST => write!(f, "{high:04X}/{low:04X}"),
            None => write!(f, "{high}.{low:03}"),
            Some(middle) if high > HIGHEST => write!(f, "{high:04X}/{middle:04X}/{low:04X}"),
            Some(middle) => write!(f, "{high}.{middle}.{low:03}"),
        }
    }
}

/// What an inverter says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InverterInfo {
    /// The code of its model, as the table of models has it.
    pub model: u8,
    /// Its version.
    pub firmware: InverterFirmware,
    /// Whether it answers as newer ones do.
    pub is_long: bool,
}

impl InverterInfo {
    /// That of an envelope with this command and body, if it is one.
    pub fn decode(command: u8, body: &[u8]) -> Option<Self> {
        let (is_long, rest) = match (command, body) {
            (0xdc, rest) => (false, rest),
            (0xdd, [0xdc, rest @ ..]) => (true, rest),
            _ => return None,
        };
        let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
        let (model, firmware) = match *rest {
            [model, a, b, _, c, d, _, _] => (model, InverterFirmware::new(word(a, b), word(c, d))),
            [model, a, b, _, c, d, _, _, e, f] if is_long => {
                let middle = Some(word(c, d));
                let (high, low) = (word(a, b), word(e, f));
                (model, InverterFirmware { high, middle, low })
            }
            _ => return None,
        };
        Some(Self {
            model,
            firmware,
            is_long,
        })
    }

    /// Its envelope.
    pub fn envelope(&self) -> Vec<u8> {
        let [a, b] = self.firmware.high.to_be_bytes();
        let [e, f] = self.firmware.low.to_be_bytes();
        match self.firmware.middle {
            Some(middle) => {
                let [c, d] = middle.to_be_bytes();
                l2(0xdd, &[0xdc, self.model, a, b, 0, c, d, 0, 0, e, f])
            }
            None if self.is_long => l2(0xdd, &[0xdc, self.model, a, b, 0, e, f, 0, 0]),
            None => l2_without_sum(0xdc, &[self.model, a, b, 0, e, f, 0, 0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::envelope::L2Part;
    use super::*;

    #[test]
    fn versions_are_shown_as_the_maker_does_or_as_they_are() {
        assert_eq!(InverterFirmware::new(3, 15).to_string(), "3.015");
        assert_eq!(InverterFirmware::new(0xfc, 1).to_string(), "00FC/0001");
        let long = InverterFirmware {
            middle: Some(2),
            ..InverterFirmware::new(5, 20)
        };
        assert_eq!(long.to_string(), "5.2.020");
    }

    proptest! {
        #[test]
        fn each_form_comes_back(model: u8, high: u16, middle: Option<u16>, low: u16, is_long: bool) {
            let info = InverterInfo {
                model,
                firmware: InverterFirmware { high, middle, low },
                is_long: is_long || middle.is_some(),
            };
            let envelope = info.envelope();
            let length = if middle.is_some() { 19 } else { 16 + usize::from(is_long) };
            prop_assert_eq!(envelope.len(), length);
            let part = L2Part::read(&envelope).unwrap();
            prop_assert_eq!(InverterInfo::decode(part.command, part.body), Some(info));
        }

        #[test]
        fn any_body_is_looked_at(command: u8, body: Vec<u8>) {
            let _ = (InverterInfo::decode(command, &body), InverterInfo::decode(0xdd, &body));
        }
    }
}
