//! Messages without a frame: the P1 port of some meters sends them so, and files hold them.
//!
//! | Begins with | Ends |
//! |---|---|
//! | `DB 08`, system title, BER length, security control | as the length says |
//! | `0F`, invoke id (4), `0C` or `09 0C`, date-time (12), `01` or `02` | where its value ends |
//!
//! There is no checksum, and both occur inside of M-Bus and HDLC frames. So that the remains of a
//! broken frame never pass for a message, it has to begin where something whole ended, the line was
//! quiet, or listening began; and it has to be followed by quiet or by the next one. Behind other
//! bytes it counts only if a message of the same meter follows at once. A sound frame inside of it
//! proves it wrong.

use super::super::axdr::{Data, Problem};
use super::super::ber::{self, BerError};
use super::apdu::{DATA_NOTIFICATION, GLOBAL_CIPHERING, TITLE_END, TITLE_LENGTH};
use super::event::Reason;
use super::found::Found;
use super::{MAX_BARE, hdlc, mbus};

/// Tag and invoke id.
const PLAIN_HEAD: usize = 5;
const DATE_TIME: u8 = 12;
const OCTET_STRING: u8 = 9;
const ARRAY: u8 = 1;
const STRUCTURE: u8 = 2;
/// Security control and invocation counter.
const SECURITY: usize = 5;
/// The highest security suite there is.
const MAX_SUITE: u8 = 2;

/// How sure one can be of the place where the bytes begin and end.
#[derive(Debug, Clone, Copy)]
pub struct RawPlace {
    /// Something whole ended before it, or the line was quiet.
    pub is_clean: bool,
    /// Nothing follows the bytes for now.
    pub is_end: bool,
}

/// What begins at the front of the bytes.
pub fn recognise(bytes: &[u8], place: RawPlace) -> Found<usize> {
    let size = match bytes.first() {
        Some(&GLOBAL_CIPHERING) => ciphered(bytes),
        Some(&DATA_NOTIFICATION) if place.is_clean => plain(bytes),
        _ => Size::None,
    };
    let total = match size {
        Size::None => return Found::Noise,
        Size::Unknown => None,
        Size::Total(total) => Some(total),
    };
    if total.unwrap_or(bytes.len()) > MAX_BARE {
        return Found::Noise;
    }
    let message = total.and_then(|total| bytes.split_at_checked(total));
    if holds_a_frame(message.map_or(bytes, |(message, _)| message)) {
        return Found::Noise;
    }
    match message {
        Some((message, after)) if place.is_clean => after_clean(message, after, place.is_end),
        Some((message, after)) => after_noise(message, after),
        None => Found::Wait(total.filter(|_| place.is_clean)),
    }
}

fn after_clean(message: &[u8], after: &[u8], is_end: bool) -> Found<usize> {
    match after {
        [] | [GLOBAL_CIPHERING] if !is_end => Found::Wait(None),
        [] | [GLOBAL_CIPHERING, TITLE_LENGTH, ..] | [DATA_NOTIFICATION, ..] => {
            Found::Sound(message.len())
        }
        _ => Found::Broken(message.len(), Reason::NoStop),
    }
}

fn after_noise(message: &[u8], after: &[u8]) -> Found<usize> {
    let title = message.get(..TITLE_END).unwrap_or_default();
    if after.starts_with(title) {
        Found::Sound(message.len())
    } else if title.starts_with(after) {
        Found::Wait(None)
    } else {
        Found::Noise
    }
}

enum Size {
    /// No message begins so.
    None,
    /// More bytes will tell.
    Unknown,
    Total(usize),
}

fn ciphered(bytes: &[u8]) -> Size {
    let head = bytes.iter().take(TITLE_END).enumerate();
    for (at, byte) in head {
        let is_sound = match at {
            0 => *byte == GLOBAL_CIPHERING,
            1 => *byte == TITLE_LENGTH,
            // The maker's three letters.
            2..5 => byte.is_ascii_uppercase(),
            _ => true,
        };
        if !is_sound {
            return Size::None;
        }
    }
    let rest = bytes.get(TITLE_END..).unwrap_or_default();
    let (length, took) = match ber::decode(rest) {
        Ok(decoded) => decoded,
        Err(BerError::Incomplete) => return Size::Unknown,
        Err(BerError::TooLong) => return Size::None,
    };
    let suite = rest.get(took).map_or(0, |control| control & 0x0f);
    if length <= SECURITY || suite > MAX_SUITE {
        return Size::None;
    }
    Size::Total((TITLE_END + took).saturating_add(length))
}

fn plain(bytes: &[u8]) -> Size {
    let rest = bytes.get(PLAIN_HEAD..).unwrap_or_default();
    let (tagged, rest) = match rest {
        [OCTET_STRING, rest @ ..] => (1, rest),
        rest => (0, rest),
    };
    for (at, byte) in rest.iter().take(2 + usize::from(DATE_TIME)).enumerate() {
        let is_sound = match at {
            0 => *byte == DATE_TIME,
            // 1792 to 2303, month, day, weekday, hour, minute, second; the rest may be anything.
            1 => matches!(byte, 7 | 8),
            3 => matches!(byte, 1..=12),
            4 => matches!(byte, 1..=31),
            5 => matches!(byte, 1..=7 | 0xff),
            6 => *byte < 24,
            7 | 8 => *byte < 60,
            13 => matches!(*byte, ARRAY | STRUCTURE),
            _ => true,
        };
        if !is_sound {
            return Size::None;
        }
    }
    let head = PLAIN_HEAD + tagged + 1 + usize::from(DATE_TIME);
    match bytes.get(head..).map(Data::decode) {
        None => Size::Unknown,
        Some(Ok((_, took))) => Size::Total(head + took),
        Some(Err(error)) if error.problem == Problem::Incomplete => Size::Unknown,
        Some(Err(_)) => Size::None,
    }
}

/// Whether a sound frame lies inside. By chance one in millions of messages does.
fn holds_a_frame(bytes: &[u8]) -> bool {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| {
        let byte = **byte;
        byte == mbus::START || byte == hdlc::FLAG
    });
    let mut tails = starts.filter_map(|(at, _)| bytes.get(at..));
    tails.any(|tail| {
        matches!(mbus::recognise(tail), Found::Sound(_))
            || matches!(hdlc::recognise(tail), Found::Sound(_))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: RawPlace = RawPlace {
        is_clean: true,
        is_end: true,
    };
    const CLEAN: RawPlace = RawPlace {
        is_clean: true,
        is_end: false,
    };
    const DIRTY: RawPlace = RawPlace {
        is_clean: false,
        is_end: true,
    };

    fn ciphered() -> Vec<u8> {
        [
            b"\xdb\x08XXX00001\x0a\x20\x00\x00\x00\x01".as_slice(),
            &[0; 5],
        ]
        .concat()
    }

    fn plain() -> Vec<u8> {
        let head = [0x0f, 0x80, 0, 0, 1, 0x0c];
        let date = [7, 0xea, 1, 2, 5, 3, 4, 5, 0xff, 0x80, 0, 0];
        [&head[..], &date, &[2, 1, 6, 0, 0, 0, 7]].concat()
    }

    #[test]
    fn whole_messages_count_when_nothing_or_another_follows() {
        for message in [ciphered(), plain()] {
            let found = Found::Sound(message.len());
            assert_eq!(recognise(&message, QUIET), found);
            assert_eq!(recognise(&message, CLEAN), Found::Wait(None));
            let two = [message.as_slice(), &ciphered()].concat();
            assert_eq!(recognise(&two, CLEAN), found);
            let followed = [message.as_slice(), &[0]].concat();
            let refused = Found::Broken(message.len(), Reason::NoStop);
            assert_eq!(recognise(&followed, CLEAN), refused);
        }
    }

    #[test]
    fn behind_other_bytes_only_the_same_meter_again_is_proof() {
        let message = ciphered();
        assert_eq!(recognise(&message, DIRTY), Found::Wait(None));
        let two = message.repeat(2);
        assert_eq!(recognise(&two, DIRTY), Found::Sound(message.len()));
        let mut other = two;
        other[message.len() + 9] = b'2';
        assert_eq!(recognise(&other, DIRTY), Found::Noise);
        assert_eq!(recognise(&plain(), DIRTY), Found::Noise);
    }

    #[test]
    fn no_cut_of_a_message_is_a_message() {
        for message in [ciphered(), plain()] {
            for cut in 1..message.len() {
                let found = recognise(&message[..cut], QUIET);
                assert!(matches!(found, Found::Wait(_)), "{cut}: {found:?}");
            }
        }
    }

    #[test]
    fn heads_that_no_meter_writes_are_refused() {
        let change = |mut message: Vec<u8>, at: usize, byte| {
            message[at] = byte;
            recognise(&message, QUIET)
        };
        assert_eq!(change(ciphered(), 1, 9), Found::Noise);
        assert_eq!(change(ciphered(), 3, b'x'), Found::Noise);
        assert_eq!(change(ciphered(), 10, 3), Found::Noise);
        assert_eq!(change(ciphered(), 10, 0x85), Found::Noise);
        assert_eq!(change(ciphered(), 11, 0x23), Found::Noise);
        assert_eq!(change(plain(), 5, 0), Found::Noise);
        assert_eq!(change(plain(), 8, 13), Found::Noise);
        assert_eq!(change(plain(), 11, 24), Found::Noise);
        assert_eq!(change(plain(), 18, 9), Found::Noise);
    }

    #[test]
    fn a_frame_inside_proves_it_wrong() {
        let mut message = ciphered();
        message[10] = 0x40;
        message.extend(mbus::frames(&[1, 2, 3], 245).concat());
        message.resize(message.len() + 60, 0);
        assert_eq!(recognise(&message, CLEAN), Found::Noise);
    }
}
