//! OBIS codes: six numbers that say what a value is (IEC 62056-6-1).
//!
//! | Offset | Group | Meaning |
//! |---|---|---|
//! | 0 | A | medium: 0 things of the meter itself, 1 electricity |
//! | 1 | B | channel |
//! | 2 | C | quantity: 1 active import, 2 active export, 32 voltage of L1, ... |
//! | 3 | D | kind: 7 now, 8 counter, ... |
//! | 4 | E | tariff, 0 is the sum |
//! | 5 | F | storage, 255 is the current value |

use std::fmt;
use std::str::FromStr;

/// A code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Obis(pub [u8; 6]);

/// The text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an OBIS code is written 1.0.1.8.0.255, 1-0:1.8.0 or 1.8.0, each number at most 255")]
pub struct NotACode;

impl Obis {
    /// The clock.
    pub const CLOCK: Self = Self([0, 0, 1, 0, 0, 255]);
    /// The number of the meter.
    pub const METER_NUMBER: Self = Self([0, 0, 96, 1, 0, 255]);

    /// Whether six bytes can be a code: there are no media beyond 15, while characters begin at 32.
    pub fn from_octets(bytes: &[u8]) -> Option<Self> {
        let code: [u8; 6] = bytes.try_into().ok()?;
        (code[0] <= 15).then_some(Self(code))
    }

    /// Whether it names the meter: texts that are published as they are.
    pub const fn is_identity(self) -> bool {
        let [a, _, c, d, ..] = self.0;
        a == 0 && (c == 42 || (c == 96 && d == 1))
    }

    /// Whether it is the clock, in any channel.
    pub const fn is_clock(self) -> bool {
        matches!(self.0, [0, _, 1, 0, 0, _])
    }
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a}.{b}.{c}.{d}.{e}.{last}")
    }
}

impl FromStr for Obis {
    type Err = NotACode;

    /// Reads all six groups, five (without the storage), or the three in the middle (electricity,
    /// channel 0).
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let numbers = text
            .trim()
            .split(['.', '-', ':', '*', '&'])
            .map(|part| part.parse::<u8>().map_err(|_| NotACode))
            .collect::<Result<Vec<u8>, NotACode>>()?;
        match numbers[..] {
            [a, b, c, d, e, f] => Ok(Self([a, b, c, d, e, f])),
            [a, b, c, d, e] => Ok(Self([a, b, c, d, e, 255])),
            [c, d, e] => Ok(Self([1, 0, c, d, e, 255])),
            _ => Err(NotACode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_usual_spelling_is_read() {
        let energy = Obis([1, 0, 1, 8, 0, 255]);
        for text in [
            "1.0.1.8.0.255",
            "1-0:1.8.0*255",
            "1-0:1.8.0.255",
            "1-0:1.8.0",
            "1.8.0",
        ] {
            assert_eq!(text.parse(), Ok(energy), "{text}");
        }
        for text in [
            "",
            "1.8",
            "1.0.1.8.0.256",
            "1.0.1.8.0.255.0",
            "a.b.c",
            "1..0",
            "+1.8.0 x",
        ] {
            assert_eq!(text.parse::<Obis>(), Err(NotACode), "{text}");
        }
        assert_eq!(energy.to_string(), "1.0.1.8.0.255");
    }

    #[test]
    fn six_characters_are_no_code() {
        assert_eq!(Obis::from_octets(b"000001"), None);
        assert_eq!(Obis::from_octets(&[0, 0, 96, 1, 0]), None);
        let number = Obis::from_octets(&[0, 0, 96, 1, 0, 255]);
        assert_eq!(number, Some(Obis::METER_NUMBER));
        assert!(Obis::METER_NUMBER.is_identity() && !Obis::CLOCK.is_identity());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(groups: [u8; 6]) {
            prop_assert_eq!(Obis(groups).to_string().parse(), Ok(Obis(groups)));
        }
    }
}
