//! The types of whole numbers, which tell lists without codes apart.
//!
//! | Tag | Word | DLMS calls it |
//! |---|---|---|
//! | `0f` | `i8` | integer |
//! | `11` | `u8` | unsigned |
//! | `16` | `enum` | enum |
//! | `10` | `i16` | long |
//! | `12` | `u16` | long-unsigned |
//! | `05` | `i32` | double-long |
//! | `06` | `u32` | double-long-unsigned |
//! | `14` | `i64` | long64 |
//! | `15` | `u64` | long64-unsigned |

use std::fmt;

/// Tag and word of each type.
const TYPES: [(u8, &str); 9] = [
    (0x0f, "i8"),
    (0x11, "u8"),
    (0x16, "enum"),
    (0x10, "i16"),
    (0x12, "u16"),
    (0x05, "i32"),
    (0x06, "u32"),
    (0x14, "i64"),
    (0x15, "u64"),
];

/// The word for the type of a number.
pub fn word(tag: u8) -> Option<&'static str> {
    let found = TYPES.iter().find(|(known, _)| *known == tag);
    found.map(|(_, word)| *word)
}

/// The types that a number of a list may have: `u32`, or `u32|u64` where meters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberTypes {
    /// A bit for each of `TYPES`; never none.
    bits: u16,
}

impl NumberTypes {
    /// Any whole number.
    pub const ANY: Self = Self {
        bits: (1 << TYPES.len()) - 1,
    };

    /// The types of a word, or of several with `|` between them; `None` if one is not known.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0;
        for part in text.split('|') {
            let index = TYPES.iter().position(|(_, word)| *word == part)?;
            bits |= 1 << index;
        }
        Some(Self { bits })
    }

    /// Whether a number that came with this tag is of one of them.
    pub fn has(self, tag: u8) -> bool {
        // Tags that are not listed here are of numbers all the same.
        self == Self::ANY || self.listed().any(|(known, _)| known == tag)
    }

    fn listed(self) -> impl Iterator<Item = (u8, &'static str)> {
        let types = TYPES.into_iter().enumerate();
        types
            .filter(move |(index, _)| self.bits & (1 << index) != 0)
            .map(|(_, known)| known)
    }
}

impl fmt::Display for NumberTypes {
    /// Any number needs no word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return Ok(());
        }
        for (index, (_, word)) in self.listed().enumerate() {
            let between = if index == 0 { "" } else { "|" };
            write!(f, "{between}{word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_one_type_or_several() {
        let one = NumberTypes::parse("u32").unwrap();
        assert!(one.has(0x06) && !one.has(0x12) && !one.has(0x15));
        let several = NumberTypes::parse("u64|u32").unwrap();
        assert!(several.has(0x06) && several.has(0x15) && !several.has(0x05));
        assert_eq!(several.to_string(), "u32|u64");
        assert!(TYPES.iter().all(|(tag, _)| NumberTypes::ANY.has(*tag)));
        assert_eq!(NumberTypes::ANY.to_string(), "");
        for wrong in ["", "u24", "u32|", "|", "U32", "u32,u64"] {
            assert_eq!(NumberTypes::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_type_has_a_tag_and_a_word_of_its_own() {
        for (tag, text) in TYPES {
            assert_eq!(word(tag), Some(text));
            let alone = NumberTypes::parse(text).unwrap();
            let fitting = TYPES.iter().filter(|(tag, _)| alone.has(*tag));
            assert_eq!(fitting.count(), 1, "{text}");
        }
        assert_eq!(word(0x02), None);
    }
}
