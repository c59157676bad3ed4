//! Text telegrams, as meters with a P1 port send them in clear (DSMR, ESMR and kin).
//!
//! ```text
//! /XXX5 who made it CR LF  CR LF  lines, each CR LF  ! CRC
//! ```
//!
//! The CRC is left out by old meters, and leading zeros of it by some. Lines set to seven bits with
//! even parity are read with eight: then the highest bit of each byte is its parity, and each byte
//! proves itself.
//!
//! Of some meters only the head is in clear. What follows is a message as other meters send it, or
//! one that leaves out the title, which nobody can open: `00`, BER length, security control.

use super::super::ber;
use super::super::dsmr;
use super::MAX_TEXT;
use super::apdu::GLOBAL_CIPHERING;
use super::event::Reason;
use super::found::Found;

const START: u8 = b'/';
/// The same with its parity.
const START_OF_SEVEN_BITS: u8 = 0xaf;
/// Letters of the maker.
const LETTERS: usize = 3;
/// Bytes of the first line at most.
const MAX_HEAD: usize = 80;
/// Line ends between the first line and what follows, at most.
const MAX_LINE_ENDS: usize = 4;
/// Digits of the checksum at most.
const DIGITS: usize = 4;

/// What is whole at one place.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// A telegram of so many bytes, and its characters.
    Telegram { length: usize, characters: Vec<u8> },
    /// A head of so many bytes before another kind of message.
    Head(usize),
    /// A head of so many bytes before a message without a title.
    HiddenTitle(usize),
}

/// Whether the bytes may be the beginning of a telegram.
pub fn begins(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&START | &START_OF_SEVEN_BITS))
}

/// What begins at the front of the bytes. After a `!` a `pause` ends it; elsewhere only real `quiet`
/// does.
pub fn recognise(bytes: &[u8], pause: bool, quiet: bool) -> Found<Text> {
    let has_parity = match bytes.first() {
        Some(&START) => false,
        Some(&START_OF_SEVEN_BITS) => true,
        _ => return Found::Noise,
    };
    let head = match head(bytes, has_parity) {
        Found::Sound(head) => head,
        Found::Wait(need) => return Found::Wait(need),
        _ => return Found::Noise,
    };
    if !has_parity && let Some(found) = sealed(bytes, head) {
        return found;
    }
    let mut is_line_start = true;
    for (at, byte) in bytes.iter().enumerate().skip(head) {
        let Some(character) = character(*byte, has_parity).filter(|c| is_text(*c)) else {
            return Found::Broken(at, Reason::NotText { at });
        };
        if at >= MAX_TEXT {
            return Found::Broken(at, Reason::TooLong);
        }
        if is_line_start && character == b'!' {
            return ended(bytes, at, has_parity, pause);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if is_line_start && is_head(rest, has_parity) {
            return Found::Broken(at, Reason::Superseded);
        }
        is_line_start = matches!(character, b'\r' | b'\n');
    }
    if quiet {
        let have = bytes.len();
        return Found::Broken(have, Reason::NoTextEnd { have });
    }
    Found::Wait(None)
}

/// The character that a byte is, if its parity is right.
fn character(byte: u8, has_parity: bool) -> Option<u8> {
    match has_parity {
        false => Some(byte),
        true => byte.count_ones().is_multiple_of(2).then_some(byte & 0x7f),
    }
}

const fn is_text(character: u8) -> bool {
    matches!(character, b'\r' | b'\n' | b'\t' | 0x20..=0x7e | 0x80..)
}

/// The bytes of the first line, with its line end.
fn head(bytes: &[u8], has_parity: bool) -> Found<usize> {
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        let is_sound = match character(*byte, has_parity) {
            Some(character) if at <= LETTERS => character.is_ascii_alphabetic(),
            Some(b'\r' | b'\n') if at > LETTERS + 1 => return Found::Sound(at + 1),
            Some(character) => matches!(character, 0x20..=0x7e) && at < MAX_HEAD,
            None => false,
        };
        if !is_sound {
            return Found::Noise;
        }
    }
    Found::Wait(None)
}

fn is_head(bytes: &[u8], has_parity: bool) -> bool {
    begins(bytes) && matches!(head(bytes, has_parity), Found::Sound(_))
}

/// What follows a head, if that is no text.
fn sealed(bytes: &[u8], head: usize) -> Option<Found<Text>> {
    let rest = bytes.get(head..).unwrap_or_default();
    let ends = rest.iter().take(MAX_LINE_ENDS);
    let ends = ends
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let length = head + ends;
    match rest.get(ends..)? {
        [GLOBAL_CIPHERING, ..] => Some(Found::Sound(Text::Head(length))),
        [0, after @ ..] => match ber::decode(after) {
            Ok((_, took)) => match after.get(took) {
                Some(0x20..=0x3f) => Some(Found::Sound(Text::HiddenTitle(length))),
                Some(_) => None,
                None => Some(Found::Wait(None)),
            },
            Err(ber::BerError::Incomplete) => Some(Found::Wait(None)),
            Err(ber::BerError::TooLong) => None,
        },
        _ => None,
    }
}

/// A telegram whose `!` is there.
fn ended(bytes: &[u8], end: usize, has_parity: bool, pause: bool) -> Found<Text> {
    let rest = bytes.get(end + 1..).unwrap_or_default();
    let plain = |byte: &u8| character(*byte, has_parity).unwrap_or_default();
    let digits = rest.iter().take(DIGITS).map(plain);
    let digits = digits.take_while(u8::is_ascii_hexdigit).count();
    if digits < DIGITS && digits == rest.len() && !pause {
        return Found::Wait(None);
    }
    let length = end + 1 + digits;
    let characters: Vec<u8> = bytes.iter().take(length).map(plain).collect();
    match dsmr::verify(&characters) {
        Ok(_) => Found::Sound(Text::Telegram { length, characters }),
        Err((announced, found)) => Found::Broken(
            length,
            Reason::Checksum {
                found: announced,
                expected: found,
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = "/XYZ5\\7made/up\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n!";

    fn sealed_text() -> Vec<u8> {
        dsmr::seal(BODY)
    }

    fn with_parity(bytes: &[u8]) -> Vec<u8> {
        let bytes = bytes.iter();
        bytes
            .map(|byte| byte | (byte.count_ones() as u8 & 1) << 7)
            .collect()
    }

    fn telegram(bytes: &[u8], of: &[u8]) -> Found<Text> {
        Found::Sound(Text::Telegram {
            length: bytes.len(),
            characters: of.to_vec(),
        })
    }

    #[test]
    fn a_telegram_ends_with_its_checksum_or_by_what_follows() {
        let text = sealed_text();
        assert_eq!(recognise(&text, false, false), telegram(&text, &text));
        let bare = BODY.as_bytes();
        assert_eq!(recognise(bare, false, false), Found::Wait(None));
        assert_eq!(recognise(bare, true, false), telegram(bare, bare));
        let followed = format!("{BODY}\r\n");
        assert_eq!(
            recognise(followed.as_bytes(), false, false),
            telegram(bare, bare)
        );
    }

    #[test]
    fn seven_bits_with_parity_are_the_same_text_and_each_byte_proves_itself() {
        let text = sealed_text();
        let bytes = with_parity(&text);
        assert_eq!(recognise(&bytes, false, false), telegram(&bytes, &text));
        for at in 20..text.len() - 6 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let found = recognise(&damaged, false, false);
            assert!(
                matches!(found, Found::Broken(_, Reason::NotText { .. })),
                "{at}"
            );
        }
    }

    #[test]
    fn no_damage_behind_the_head_leaves_a_checksum_that_fits() {
        let text = sealed_text();
        for at in 18..text.len() - DIGITS {
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[at] ^= 1 << bit;
                if let Found::Sound(Text::Telegram { characters, .. }) =
                    recognise(&damaged, true, true)
                {
                    assert_eq!(dsmr::verify(&characters), Ok(false), "{at} {bit}");
                }
            }
        }
    }

    #[test]
    fn the_next_head_ends_what_has_no_end() {
        let cut = "/XYZ5 a\r\n\r\n1-0:1.8.0(0\r\n";
        let both = [cut.as_bytes(), &sealed_text()].concat();
        assert_eq!(
            recognise(&both, false, false),
            Found::Broken(cut.len(), Reason::Superseded)
        );
        let have = cut.len();
        assert_eq!(recognise(cut.as_bytes(), true, false), Found::Wait(None));
        let stops = Found::Broken(have, Reason::NoTextEnd { have });
        assert_eq!(recognise(cut.as_bytes(), true, true), stops);
    }

    #[test]
    fn what_is_behind_a_head_in_clear_may_be_another_message() {
        let head = b"/XYZ5 a\r\n\r\n";
        let with = |rest: &[u8]| recognise(&[head, rest].concat(), false, false);
        assert_eq!(with(&[0xdb]), Found::Sound(Text::Head(head.len())));
        let hidden = [0, 0x82, 2, 0x30, 0x30];
        assert_eq!(with(&hidden), Found::Sound(Text::HiddenTitle(head.len())));
        assert_eq!(with(&hidden[..4]), Found::Wait(None));
        assert!(matches!(with(&[0, 5, 0x99]), Found::Broken(..)));
    }

    #[test]
    fn no_chance_of_bytes_begins_a_telegram() {
        for bytes in ["/XY", "/XYZ", "/XYZ5 "] {
            assert_eq!(
                recognise(bytes.as_bytes(), true, true),
                Found::Wait(None),
                "{bytes}"
            );
        }
        for bytes in [
            b"/XY5 a".as_slice(),
            b"/XYZ\r\n",
            b"/XYZ5\x01",
            b"x/XYZ5\r\n",
            b"\xafXYZ5\r\n",
        ] {
            assert_eq!(recognise(bytes, false, false), Found::Noise, "{bytes:?}");
        }
        let long = format!("/XYZ5{}\r\n", "a".repeat(MAX_HEAD));
        assert_eq!(recognise(long.as_bytes(), false, false), Found::Noise);
    }

    proptest! {
        #[test]
        fn what_is_decided_stays_so_whatever_follows(
            text in prop_oneof!["/[A-Z]{3}5[a-z\r\n/!0-9(]{0,60}", Just(BODY.to_owned())],
            more in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [text.as_bytes(), &more].concat();
            let mut before = Found::Wait(None);
            for cut in 1..=bytes.len() {
                let found = recognise(&bytes[..cut], false, false);
                if !matches!(before, Found::Wait(_)) {
                    prop_assert_eq!(&found, &before);
                }
                before = found;
            }
        }
    }
}
