//! Frames.

use super::serial::Serial;

/// Addresses that are no unit's.
pub mod address {
    /// The monitoring server, or the master of an RS-485 line.
    pub const SERVER: u32 = 0xffff_fffe;
    /// A configuration tool; also what the server's sealed messages come from.
    pub const TOOL: u32 = 0xffff_fffd;
    /// Everybody.
    pub const BROADCAST: u32 = 0xffff_ffff;

    /// Whether this is not the address of a unit.
    pub const fn is_special(address: u32) -> bool {
        address >= 0xffff_ff00
    }
}

/// Function codes that matter.
pub mod function {
    /// To the unit: sets one parameter.
    pub const SET_PARAMETER: u16 = 0x0011;
    /// To the unit: asks for parameters.
    pub const GET_PARAMETERS: u16 = 0x0012;
    /// A frame, sealed.
    pub const SEALED: u16 = 0x003d;
    /// Yes.
    pub const ACK: u16 = 0x0080;
    /// No.
    pub const NACK: u16 = 0x0081;
    /// The answer with the values of parameters.
    pub const PARAMETERS: u16 = 0x0090;
    /// From the unit: telemetry, or nothing.
    pub const TELEMETRY: u16 = 0x0500;
    /// From the unit: asks for the time.
    pub const GET_TIME: u16 = 0x0501;
    /// From the unit: a new session key.
    pub const SESSION_KEY: u16 = 0x0503;
    /// The answer with the time.
    pub const TIME: u16 = 0x0580;
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The answer to a request repeats its number.
    pub sequence: u16,
    /// Who sends it.
    pub source: u32,
    /// To whom.
    pub destination: u32,
    /// What it is.
    pub function: u16,
    /// What it carries.
    pub data: &'a [u8],
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin as one.
    #[error("this is not the beginning of a frame")]
    NoBarker,
    /// The length and its inverse do not belong together.
    #[error("the length and its inverse do not fit")]
    Length,
    /// It ends too early.
    #[error("the frame is not whole")]
    Short,
    /// There is something behind it.
    #[error("there is something behind the frame")]
    Long,
    /// It is damaged.
    #[error("the checksum does not fit")]
    Checksum,
}

impl Frame<'_> {
    /// The unit that sends it; `None` for the server's side.
    pub fn unit(&self) -> Option<Serial> {
        (!address::is_special(self.source)).then(|| Serial::of_inverter(self.source))
    }

    /// Appends its bytes.
    pub fn encode(&self, _bytes: &mut Vec<u8>) {}
}

impl<'a> Frame<'a> {
    /// The frame that these bytes are, no more and no less.
    pub fn exactly(_bytes: &'a [u8]) -> Result<Self, FrameError> {
        Err(FrameError::NoBarker)
    }
}
