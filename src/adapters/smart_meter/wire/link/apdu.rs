//! As much of an application message as the link layer must know: how long it says it is.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `DB` (or `DC`): ciphered |
//! | 1 | 1 | `08` |
//! | 2 | 8 | system title |
//! | 10 | BER | length of everything after it |
//! | .. | 1 | security control |
//! | .. | 4 | invocation counter |

use super::super::ber::{self, BerError};

/// Ciphered with the key of the meter.
pub const GLOBAL_CIPHERING: u8 = 0xdb;
/// Ciphered with a key of the connection; never pushed, but of the same shape.
const DEDICATED_CIPHERING: u8 = 0xdc;
/// Not ciphered.
pub const DATA_NOTIFICATION: u8 = 0x0f;
/// Tag, title length and title.
pub const TITLE_END: usize = 10;
pub const TITLE_LENGTH: u8 = 8;

/// Bytes the message says it has; `None` if this kind says nothing, or nothing that makes sense. If
/// its header is cut off, the least it can have.
pub fn announced(bytes: &[u8]) -> Option<usize> {
    let ([GLOBAL_CIPHERING | DEDICATED_CIPHERING, TITLE_LENGTH, ..]
    | [GLOBAL_CIPHERING | DEDICATED_CIPHERING]) = bytes
    else {
        return None;
    };
    let length = bytes.get(TITLE_END..).unwrap_or_default();
    match ber::decode(length) {
        Ok((length, took)) => Some((TITLE_END + took).saturating_add(length)),
        Err(BerError::Incomplete) => Some(bytes.len().max(TITLE_END) + 1),
        Err(BerError::TooLong) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_length_counts_itself() {
        let message = |length: &[u8]| [b"\xdb\x08XXX00001", length].concat();
        assert_eq!(announced(&message(&[0x4d])), Some(88));
        assert_eq!(announced(&message(&[0x81, 0xf8])), Some(260));
        assert_eq!(announced(&message(&[0x82, 0x01, 0x55])), Some(354));
        assert_eq!(announced(&message(&[0x84, 0, 0, 1, 0x55])), Some(356));
        assert_eq!(announced(&message(&[0x82, 0x01])), Some(13));
        assert_eq!(announced(&message(&[0x80])), None);
        assert_eq!(announced(&[0xdb]), Some(11));
        assert_eq!(announced(&[0x0f, 0x08]), None);
    }
}
