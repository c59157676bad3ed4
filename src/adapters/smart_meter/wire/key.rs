//! Keys of the customer interface, read the way operators hand them out.
//!
//! Portals and letters print the same sixteen bytes in many ways: `00112233…`, `00 11 22 33 …`,
//! `00:11:22:33:…`, `0x00, 0x11, 0x22, …`; some use sixteen letters instead, some write the digits
//! themselves in hexadecimal, so that there are twice as many. Suite 2 wants thirty-two bytes, in
//! hexadecimal digits only.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::model::pasted::{self, NotHex, is_quote, is_separator};

/// Bytes of a key for AES-128.
const SHORT: usize = 16;
/// Bytes of a key for AES-256.
const LONG: usize = 32;

/// An encryption or authentication key of 16 bytes, or 32 for suite 2. Wiped after use, never
/// printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

/// The text is no key. Says nothing of what the text was, but for a character that no key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is nothing in it.
    #[error("the key is empty; {HINT}")]
    Empty,
    /// A character that no key has.
    #[error("{}, character {place} of the key, is not a hexadecimal digit; {HINT}", quoted(*character))]
    NotHex {
        /// Which character of those that are seen, counted from 1.
        place: usize,
        /// The character.
        character: char,
    },
    /// Half a byte, somewhere between separators.
    #[error("the key has an odd number of digits before character {place}: one is missing; {HINT}")]
    OddDigits {
        /// Where the odd group ends, counted from 1.
        place: usize,
    },
    /// Too few or too many digits.
    #[error("the key has {digits} hexadecimal digits; {HINT}")]
    Length {
        /// How many.
        digits: usize,
    },
}

/// A character for people, and what it was meant to be, if that is likely.
fn quoted(character: char) -> String {
    match character {
        'O' | 'o' => format!("\"{character}\" (the letter; is it a zero?)"),
        'I' | 'l' | 'i' => format!("\"{character}\" (the letter; is it a one?)"),
        _ if character.is_ascii_graphic() => format!("\"{character}\""),
        _ => format!("\"{character}\" (U+{:04X})", u32::from(character)),
    }
}

const HINT: &str =
    "a key is 32 hexadecimal digits (0-9, A-F), with or without spaces, or 16 letters";

impl Key {
    /// The bytes; never log, publish or store them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is one of 32 bytes, for suite 2.
    pub fn is_long(&self) -> bool {
        self.0.len() == LONG
    }
}

impl From<[u8; SHORT]> for Key {
    fn from(bytes: [u8; SHORT]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl From<[u8; LONG]> for Key {
    fn from(bytes: [u8; LONG]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let line = pasted::line(text);
        if line.chars().all(|c| c.is_whitespace() || is_quote(c)) {
            return Err(KeyError::Empty);
        }
        if let Some(letters) = letters(&line) {
            return Ok(Self(Zeroizing::new(letters.as_bytes().to_vec())));
        }
        let hex = pasted::hex(text, 2 * LONG).map_err(|error| match error {
            NotHex::Character { place, character } => KeyError::NotHex { place, character },
            NotHex::Odd { place } => KeyError::OddDigits { place },
            NotHex::Digits(digits) => KeyError::Length { digits },
        })?;
        let wrong = KeyError::Length { digits: hex.digits };
        match hex.bytes.len() {
            // By chance no key looks so.
            LONG.. if hex.bytes.iter().all(u8::is_ascii_hexdigit) => {
                let digits = Zeroizing::new(
                    hex.bytes
                        .iter()
                        .map(|byte| char::from(*byte))
                        .collect::<String>(),
                );
                let inner = pasted::hex(&digits, LONG).map_err(|_| wrong)?;
                (inner.bytes.len() >= SHORT)
                    .then_some(Self(inner.bytes))
                    .ok_or(wrong)
            }
            SHORT | LONG => Ok(Self(hex.bytes)),
            _ => Err(wrong),
        }
    }
}

/// The sixteen letters that a text is, or that stand in it between quotation marks: a key of letters
/// may well have some of its own.
fn letters(text: &str) -> Option<&str> {
    let mut letters = text.trim();
    while !is_letters(letters) {
        letters = letters
            .strip_prefix(is_quote)?
            .strip_suffix(is_quote)?
            .trim();
    }
    Some(letters)
}

/// Sixteen printable characters that are the key themselves. Hexadecimal bytes with separators may
/// be sixteen characters as well, if some are missing: that is no key.
fn is_letters(text: &str) -> bool {
    let is_hex_in_pieces = text.contains(is_separator)
        && text
            .chars()
            .all(|c| is_separator(c) || c.is_ascii_hexdigit() || matches!(c, 'x' | 'X'));
    text.len() == SHORT && text.bytes().all(|byte| byte.is_ascii_graphic()) && !is_hex_in_pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::Hex;
    use proptest::prelude::*;

    const BYTES: [u8; 16] = *b"\x00\x01\x02\x1a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0\xff";

    #[test]
    fn every_usual_spelling_is_the_same_key() {
        let plain = "0001021abcdef0123456789abcdef0ff";
        for text in [
            plain,
            "0001021ABCDEF0123456789ABCDEF0FF",
            " 00 01 02 1A bc de f0 12 34 56 78 9a bc de f0 ff \n",
            "00:01:02:1a:bc:de:f0:12:34:56:78:9a:bc:de:f0:ff",
            "00-01-02-1A-BC-DE-F0-12-34-56-78-9A-BC-DE-F0-FF",
            "0x0001021abcdef0123456789abcdef0ff",
            "0x00, 0x01, 0x02, 0x1a, 0xbc, 0xde, 0xf0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0xff",
            "{0x0,0x1,0x2,0x1A,0xBC,0xDE,0xF0,0x12,0x34,0x56,0x78,0x9A,0xBC,0xDE,0xF0,0xFF}",
            "0001021A-BCDEF012-3456789A-BCDEF0FF",
        ] {
            assert_eq!(text.parse(), Ok(Key::from(BYTES)), "{text}");
        }
        let letters: Key = "Sixteen-Letters!".parse().unwrap();
        assert_eq!(letters, Key::from(*b"Sixteen-Letters!"));
        assert_eq!(
            "0123456789abcdef".parse(),
            Ok(Key::from(*b"0123456789abcdef"))
        );
        assert!(plain.repeat(2).parse::<Key>().unwrap().is_long());
    }

    #[test]
    fn what_pasting_adds_is_left_out_and_what_is_wrong_is_named() {
        let plain = "0001021abcdef0123456789abcdef0ff";
        let broken = plain.split_at(16);
        for between in ["\u{2013}", "\u{200b}", "\u{ad}", ".", "_", "\u{a0}", " – "] {
            let text = format!("\u{feff}{}{between}{}", broken.0, broken.1);
            assert_eq!(text.parse(), Ok(Key::from(BYTES)), "{text}");
        }
        for text in [
            format!("\"{plain}\""),
            format!("„{plain}“"),
            format!("GUEK: {plain}"),
            format!("AK {plain}"),
        ] {
            assert_eq!(text.parse(), Ok(Key::from(BYTES)), "{text}");
        }
        let error = format!("\u{feff}{}\u{200b}g{}", broken.0, broken.1)
            .parse::<Key>()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("\"g\", character 17 of the key, is not"),
            "{error}"
        );
        let quoted = "'00112233445566'".parse::<Key>().unwrap_err();
        assert_eq!(quoted, KeyError::Length { digits: 14 });
    }

    #[test]
    fn digits_that_were_written_in_hexadecimal_themselves_are_the_key() {
        let plain = "0001021abcdef0123456789ABCDEF0ff";
        let twice = format!("{:X}", Hex::of(plain.as_bytes()));
        assert_eq!(twice.parse(), Ok(Key::from(BYTES)));
        // Half as many may be a key of letters, written in hexadecimal.
        let letters = Hex::of(b"0123456789abcdef").to_string();
        assert_eq!(letters.parse(), Ok(Key::from(*b"0123456789abcdef")));
    }

    #[test]
    fn quotation_marks_in_a_key_of_letters_are_part_of_it() {
        for letters in [
            b"q'r`s\"tuvwxyz!$%",
            b"'rstuvwxyz!$%&/'",
            b"\"rstuvwxyz!$%&/`",
            b"'rstuvwxyz!$%&/k",
        ] {
            let text = str::from_utf8(letters).unwrap();
            for written in [
                text.to_owned(),
                format!("\"{text}\""),
                format!("„'{text}'“"),
            ] {
                assert_eq!(written.parse(), Ok(Key::from(*letters)), "{written}");
            }
        }
        // Of one that was made typographic in a letter, too.
        assert_eq!(
            "q’r`s“tuvwxyz!$%".parse(),
            Ok(Key::from(*b"q'r`s\"tuvwxyz!$%"))
        );
        assert_eq!("''".parse::<Key>(), Err(KeyError::Empty));
    }

    #[test]
    fn a_slip_is_explained_without_the_key() {
        let wrong = |text: &str| text.parse::<Key>().unwrap_err();
        assert_eq!(wrong("  "), KeyError::Empty);
        assert_eq!(
            wrong("0001021abcdef0123456789abcdef0f"),
            KeyError::Length { digits: 31 }
        );
        assert_eq!(
            wrong("0001021abcdef0123456789abcdef0ff0"),
            KeyError::Length { digits: 33 }
        );
        assert_eq!(wrong(&"ab".repeat(70)), KeyError::Length { digits: 140 });
        assert_eq!(
            wrong("O001021abcdef0123456789abcdef0ff"),
            KeyError::NotHex {
                place: 1,
                character: 'O'
            }
        );
        assert_eq!(wrong("00 01 2 1A bc"), KeyError::OddDigits { place: 8 });
        assert_eq!(wrong("00:11:22:33:44:5"), KeyError::Length { digits: 11 });
        assert!(wrong("0001").to_string().contains("32 hexadecimal digits"));
    }

    #[test]
    fn nothing_shows_a_key() {
        assert_eq!(format!("{:?}", Key::from(BYTES)), "***");
    }

    proptest! {
        #[test]
        fn no_text_panics_or_comes_back(text in ".{0,90}") {
            if let Err(error) = text.parse::<Key>() {
                let said = error.to_string();
                prop_assert!(text.trim().len() < 12 || !said.contains(text.trim()));
            }
        }

        #[test]
        fn digits_are_the_bytes(bytes: [u8; 16], upper: bool) {
            let hex = Hex::of(&bytes);
            let text = if upper { format!("{hex:X}") } else { hex.to_string() };
            prop_assert_eq!(text.parse(), Ok(Key::from(bytes)));
        }
    }
}
