//! Frames: hex digits between a `:` and a line feed.
//!
//! | Bytes | Meaning |
//! |---|---|
//! | `:` | |
//! | 1 digit | command |
//! | 2 digits each | payload; numbers are little endian |
//! | 2 digits | check byte: command, payload and check byte add up to 0x55 modulo 256 |
//! | `\n` | |

/// Payload bytes that a frame may have; known ones have up to 67.
pub const MAX_PAYLOAD: usize = 128;

/// What command, payload and check byte add up to.
const SUM: u8 = 0x55;

/// A frame whose check byte is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where its `:` is, counted from the first byte ever pushed.
    pub offset: u64,
    /// Command or kind of answer, 0 to 15.
    pub command: u8,
    /// What lies between command and check byte.
    pub payload: &'a [u8],
}

/// Why digits are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer digits than command and check byte need.
    #[error("it breaks off after {0} digits")]
    Short(usize),
    /// An even number of digits: one is missing.
    #[error("a digit is missing, or there is one too many")]
    HalfByte,
    /// More than [`MAX_PAYLOAD`] bytes.
    #[error("its payload is longer than {MAX_PAYLOAD} bytes")]
    Long,
    /// The sum is not 0x55.
    #[error("its bytes add up to {0:#04x} instead of {SUM:#04x}")]
    Sum(u8),
}

/// Puts the digits of a frame together.
#[derive(Debug, Clone)]
pub struct Collector {
    digits: usize,
    command: u8,
    /// Payload and check byte.
    bytes: [u8; MAX_PAYLOAD + 1],
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            digits: 0,
            command: 0,
            bytes: [0; MAX_PAYLOAD + 1],
        }
    }
}

impl Collector {
    /// Forgets all digits.
    pub fn clear(&mut self) {
        self.digits = 0;
    }

    /// Takes the next digit; false if the byte is none, which ends the frame.
    pub fn push(&mut self, byte: u8) -> bool {
        let Some(digit) = (byte as char).to_digit(16) else {
            return false;
        };
        let digit = digit as u8;
        if self.digits == 0 {
            self.command = digit;
        } else if let Some(byte) = self.bytes.get_mut((self.digits - 1) / 2) {
            *byte = *byte << 4 | digit;
        }
        self.digits = self.digits.saturating_add(1);
        true
    }

    /// Command and payload of the digits so far.
    ///
    /// # Errors
    /// If they are no frame.
    pub fn finish(&self) -> Result<(u8, &[u8]), FrameError> {
        let count = self.digits / 2;
        if self.digits < 3 {
            return Err(FrameError::Short(self.digits));
        }
        let Some(bytes) = self.bytes.get(..count) else {
            return Err(FrameError::Long);
        };
        if self.digits.is_multiple_of(2) {
            return Err(FrameError::HalfByte);
        }
        let sum = sum(self.command, bytes);
        match bytes {
            [payload @ .., _] if sum == SUM => Ok((self.command, payload)),
            _ => Err(FrameError::Sum(sum)),
        }
    }
}

impl<'a> Frame<'a> {
    /// Reads a single frame from its `:` on, with or without what ends it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8], collector: &'a mut Collector) -> Result<Self, FrameError> {
        let digits = bytes.strip_prefix(b":").ok_or(FrameError::Short(0))?;
        collector.clear();
        for byte in digits {
            if !collector.push(*byte) {
                break;
            }
        }
        let (command, payload) = collector.finish()?;
        Ok(Self {
            offset: 0,
            command,
            payload,
        })
    }
}

/// Writes a frame. A command is one digit: of a larger number its last one.
#[must_use]
pub fn encode_frame(command: u8, payload: &[u8]) -> Vec<u8> {
    let command = command & 0xf;
    let check = SUM.wrapping_sub(sum(command, payload));
    let mut frame = Vec::with_capacity(payload.len() * 2 + 5);
    frame.extend([b':', digit(command)]);
    for byte in payload.iter().chain([&check]) {
        frame.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    frame.push(b'\n');
    frame
}

fn sum(command: u8, bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(command, |sum, byte| sum.wrapping_add(*byte))
}

/// Devices take upper case only.
fn digit(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'A' + value - 10,
    }
}
