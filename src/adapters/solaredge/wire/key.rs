//! The key of a unit, which never leaves the program.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::hex::Hex;

/// The device key of a unit.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey(Zeroizing<[u8; 16]>);

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
    pub fn new(bytes: [u8; 16]) -> Result<Self, DeviceKeyError> {
        if bytes == [0; 16] {
            return Err(DeviceKeyError::Zero);
        }
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// As it is written in the configuration. For nobody else to see.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Hex::of(self.0.as_slice()).to_string())
    }

    /// For the cipher.
    pub(super) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for DeviceKey {
    type Err = DeviceKeyError;

    /// As hexadecimal digits, with spaces, colons or dashes between them, or as Python writes bytes.
    fn from_str(text: &str) -> Result<Self, DeviceKeyError> {
        let bytes = from_digits(text)
            .or_else(|| from_python(text))
            .or_else(|| from_characters(text))
            .ok_or(DeviceKeyError::Form)?;
        Self::new(*bytes)
    }
}

type Bytes = Zeroizing<[u8; 16]>;

/// Collects 16 bytes, no more and no less.
fn sixteen(bytes: impl Iterator<Item = Option<u8>>) -> Option<Bytes> {
    let mut all = Zeroizing::new([0; 16]);
    let mut places = all.iter_mut();
    for byte in bytes {
        *places.next()? = byte?;
    }
    places.next().is_none().then_some(all)
}

fn from_digits(text: &str) -> Option<Bytes> {
    let text = text.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    let is_between = |c: &char| matches!(c, ' ' | ':' | '-');
    let mut digits = text.chars().filter(|c| !is_between(c));
    sixteen(std::iter::from_fn(|| {
        let upper = digits.next()?;
        Some(digits.next().and_then(|lower| byte_of(upper, lower)))
    }))
}

fn byte_of(upper: char, lower: char) -> Option<u8> {
    u8::try_from(upper.to_digit(16)? << 4 | lower.to_digit(16)?).ok()
}

/// `\x01\x02…`, also in quotes and with a `b` before them; a byte that can be printed stands for itself.
fn from_python(text: &str) -> Option<Bytes> {
    let trimmed = text.trim();
    let literal = trimmed.strip_prefix(['b', 'B']).unwrap_or(trimmed);
    let unquoted = ['\'', '"'].into_iter().find_map(|quote| {
        let inside = literal.strip_prefix(quote)?;
        inside.strip_suffix(quote)
    });
    let inside = match unquoted {
        Some(inside) => inside,
        // Without anything that shows what it is, sixteen characters are a password.
        None if trimmed.contains("\\x") => trimmed,
        None => return None,
    };
    let mut chars = inside.chars();
    sixteen(std::iter::from_fn(|| {
        let next = chars.next()?;
        if next != '\\' {
            return Some(u8::try_from(next).ok());
        }
        Some(match chars.next() {
            Some('x') => chars
                .next()
                .zip(chars.next())
                .and_then(|(upper, lower)| byte_of(upper, lower)),
            Some('n') => Some(b'\n'),
            Some('r') => Some(b'\r'),
            Some('t') => Some(b'\t'),
            Some(itself @ ('\\' | '\'' | '"')) => u8::try_from(itself).ok(),
            _ => None,
        })
    }))
}

/// The same where whoever read the file has already made characters of `\x01`: some of them cannot have been
/// written otherwise.
fn from_characters(text: &str) -> Option<Bytes> {
    let was_escaped = |c: char| c.is_control() || !c.is_ascii();
    if !text.contains(was_escaped) {
        return None;
    }
    sixteen(text.chars().map(|c| u8::try_from(c).ok()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, DeviceKeyError> {
        text.parse().map(|key: DeviceKey| key.reveal().to_string())
    }

    #[test]
    fn all_ways_to_write_it_are_read() {
        let key = "0123456789abcdef6162632027225c0a";
        for text in [
            key,
            " 0123456789ABCDEF6162632027225C0A\n",
            "01 23 45 67 89 ab cd ef 61 62 63 20 27 22 5c 0a",
            "01:23:45:67:89:ab:cd:ef:61:62:63:20:27:22:5c:0a",
            "01234567-89abcdef-61626320-27225c0a",
            "0x0123456789abcdef6162632027225c0a",
            r"\x01\x23\x45\x67\x89\xab\xcd\xef\x61\x62\x63\x20\x27\x22\x5c\x0a",
            r#"b'\x01#Eg\x89\xab\xcd\xefabc \'"\\\n'"#,
            r#"b"\x01#Eg\x89\xab\xcd\xefabc '\"\\\n""#,
            r#"'\x01#Eg\x89\xab\xcd\xefabc \'"\\\n'"#,
            "\u{1}#Eg\u{89}\u{ab}\u{cd}\u{ef}abc '\"\\\n",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(key), "{text}");
        }
        let printable = Ok("6162636465666768696a6b6c6d6e6f70");
        assert_eq!(parse("b'abcdefghijklmnop'").as_deref(), printable);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789abcdef0123456789abcdef01",
            "0123456789abcdeg0123456789abcdef",
            // As many characters as a key has bytes, and digits all the same.
            "0123456789abcdef",
            "abcdefghijklmnop",
            r"\x01\x02",
            r"b'\x01\x0'",
            r"b'\q11111111111111111'",
            "b'",
            "ä",
        ] {
            let error = text.parse::<DeviceKey>().unwrap_err();
            assert_eq!(error, DeviceKeyError::Form, "{text}");
            assert!(text.len() < 4 || !error.to_string().contains(text));
        }
        assert_eq!(parse(&"0".repeat(32)), Err(DeviceKeyError::Zero));
        assert_eq!(parse(&r"\x00".repeat(16)), Err(DeviceKeyError::Zero));
    }

    #[test]
    fn it_is_not_shown() {
        let key = DeviceKey::new([0xab; 16]).unwrap();
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(format!("{key:#?}"), "***");
    }

    proptest! {
        #[test]
        fn what_is_revealed_is_read(bytes: [u8; 16]) {
            if let Ok(key) = DeviceKey::new(bytes) {
                prop_assert_eq!(key.reveal().parse(), Ok(key));
            }
        }

        #[test]
        fn what_python_writes_is_read(bytes: [u8; 16]) {
            let text: String = bytes.iter().map(|byte| match byte {
                b'\\' => r"\\".to_owned(),
                b'\'' => r"\'".to_owned(),
                b'\n' => r"\n".to_owned(),
                0x20..0x7f => char::from(*byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            }).collect();
            let key = format!("b'{text}'").parse::<DeviceKey>();
            prop_assert_eq!(key, DeviceKey::new(bytes));
        }

        #[test]
        fn any_text_is_taken_or_refused(text in ".{0,40}") {
            let _ = text.parse::<DeviceKey>();
        }
    }
}
