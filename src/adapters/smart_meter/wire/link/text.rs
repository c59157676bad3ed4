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
use super::super::dsmr::{Checksum, DIGITS, is_usual};
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

/// What is whole at one place.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// A telegram of so many bytes, and its characters.
    Telegram { length: usize, characters: Vec<u8> },
    /// A head of so many bytes before another kind of message.
    Head(usize),
    /// So many bytes of a head and a message without a title.
    HiddenTitle(usize),
}

/// What is known of the place besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct TextPlace {
    /// Whether a line begins here. Elsewhere a `/` begins a telegram only if an empty line follows
    /// the head.
    pub is_line_start: bool,
    /// Whether the line has paused, which ends a telegram behind its `!`.
    pub is_pause: bool,
    /// Whether it has been quiet for so long that no more will come.
    pub is_quiet: bool,
}

/// Whether the bytes may be the beginning of a telegram.
pub fn begins(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&START | &START_OF_SEVEN_BITS))
}

/// Whether a line may begin behind this byte: a line end, padding, or no character at all.
pub const fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0 | 0x80..)
}

/// What begins at the front of the bytes.
pub fn recognise(bytes: &[u8], place: TextPlace) -> Found<Text> {
    let has_parity = match bytes.first() {
        Some(&START) => false,
        Some(&START_OF_SEVEN_BITS) => true,
        _ => return Found::Noise,
    };
    let head = match first_line(bytes, has_parity, place.is_line_start) {
        Found::Sound(head) => head,
        Found::Wait(need) => return Found::Wait(need),
        _ => return Found::Noise,
    };
    if !has_parity && let Some(found) = sealed(bytes, head, place.is_pause) {
        return found;
    }
    let mut is_line_start = true;
    for (at, byte) in bytes.iter().enumerate().skip(head) {
        // Nothing but its parity may prove such a telegram, so that one wrong bit is one too many.
        let Some(character) = character(*byte, has_parity) else {
            return Found::Broken(at, Reason::NotText { at });
        };
        if at >= MAX_TEXT {
            return Found::Broken(at, Reason::TooLong);
        }
        if is_line_start && character == b'!' {
            return ended(bytes, at, has_parity, place.is_pause);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let is_next = || matches!(first_line(rest, has_parity, is_line_start), Found::Sound(_));
        if begins(rest) && is_next() {
            return Found::Broken(at, Reason::Superseded);
        }
        is_line_start = matches!(character, b'\r' | b'\n');
    }
    if place.is_quiet {
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

/// The bytes of the first line, with its line end.
fn first_line(bytes: &[u8], has_parity: bool, is_line_start: bool) -> Found<usize> {
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        let is_sound = match character(*byte, has_parity) {
            Some(character) if at <= LETTERS => character.is_ascii_alphabetic(),
            Some(b'\r' | b'\n') if at > LETTERS + 1 => {
                let is_certain = is_line_start.then_some(true);
                return match is_certain.or_else(|| is_empty_line_next(bytes, at, has_parity)) {
                    Some(true) => Found::Sound(at + 1),
                    Some(false) => Found::Noise,
                    None => Found::Wait(None),
                };
            }
            Some(character) => matches!(character, 0x20..=0x7e) && at < MAX_HEAD,
            None => false,
        };
        if !is_sound {
            return Found::Noise;
        }
    }
    Found::Wait(None)
}

/// Whether an empty line follows the line end at this place.
fn is_empty_line_next(bytes: &[u8], line_end: usize, has_parity: bool) -> Option<bool> {
    let at = |at| bytes.get(at).map(|byte| character(*byte, has_parity));
    let is_pair = at(line_end)? == Some(b'\r') && at(line_end + 1)? == Some(b'\n');
    let next = at(line_end + if is_pair { 2 } else { 1 })?;
    Some(matches!(next, Some(b'\r' | b'\n')))
}

/// What follows a head, if that is no text.
fn sealed(bytes: &[u8], head: usize, is_pause: bool) -> Option<Found<Text>> {
    let rest = bytes.get(head..).unwrap_or_default();
    let ends = rest.iter().take(MAX_LINE_ENDS);
    let ends = ends
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let length = head + ends;
    match rest.get(ends..)? {
        [GLOBAL_CIPHERING, ..] => Some(Found::Sound(Text::Head(length))),
        [0, after @ ..] => match ber::decode(after) {
            Ok((size, took)) => match after.get(took) {
                Some(0x20..=0x3f) if size <= MAX_TEXT => {
                    let whole = length + 1 + took + size;
                    let there = whole.min(bytes.len());
                    let is_over = is_pause || there == whole;
                    Some(match is_over {
                        true => Found::Sound(Text::HiddenTitle(there)),
                        false => Found::Wait(None),
                    })
                }
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
fn ended(bytes: &[u8], end: usize, has_parity: bool, is_pause: bool) -> Found<Text> {
    let rest = bytes.get(end + 1..).unwrap_or_default();
    let plain = |byte: &u8| character(*byte, has_parity).unwrap_or_default();
    let digits = rest.iter().take(DIGITS).map(plain);
    let digits = digits.take_while(u8::is_ascii_hexdigit).count();
    let next = rest.get(digits).map(plain);
    if digits < DIGITS && next.is_none() && !is_pause {
        return Found::Wait(None);
    }
    let length = end + 1 + digits;
    let characters: Vec<u8> = bytes.iter().take(length).map(plain).collect();
    let refused = match Checksum::of(&characters) {
        Checksum::Good(_) => None,
        Checksum::Wrong { announced, found } => Some(Reason::Checksum {
            found: announced,
            expected: found,
        }),
        // A character of a line that was changed to a `!`.
        Checksum::Absent if matches!(next, Some(b' '..=b'.' | b'0'..=0x7e)) => {
            Some(Reason::NoTextEnd { have: end })
        }
        Checksum::Absent | Checksum::Zero => {
            let strange = characters.iter().position(|byte| !is_usual(*byte));
            strange.map(|at| Reason::NotText { at })
        }
    };
    match refused {
        Some(reason) => Found::Broken(length, reason),
        None => Found::Sound(Text::Telegram { length, characters }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::dsmr;
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

    fn recognise(bytes: &[u8], is_pause: bool, is_quiet: bool) -> Found<Text> {
        let is_line_start = true;
        let place = TextPlace {
            is_line_start,
            is_pause,
            is_quiet,
        };
        super::recognise(bytes, place)
    }

    fn inside_a_line(bytes: &[u8]) -> Found<Text> {
        let place = TextPlace {
            is_line_start: false,
            is_pause: false,
            is_quiet: false,
        };
        super::recognise(bytes, place)
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
                    assert_eq!(Checksum::of(&characters), Checksum::Absent, "{at} {bit}");
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
        let hidden = [0, 0x81, 6, 0x30, 0, 0, 0, 0, 0xee];
        let length = head.len() + hidden.len();
        for more in [&hidden[..], &[7, 7]] {
            let bytes = [&hidden, more].concat();
            assert_eq!(with(&bytes), Found::Sound(Text::HiddenTitle(length)));
        }
        assert_eq!(with(&hidden[..8]), Found::Wait(None));
        let cut = [head, &hidden[..8]].concat();
        let named = Found::Sound(Text::HiddenTitle(length - 1));
        assert_eq!(recognise(&cut, true, false), named, "at a pause");
        assert_eq!(with(&[0, 5, 0x99]), Found::Wait(None));
    }

    #[test]
    fn a_slash_inside_a_line_begins_a_telegram_only_with_an_empty_line() {
        let text = sealed_text();
        assert_eq!(inside_a_line(&text), telegram(&text, &text));
        let no_empty_line = BODY.replace("\r\n\r\n", "\r\n");
        assert_eq!(inside_a_line(no_empty_line.as_bytes()), Found::Noise);
        assert_eq!(inside_a_line(b"/XYZ5\\7made/up\r\n"), Found::Wait(None));
        assert_eq!(inside_a_line(b"/ABC5)\r\n1-0:1.8.0"), Found::Noise);
        // Within a telegram it ends that one, whose end was lost.
        let cut = "/XYZ5 a\r\n\r\n1-0:1.8.0(0";
        let both = [cut.as_bytes(), &text].concat();
        let superseded = Found::Broken(cut.len(), Reason::Superseded);
        assert_eq!(recognise(&both, false, false), superseded);
    }

    #[test]
    fn strange_bytes_cost_a_telegram_only_without_a_checksum() {
        let strange = BODY.replace("1-0:1.8.0", "0-0:96.13.0(\u{e4}\u{1})\r\n1-0:1.8.0");
        let latin: Vec<u8> = strange.chars().map(|c| u32::from(c) as u8).collect();
        let mut announced = latin.clone();
        announced.push(b'1');
        let Found::Broken(_, Reason::Checksum { expected, .. }) =
            recognise(&announced, true, false)
        else {
            panic!("by chance it is 1")
        };
        let sealed = [latin.as_slice(), format!("{expected:04X}").as_bytes()].concat();
        assert_eq!(recognise(&sealed, false, false), telegram(&sealed, &sealed));
        let refused = recognise(&latin, true, false);
        let at = latin.iter().position(|byte| *byte == 0xe4).unwrap();
        let reason = Reason::NotText { at };
        assert_eq!(refused, Found::Broken(latin.len(), reason));
    }

    #[test]
    fn what_follows_an_end_without_digits_is_a_line_end_or_the_next_telegram() {
        for after in [b'\r', 0, b'/', 0xff] {
            let bytes = [BODY.as_bytes(), &[after]].concat();
            let whole = telegram(BODY.as_bytes(), BODY.as_bytes());
            assert_eq!(recognise(&bytes, false, false), whole, "{after}");
        }
        let damaged = BODY.replace("1-0:", "!-0:");
        let found = recognise(damaged.as_bytes(), false, false);
        assert!(
            matches!(found, Found::Broken(_, Reason::NoTextEnd { .. })),
            "{found:?}"
        );
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
