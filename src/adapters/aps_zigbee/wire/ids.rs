//! The numbers by which inverters and gateways are told apart: serial number, ECU id, short address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The serial number of an inverter: 12 decimal digits, two in a byte on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InverterSerial([u8; 6]);

/// The id of a gateway: 12 hexadecimal digits. Its first two bytes are the network that its inverters are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EcuId([u8; 6]);

/// The address of an inverter in the network of its gateway, shown as `0x7C3A` and sent with its low byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShortAddress(pub u16);

/// Why a text is no such number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not 12 decimal digits.
    #[error(
        "\"{given}\" is no serial number of an inverter, which has 12 digits; it is on the label and on the sticker that \
         the installer tore off{hint}"
    )]
    Serial {
        /// What was given, shortened.
        given: String,
        /// What it may be instead.
        hint: &'static str,
    },
    /// Not 12 hexadecimal digits, or none that can be used.
    #[error("\"{given}\" is no ECU id: {why}")]
    Ecu {
        /// What was given, shortened.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not four hexadecimal digits.
    #[error(
        "\"{given}\" is no address of an inverter, which has four hexadecimal digits as in 0x7C3A"
    )]
    Address {
        /// What was given, shortened.
        given: String,
    },
}

/// Longer texts are shown shortened.
const SHOWN: usize = 24;

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Two digits of this base in each byte.
fn digits<const N: usize>(text: &str, radix: u32) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut count = 0;
    for letter in text.chars() {
        let digit = u8::try_from(letter.to_digit(radix)?).ok()?;
        let byte = bytes.get_mut(count / 2)?;
        *byte = *byte << 4 | digit;
        count += 1;
    }
    (count == 2 * N).then_some(bytes)
}

impl InverterSerial {
    /// From the wire; `None` if a half byte is no decimal digit.
    pub fn of_wire(bytes: [u8; 6]) -> Option<Self> {
        let is_digits = |byte: &u8| byte >> 4 < 10 && byte & 15 < 10;
        bytes.iter().all(is_digits).then_some(Self(bytes))
    }

    /// As it is sent.
    pub const fn wire(self) -> [u8; 6] {
        self.0
    }

    /// Its first three digits, which tell its family.
    pub const fn prefix(self) -> u16 {
        let [first, second, ..] = self.0;
        (first >> 4) as u16 * 100 + (first & 15) as u16 * 10 + (second >> 4) as u16
    }
}

impl FromStr for InverterSerial {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        digits(&plain, 10)
            .map(Self)
            .ok_or_else(|| NumberError::Serial {
                given: shortened(text),
                hint: if plain.len() >= 8
                    && plain.chars().all(|c| c.is_ascii_hexdigit())
                    && plain.chars().any(|c| c.is_ascii_alphabetic())
                {
                    ". This looks like the work order number beside it"
                } else {
                    ""
                },
            })
    }
}

impl fmt::Display for InverterSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl EcuId {
    /// One that neighbours do not have: of the serial number of an inverter, and as other programs have it else.
    pub fn made_of(serial: Option<InverterSerial>) -> Self {
        let [.., third, fourth, fifth, sixth] = serial.map_or([0; 6], InverterSerial::wire);
        // Never 0000 nor FFFF: of each byte one bit is fixed.
        Self([
            0xd0 | fourth >> 4 ^ fifth & 15,
            third ^ fifth ^ sixth.rotate_left(3),
            0x01,
            0x1b,
            0x97,
            0x80,
        ])
    }

    /// As it is printed.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// With its last byte first, as payloads have it.
    pub fn reversed(self) -> [u8; 6] {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }

    /// The network, as the configuration of the stick has it: the first two bytes.
    pub const fn network(self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }
}

impl FromStr for EcuId {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let refuse = |why| NumberError::Ecu {
            given: shortened(text),
            why,
        };
        if text.starts_with("0x") || text.starts_with("0X") {
            return Err(refuse("leave out the 0x"));
        }
        let Some(bytes) = digits(text.trim(), 16) else {
            return Err(refuse("it has 12 hexadecimal digits, as in D8A3011B9780"));
        };
        if bytes == [0; 6] {
            return Err(refuse(
                "all zeros are nobody's; make one up, such as D8A3011B9780",
            ));
        }
        if bytes.starts_with(&[0xff, 0xff]) || bytes.starts_with(&[0, 0]) {
            return Err(refuse(
                "its first four digits name the network and must not be FFFF or 0000",
            ));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for EcuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl ShortAddress {
    /// The gateway's own.
    pub const GATEWAY: Self = Self(0);
    /// Everybody's.
    pub const BROADCAST: Self = Self(0xffff);

    /// With its bytes in the other order, as some programs write it down.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self(self.0.swap_bytes())
    }

    /// Whether an inverter can have it.
    pub const fn is_of_inverter(self) -> bool {
        self.0 != 0 && self.0 < 0xfff8
    }
}

impl FromStr for ShortAddress {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let trimmed = text.trim();
        let plain = trimmed
            .strip_prefix("0x")
            .or_else(|| trimmed.strip_prefix("0X"));
        let bytes: Option<[u8; 2]> = digits(plain.unwrap_or(trimmed), 16);
        bytes
            .map(|bytes| Self(u16::from_be_bytes(bytes)))
            .ok_or_else(|| NumberError::Address {
                given: shortened(text),
            })
    }
}

impl fmt::Display for ShortAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04X}", self.0)
    }
}

/// Each of them is written in the configuration and in what is remembered as it is shown.
macro_rules! as_text {
    ($($number:ty),*) => {$(
        impl TryFrom<String> for $number {
            type Error = NumberError;

            fn try_from(text: String) -> Result<Self, NumberError> {
                text.parse()
            }
        }

        impl From<$number> for String {
            fn from(number: $number) -> Self {
                number.to_string()
            }
        }
    )*};
}

as_text!(InverterSerial, EcuId, ShortAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_shown() {
        let serial: InverterSerial = "408000-123 456".parse().unwrap();
        assert_eq!(serial.to_string(), "408000123456");
        assert_eq!(serial.wire(), [0x40, 0x80, 0x00, 0x12, 0x34, 0x56]);
        assert_eq!(InverterSerial::of_wire(serial.wire()), Some(serial));
        assert_eq!(serial.prefix(), 408);
        let id: EcuId = "d8a3011b9780".parse().unwrap();
        assert_eq!(id.to_string(), "D8A3011B9780");
        assert_eq!(id.reversed(), [0x80, 0x97, 0x1b, 0x01, 0xa3, 0xd8]);
        assert_eq!(id.network(), [0xd8, 0xa3]);
        for text in ["0x7C3A", "7c3a"] {
            let address: ShortAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), "0x7C3A");
            assert_eq!(address.swapped().to_string(), "0x3A7C");
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        for text in ["", "40800012345", "4080001234567", "A0800012345F"] {
            assert!(text.parse::<InverterSerial>().is_err(), "{text}");
        }
        let error = "B1234567890A".parse::<InverterSerial>().unwrap_err();
        assert!(error.to_string().contains("work order"), "{error}");
        for text in [
            "0xD8A3011B9780",
            "000000000000",
            "FFFF011B9780",
            "D8A3011B978",
            "0000011B9780",
        ] {
            assert!(text.parse::<EcuId>().is_err(), "{text}");
        }
        assert!("12345".parse::<ShortAddress>().is_err());
        assert_eq!(InverterSerial::of_wire([0x4a, 0, 0, 0, 0, 0]), None);
    }
}
