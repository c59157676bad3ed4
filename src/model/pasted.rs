//! Text that people paste, as they see it: out of letters, portals and word processors come
//! characters that nobody sees, dashes of all lengths, and quotation marks.

use zeroize::Zeroizing;

/// The characters that are seen, each with its place as one counts them, from 1. Dashes are `-`,
/// quotation marks `"` and `'`, dots in the middle `.`, wide letters and digits the usual ones; those
/// of ASCII stay as they are.
pub fn seen(text: &str) -> impl Iterator<Item = (usize, char)> {
    let characters = text.chars().filter(|c| !is_invisible(*c)).map(usual);
    characters
        .enumerate()
        .map(|(index, character)| (index + 1, character))
}

/// A text as it is seen.
#[must_use]
pub fn line(text: &str) -> Zeroizing<String> {
    // Nothing gets longer, so it never moves and leaves a copy behind: it may be a key.
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    line.extend(seen(text).map(|(_, character)| character));
    line
}

/// A name or number of something as it is seen, without quotation marks and white space around it.
#[must_use]
pub fn name(text: &str) -> String {
    line(text)
        .trim_matches(|c: char| c.is_whitespace() || is_quote(c))
        .to_owned()
}

/// Whether a character that is seen is a quotation mark.
pub const fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'' | '`')
}

/// Nobody sees them, and nobody means them.
pub const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

fn usual(character: char) -> char {
    match character {
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}' => '-',
        '“' | '”' | '„' | '‟' | '«' | '»' => '"',
        '‘' | '’' | '‚' | '‛' | '‹' | '›' | '´' => '\'',
        '·' | '•' | '∙' | '․' | '‧' => '.',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        _ if character.is_whitespace() => ' ',
        _ => character,
    }
}

/// Bytes that were written in hexadecimal digits.
#[derive(Debug)]
pub struct Hex {
    /// Wiped after use: they may be a key.
    pub bytes: Zeroizing<Vec<u8>>,
    /// How many digits there were.
    pub digits: usize,
}

/// The text is not hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHex {
    /// A character that is no digit and separates none.
    Character {
        /// Which one of those that are seen, counted from 1.
        place: usize,
        /// The character.
        character: char,
    },
    /// Half a byte, between separators.
    Odd {
        /// Where its group ends, counted from 1.
        place: usize,
    },
    /// Half a byte at the end, or too many.
    Digits(usize),
}

/// Reads bytes in hexadecimal, with anything between them that people put there, and a word in front
/// that says what they are: `GUEK: 00 11 22`. `most` bytes at most.
///
/// # Errors
///
/// There is something else in it.
pub fn hex(text: &str, most: usize) -> Result<Hex, NotHex> {
    let mut characters = Zeroizing::new(Vec::with_capacity(text.len()));
    characters.extend(seen(text));
    let rest = characters.get(label(&characters)..).unwrap_or_default();
    // A list may write 0x0 for 0x00; without prefixes a single digit is a slip.
    let is_prefix = |two: &[(usize, char)]| matches!(two, [(_, '0'), (_, 'x' | 'X')]);
    let is_list = rest.windows(2).any(is_prefix);
    // As large as it will get: growing would leave a copy of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    let (mut digits, mut group, mut pending, mut at) = (0, 0, None::<u8>, 0);
    while let Some((place, character)) = rest.get(at).copied() {
        let starts_byte = rest.get(at..at + 2).is_some_and(is_prefix);
        at += if starts_byte { 2 } else { 1 };
        if starts_byte || is_separator(character) {
            match pending.take() {
                Some(digit) if is_list && group == 1 => bytes.push(digit),
                Some(_) => return Err(NotHex::Odd { place }),
                None => {}
            }
            group = 0;
            continue;
        }
        // A digit of base 16 is at most 15.
        let Some(digit) = character.to_digit(16).map(|digit| digit as u8) else {
            return Err(NotHex::Character { place, character });
        };
        (digits, group) = (digits + 1, group + 1);
        match pending.take() {
            Some(high) => bytes.push(high << 4 | digit),
            None => pending = Some(digit),
        }
        if bytes.len() > most {
            let more = rest.get(at..).unwrap_or_default().iter();
            let more = more.filter(|(_, rest)| rest.is_ascii_hexdigit()).count();
            return Err(NotHex::Digits(digits + more));
        }
    }
    match pending {
        Some(digit) if is_list && group == 1 => bytes.push(digit),
        Some(_) => return Err(NotHex::Digits(digits)),
        None => {}
    }
    Ok(Hex { bytes, digits })
}

/// What stands between digits.
pub fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || is_quote(character)
        || matches!(
            character,
            ':' | '-' | ',' | ';' | '.' | '_' | '|' | '/' | '[' | ']' | '{' | '}' | '(' | ')'
        )
}

/// How many characters say what the digits are: words up to a colon or `=`, or words alone.
fn label(characters: &[(usize, char)]) -> usize {
    let is_letter =
        |c: char| c.is_alphabetic() && !c.is_ascii_hexdigit() && !matches!(c, 'x' | 'X');
    let is_word = |characters: &[(usize, char)]| {
        let all = |(_, c): &(usize, char)| {
            c.is_alphanumeric() || is_quote(*c) || matches!(c, ' ' | '_' | '-' | '.' | '(' | ')')
        };
        characters.iter().all(all) && characters.iter().any(|(_, c)| is_letter(*c))
    };
    let colon = characters.iter().position(|(_, c)| matches!(c, ':' | '='));
    if let Some(colon) = colon.filter(|at| characters.get(..*at).is_some_and(is_word)) {
        return colon + 1;
    }
    let mut end = 0;
    for word in characters.split_inclusive(|(_, c)| *c == ' ') {
        let letters = word.iter().filter(|(_, c)| *c != ' ');
        let is_alone = letters.clone().all(|(_, c)| c.is_alphabetic());
        let is_last = end + word.len() == characters.len();
        if word.len() > 1 && (is_last || !is_alone || !letters.clone().any(|(_, c)| is_letter(*c)))
        {
            break;
        }
        end += word.len();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex(text, 8).unwrap().bytes.to_vec()
    }

    #[test]
    fn whatever_is_put_between_digits_the_bytes_are_the_same() {
        for text in [
            "00112233",
            "00 11 22 33",
            "0011\u{2013}2233",
            "00\u{200b}11\u{2060}2233",
            "\u{feff}00112233",
            "0011\u{ad}2233",
            "00.11.22.33",
            "0011_2233",
            "“00112233”",
            "'00:11:22:33'",
            "GUEK: 00112233",
            "Authentication Key (AK): 0011 2233",
            "key = \"00112233\"",
            "EK 00 11 22 33",
            "Schlüssel: 0x00, 0x11, 0x22, 0x33",
            "00\u{a0}11\u{202f}22 33",
            "００１１２２３３",
            "00·11·22·33",
        ] {
            assert_eq!(bytes(text), [0, 0x11, 0x22, 0x33], "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_a_character_that_is_seen() {
        let wrong = |text| hex(text, 8).unwrap_err();
        let (place, character) = (4, 'O');
        assert_eq!(
            wrong("\u{feff}00\u{200b}1O22"),
            NotHex::Character { place, character }
        );
        assert_eq!(wrong("00 1 22"), NotHex::Odd { place: 5 });
        assert_eq!(wrong("001"), NotHex::Digits(3));
        assert_eq!(wrong(&"11".repeat(12)), NotHex::Digits(24));
    }

    #[test]
    fn a_name_is_as_it_is_seen() {
        assert_eq!(name(" \u{feff}HQ2222\u{200b}BBBBB\u{a0}"), "HQ2222BBBBB");
        assert_eq!(name("“AB\u{2011}12”"), "AB-12");
        assert_eq!(name("'`O’B'C`'"), "O'B'C");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_no_bytes_are_too_many(text in ".{0,60}") {
            if let Ok(hex) = hex(&text, 8) {
                prop_assert!(hex.bytes.len() <= 8);
            }
        }
    }
}
