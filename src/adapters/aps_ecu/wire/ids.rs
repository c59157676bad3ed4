//! Serial numbers: the gateway's (12 ASCII characters) and an inverter's (6 bytes of BCD).

use std::fmt;
use std::str::FromStr;

use crate::hex::Hex;

/// Why a text or some bytes are not a serial number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 12 characters.
    #[error("a serial number has 12 characters, this one has {0}; it is printed on the label")]
    Length(usize),
    /// A character which the gateway's id cannot have.
    #[error("an ECU id is made of 12 letters or digits; check it against the label of the ECU")]
    Characters,
    /// An inverter id holds something else than decimal digits.
    #[error("an inverter id is made of 12 decimal digits; check it against the inverter's label")]
    Digits,
}

/// Id of a gateway, such as `216000000001`. Its first digits tell the product, see
/// [`GATEWAYS`](super::GATEWAYS).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcuId([u8; 12]);

impl EcuId {
    /// Takes the 12 ASCII letters or digits of a frame.
    ///
    /// # Errors
    /// Another length, or any other character.
    pub fn from_ascii(bytes: &[u8]) -> Result<Self, IdError> {
        let id: [u8; 12] = bytes.try_into().map_err(|_| IdError::Length(bytes.len()))?;
        if id.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(id))
        } else {
            Err(IdError::Characters)
        }
    }

    /// The 12 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, so the default is never seen.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The 12 characters as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }
}

impl FromStr for EcuId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::from_ascii(text.as_bytes())
    }
}

impl fmt::Display for EcuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EcuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcuId({})", self.as_str())
    }
}

/// Id of an inverter, 12 digits. Its first digits tell the product, see
/// [`PRODUCTS`](super::PRODUCTS).
///
/// A gateway may list an id mistyped by its owner, so the bytes of a frame are kept as they are
/// ([`Uid::from_wire`]); what is read from text has decimal digits only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u8; 6]);

impl Uid {
    /// Takes six bytes of a frame, whatever they are; a nibble above 9 prints as `a` to `f`.
    #[must_use]
    pub fn from_wire(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The six bytes of the frame.
    #[must_use]
    pub fn to_bcd(self) -> [u8; 6] {
        self.0
    }

    /// Whether all 12 nibbles are decimal digits, as on every real inverter.
    #[must_use]
    pub fn is_decimal(self) -> bool {
        self.0.iter().all(|byte| super::bcd::pair(*byte).is_some())
    }

    /// Whether it is the id of a gateway, which people type in among their inverters.
    #[must_use]
    pub fn is_gateway(self) -> bool {
        matches!(self.0, [0x21, 0x50..=0x6f, ..] | [0x20, 0x30, ..])
    }
}

impl FromStr for Uid {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 12 {
            return Err(IdError::Length(text.chars().count()));
        }
        super::bcd::from_ascii(text.as_bytes())
            .map(Self)
            .ok_or(IdError::Digits)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex::of(&self.0))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_they_are_read() {
        let ecu: EcuId = "216000000001".parse().unwrap();
        assert_eq!(ecu.to_string(), "216000000001");
        assert_eq!("21600000001".parse::<EcuId>(), Err(IdError::Length(11)));
        assert_eq!("21600000000\n".parse::<EcuId>(), Err(IdError::Characters));

        let uid: Uid = "802000000001".parse().unwrap();
        assert_eq!(uid.to_bcd(), [0x80, 0x20, 0, 0, 0, 1]);
        assert_eq!(uid.to_string(), "802000000001");
        assert_eq!("80200000000a".parse::<Uid>(), Err(IdError::Digits));
        assert_eq!("8020".parse::<Uid>(), Err(IdError::Length(4)));
        assert_eq!(Uid::from_wire([0xff; 6]).to_string(), "ffffffffffff");
    }

    #[test]
    fn ids_of_gateways_are_no_inverters() {
        let is_gateway = |uid: &str| uid.parse::<Uid>().unwrap().is_gateway();
        for uid in [
            "215000000001",
            "216000000002",
            "216300000003",
            "203000000004",
        ] {
            assert!(is_gateway(uid), "{uid}");
        }
        for uid in [
            "100000000001",
            "408000000001",
            "703000000001",
            "902000000001",
        ] {
            assert!(!is_gateway(uid), "{uid}");
        }
    }
}
