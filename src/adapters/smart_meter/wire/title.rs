//! The system title: eight bytes in clear that say who made a meter and which one it is, before
//! any key is known.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 3 | letters of the maker, as registered with the DLMS User Association |
//! | 3 | 5 | number of the meter, in a way of the maker's own |
//!
//! What the number means was found by comparing meters with their labels.

use std::fmt;
use std::str::FromStr;

use crate::hex::Hex;
use crate::model::pasted;

/// A meter's title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemTitle(pub [u8; 8]);

/// Letters of makers and their names.
const MAKERS: &[(&str, &str)] = &[
    ("AUX", "AUX"),
    ("EGM", "Siemens"),
    ("ELS", "Honeywell"),
    ("EMH", "EMH metering"),
    ("ESY", "EasyMeter"),
    ("FLO", "Flonidan"),
    ("HLY", "Holley"),
    ("HXE", "Hexing"),
    ("ISK", "Iskraemeco"),
    ("ITR", "Itron"),
    ("KAM", "Kamstrup"),
    ("KFM", "Kaifa"),
    ("LGZ", "Landis+Gyr"),
    ("NES", "NES"),
    ("SAG", "Sagemcom"),
    ("SGC", "Sagemcom"),
    ("SIE", "Siemens"),
    ("SMS", "Siemens"),
    ("ZIV", "ZIV"),
];

/// The name of the maker with these letters, where it is known.
#[must_use]
pub fn maker(letters: &str) -> Option<&'static str> {
    let known = MAKERS.iter().find(|(code, _)| *code == letters);
    known.map(|(_, name)| *name)
}

/// Whether the bytes begin with the letters of a known maker.
pub fn begins_with_maker(bytes: &[u8]) -> bool {
    let mut makers = MAKERS.iter();
    makers.any(|(letters, _)| bytes.starts_with(letters.as_bytes()))
}

/// The text is no system title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a system title is 16 hexadecimal digits, for example 4B464D1020000001")]
pub struct NotATitle;

impl SystemTitle {
    /// The letters of the maker; what is not a letter or digit becomes `?`.
    pub fn letters(&self) -> String {
        let letters = self.0.iter().take(3);
        letters
            .map(|byte| match char::from(*byte) {
                letter if letter.is_ascii_alphanumeric() => letter,
                _ => '?',
            })
            .collect()
    }

    /// The name of the maker, or its letters where the name is not known.
    pub fn maker(&self) -> String {
        let letters = self.letters();
        maker(&letters).map_or_else(|| letters.clone(), str::to_owned)
    }

    /// The last digits of the number printed on the meter, where the maker is known to put them
    /// into the title. More digits may stand in front, zeros for a start.
    pub fn number_hint(&self) -> Option<String> {
        let [_, _, _, _, a, b, c, d] = self.0;
        match &*self.letters() {
            "KFM" => Some(u32::from_be_bytes([0, b, c, d]).to_string()),
            "SAG" => Some(format!(
                "{:06}",
                u32::from_be_bytes([a, b, c, d]) % 1_000_000
            )),
            _ => None,
        }
    }
}

impl fmt::Display for SystemTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}", Hex::of(&self.0))
    }
}

impl FromStr for SystemTitle {
    type Err = NotATitle;

    /// Reads sixteen hexadecimal digits, with anything between them that people put there.
    fn from_str(text: &str) -> Result<Self, NotATitle> {
        let hex = pasted::hex(text, 8).map_err(|_| NotATitle)?;
        hex.bytes
            .as_slice()
            .try_into()
            .map(Self)
            .map_err(|_| NotATitle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_maker_and_number() {
        let kaifa = SystemTitle(*b"KFM\x10\x20\x00\x04\xd2");
        assert_eq!(kaifa.maker(), "Kaifa");
        assert_eq!(kaifa.number_hint().as_deref(), Some("1234"));
        let sagemcom = SystemTitle(*b"SAGY\x0a\xa4\x1f\x4c");
        assert_eq!(sagemcom.maker(), "Sagemcom");
        // 0x0AA41F4C is 178528076.
        assert_eq!(sagemcom.number_hint().as_deref(), Some("528076"));
        assert_eq!(SystemTitle(*b"LGZgr\x00\x00\x01").number_hint(), None);
    }

    #[test]
    fn an_unknown_maker_keeps_its_letters() {
        assert_eq!(SystemTitle(*b"XYZ\0\0\0\0\x01").maker(), "XYZ");
        assert_eq!(SystemTitle([0xff; 8]).maker(), "???");
    }

    #[test]
    fn what_is_shown_is_read() {
        let title = SystemTitle(*b"ISKit\x00\x00\x01");
        assert_eq!(title.to_string(), "49534B6974000001");
        assert_eq!(title.to_string().parse(), Ok(title));
        assert_eq!("49:53:4b:69:74:00:00:01".parse(), Ok(title));
        for wrong in [
            "",
            "49534B697400000",
            "49534B69740000011",
            "49534B697400000x",
        ] {
            assert_eq!(wrong.parse::<SystemTitle>(), Err(NotATitle), "{wrong}");
        }
    }
}
