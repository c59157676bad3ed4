//! From the bytes of a line to application messages (APDUs), and back.
//!
//! The transport is found out from the bytes themselves, and may change on the way. Everything here
//! follows the public standards of the layers (EN 13757-2 and -3, ISO/IEC 13239, IEC 62056-46 and
//! 62056-5-3), what grid operators publish, and captures of real meters.
//!
//! | Begins with | Transport | Ends by | Checked by | Module |
//! |---|---|---|---|---|
//! | `68 L L 68` | wired M-Bus, long frame | L | 8-bit sum, stop byte | [`mbus`] |
//! | `7E Ax xx` | HDLC, type 3 | 11 bits of length | two CRCs, closing flag | [`hdlc`] |
//! | `DB 08` | none: ciphered message as it is | its BER length | where it begins and ends | `raw` |
//! | `0F` | none: plain message as it is | its value's own end | the same, and its date | `raw` |
//! | `/`, three letters | text (P1) | a line that begins with `!` | CRC, where the meter writes one | `text` |
//! | `1B 1B 1B 1B 01 01 01 01` | SML, which is only named | | | `framer` |
//! | `68` and no frame, twice alike | text upside down, which is only named | | | `inverted` |
//! | `E5`, `10 C A CS 16` | M-Bus acknowledgement, short frame | | passed over | `mbus` |
//!
//! Above the frames, pieces are joined to messages: M-Bus by the sequence number in the CI byte, HDLC
//! by its segmentation bit, and on either of them [`block_transfer`] by block numbers.
//!
//! Neither a start pattern nor a flag is ever searched for inside a frame, since both occur in
//! ciphertext. What fails its check is searched again one byte after its start, since a good frame
//! may begin inside of it.
//!
//! ```
//! use wattbridge::adapters::smart_meter::wire::link::{Framer, LinkEvent, mbus};
//!
//! let apdu = [0xdb, 8, b'X', b'X', b'X', 0, 0, 0, 0, 1, 6, 0x20, 0, 0, 0, 1, 0xaa];
//! let mut framer = Framer::new();
//! for frame in mbus::frames(&apdu, 10) {
//!     framer.push(&frame);
//! }
//! let Some(LinkEvent::Message(message)) = framer.next_event() else { panic!() };
//! assert_eq!(message.bytes, apdu);
//! ```

mod annotate;
mod apdu;
pub mod block_transfer;
mod event;
mod found;
mod framer;
pub mod hdlc;
mod inverted;
mod layout;
pub mod mbus;
mod raw;
mod reassembly;
#[cfg(test)]
mod tests;
mod text;

pub use annotate::annotate;
pub use event::{LinkEvent, Message, Reason, Refused, Span, Transport};
pub use framer::{DIGITS_GAP, FRAME_GAP, Framer, MAX_BUFFER, MESSAGE_GAP, TEXT_GAP};
pub use layout::{FramePlace, frames, places};

/// Bytes of an application message at most; real ones have less than 700.
pub const MAX_MESSAGE: usize = 2048;
/// Bytes of a text telegram at most: one with all that may be in it, a text message too, has six
/// thousand.
pub const MAX_TEXT: usize = 8192;
/// Bytes of a message without a frame at most: an encrypted text telegram.
pub const MAX_BARE: usize = MAX_TEXT + 64;
