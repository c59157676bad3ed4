//! Serial numbers: the address of a unit, printed as eight hexadecimal digits, a dash and a check byte.

use std::fmt;
use std::str::FromStr;

/// The serial number of an inverter, an optimizer or a gateway; on the wire, its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    fn from_str(text: &str) -> Result<Self, SerialError> {
        Err(SerialError::Form(text.to_owned()))
    }
}
