//! Hexadecimal digits, to write and to read.

use std::fmt;

/// Bytes to be written: `{}` is `00ff`, `{:X}` is `00FF`.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a> {
    bytes: &'a [u8],
    between: &'a str,
}

impl<'a> Hex<'a> {
    /// Without anything between the bytes.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, between: "" }
    }

    /// With something between them.
    pub const fn with(self, between: &'a str) -> Self {
        Self { between, ..self }
    }

    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        byte: fn(&u8, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        for (index, it) in self.bytes.iter().enumerate() {
            if index > 0 {
                f.write_str(self.between)?;
            }
            byte(it, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |byte, f| write!(f, "{byte:02x}"))
    }
}

impl fmt::UpperHex for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |byte, f| write!(f, "{byte:02X}"))
    }
}

/// The bytes that an even number of digits stand for, with nothing between them.
pub fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_have_two_digits_each() {
        let hex = Hex::of(&[0, 0xab, 0xff]);
        assert_eq!(format!("{hex} {hex:X}"), "00abff 00ABFF");
        assert_eq!(hex.with(":").to_string(), "00:ab:ff");
        assert_eq!(Hex::of(&[]).with(" ").to_string(), "");
    }

    #[test]
    fn nothing_but_pairs_of_digits_is_read() {
        assert_eq!(bytes("00aBfF"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(bytes(""), Some(Vec::new()));
        for wrong in ["0", "000", "0x", "+1", " 1", "é", "0 00"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(some: Vec<u8>) {
            prop_assert_eq!(bytes(&Hex::of(&some).to_string()), Some(some.clone()));
            prop_assert_eq!(bytes(&format!("{:X}", Hex::of(&some))), Some(some));
        }
    }
}
