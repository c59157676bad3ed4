//! Answer 0012: the gateway's clock, `00` and `yyyymmddhhmmss` in ASCII, local time.

use jiff::civil;

use super::bcd;
use super::error::DecodeError;
use super::frame::{Group, seal};

pub const COMMAND: u16 = 12;

/// The gateway's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Local time of the gateway, to the second.
    pub at: civil::DateTime,
}

impl Clock {
    pub(crate) fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        let at = bcd::from_ascii::<7>(text).and_then(|packed| bcd::date_time(&packed));
        let at = at.ok_or_else(|| DecodeError::field(2, "time", text))?;
        Ok(Self { at })
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = b"00".to_vec();
        for byte in bcd::date_time_bytes(self.at) {
            body.extend_from_slice(&[b'0' + (byte >> 4), b'0' + (byte & 0x0f)]);
        }
        seal(Group::G11, COMMAND, &body)
    }
}
