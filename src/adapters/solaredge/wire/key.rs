//! The key of a unit, which never leaves the program.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// The device key of a unit.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey(pub(super) Zeroizing<[u8; 16]>);

/// What was written is no key. It is not repeated: it may be one in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceKeyError {
    /// Not 16 bytes.
    #[error("a key is 32 hexadecimal digits, or \\x and two of them 16 times")]
    Form,
    /// Nothing but zeros: none has been set in the unit.
    #[error("a key of zeros is none")]
    Zero,
}

impl DeviceKey {
    /// The key of these bytes.
    pub fn new(_bytes: [u8; 16]) -> Result<Self, DeviceKeyError> {
        Err(DeviceKeyError::Form)
    }

    /// As it is written in the configuration. For nobody else to see.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(String::new())
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for DeviceKey {
    type Err = DeviceKeyError;

    fn from_str(_text: &str) -> Result<Self, DeviceKeyError> {
        Err(DeviceKeyError::Form)
    }
}
