//! Serial numbers: the address of a unit, printed as eight hexadecimal digits, a dash and a check byte.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The serial number of an inverter, an optimizer or a gateway; on the wire, its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Serial(pub u32);

/// What was written is no serial number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// It does not have the form of one.
    #[error(
        "\"{0}\" is no serial number; write the eight hexadecimal digits of the label, as in 7F123456-AB"
    )]
    Form(String),
    /// The check byte says that a digit is wrong.
    #[error(
        "\"{given}\" has a digit wrong, or should end in -{check:02X}; compare it with the label"
    )]
    Check {
        /// What was written.
        given: String,
        /// What the digits need.
        check: u8,
    },
}

impl Serial {
    /// The low byte of the sum of its bytes.
    pub fn check(self) -> u8 {
        self.0
            .to_be_bytes()
            .iter()
            .fold(0, |sum, byte| byte.wrapping_add(sum))
    }

    /// The inverter that has this address: its power board is addressed with bit 23 set.
    pub const fn of_inverter(address: u32) -> Self {
        Self(address & 0xff7f_ffff)
    }
}

/// As on the label: `7F123456-AB`.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}-{:02X}", self.0, self.check())
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    /// With or without the dash and the check byte, which has to be right if it is there.
    fn from_str(given: &str) -> Result<Self, SerialError> {
        // What is much longer may be a key, and is not repeated.
        let form = || {
            let is_short = given.chars().count() <= SHOWN;
            let shown = if is_short { given } else { "…" };
            SerialError::Form(shown.escape_debug().to_string())
        };
        let text = given.trim();
        let text = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let (digits, check) = match text.split_once('-') {
            Some((digits, check)) => (digits, Some(check)),
            None => (text, None),
        };
        let serial = Self(number(digits, 8).ok_or_else(form)?);
        let Some(check) = check else {
            return Ok(serial);
        };
        let check = number(check, 2).ok_or_else(form)?;
        if check != u32::from(serial.check()) {
            return Err(SerialError::Check {
                given: text.to_owned(),
                check: serial.check(),
            });
        }
        Ok(serial)
    }
}

/// How much of what is no serial number is repeated.
const SHOWN: usize = 20;

/// The number in so many hexadecimal digits.
fn number(digits: &str, length: usize) -> Option<u32> {
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.len() != length || !are_digits {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_ways_to_write_it_are_read() {
        let serial = Serial(0x7f12_34ab);
        assert_eq!(serial.to_string(), "7F1234AB-70");
        for text in [
            "7F1234AB-70",
            "7F1234AB",
            "7f1234ab",
            " 7f1234ab-70\n",
            "0x7f1234ab",
            "0X7F1234AB-70",
        ] {
            assert_eq!(text.parse(), Ok(serial), "{text}");
        }
        assert_eq!("00000001".parse(), Ok(Serial(1)));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for text in [
            "",
            "-",
            "7F1234A",
            "7F1234ABC",
            "7F1234AG",
            "+F1234AB",
            "7F1234AB-",
            "7F1234AB-7",
            "7F1234AB-+7",
            "7F1234AB-70-70",
            "äöü1234A",
            "0x",
            "7F12 34AB",
        ] {
            assert!(
                matches!(text.parse::<Serial>(), Err(SerialError::Form(_))),
                "{text}"
            );
        }
        let error = "7F1234AC-70".parse::<Serial>().unwrap_err();
        let expected =
            "\"7F1234AC-70\" has a digit wrong, or should end in -71; compare it with the label";
        assert_eq!(error.to_string(), expected);
        let long = "\n".repeat(1000).parse::<Serial>().unwrap_err();
        assert!(long.to_string().len() < 200 && !long.to_string().contains('\n'));
        // What was meant for the other side of the equals sign.
        let key = "000102030405060708090A0B0C0D0E0F";
        let error = key.parse::<Serial>().unwrap_err();
        assert!(!error.to_string().contains("0001"), "{error}");
    }

    #[test]
    fn the_power_board_is_the_same_inverter() {
        assert_eq!(Serial::of_inverter(0x7f92_3456), Serial(0x7f12_3456));
        assert_eq!(Serial::of_inverter(0x7f12_3456), Serial(0x7f12_3456));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(number: u32) {
            prop_assert_eq!(Serial(number).to_string().parse(), Ok(Serial(number)));
        }

        #[test]
        fn any_text_is_taken_or_refused(text in ".{0,20}") {
            if let Ok(serial) = text.parse::<Serial>() {
                let digits = format!("{:08X}", serial.0);
                prop_assert!(text.to_uppercase().contains(&digits));
            }
        }
    }
}
