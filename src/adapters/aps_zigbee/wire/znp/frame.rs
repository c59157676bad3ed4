//! One frame.

/// The byte that every frame begins with; inside of a frame it may stand anywhere.
pub(super) const START: u8 = 0xfe;

/// How many bytes of data a frame has at most.
pub const MOST_DATA: usize = 250;

/// What stands around the data: start, length, command, check sum.
pub(super) const AROUND: usize = 5;

/// A frame as it came: start, length and check sum are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZnpFrame<'a> {
    /// CMD0 and CMD1, such as 0x4481.
    pub command: u16,
    /// What it says.
    pub data: &'a [u8],
}

/// What kind of command a frame has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZnpKind {
    /// A question of the host, answered at once (SREQ).
    Question,
    /// Comes by itself, or is not answered (AREQ).
    Event,
    /// The answer to a question (SRSP).
    Answer,
    /// None of these.
    Other,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZnpFault {
    /// It does not begin as one.
    #[error("no FE where a frame should begin")]
    NoStart,
    /// It would be longer than any.
    #[error("{0} bytes of data, which is more than a frame has")]
    Length(u8),
    /// Its last byte is wrong.
    #[error("check sum {found:#04x} instead of {right:#04x}")]
    Sum {
        /// The byte that is there.
        found: u8,
        /// The byte that should be there.
        right: u8,
    },
    /// Its end never came.
    #[error("the end of the frame is missing")]
    Short,
}

impl<'a> ZnpFrame<'a> {
    /// How long the frame is that begins here, in bytes; `None` if that cannot be said yet.
    pub(super) const fn total(bytes: &[u8]) -> Result<Option<usize>, ZnpFault> {
        match *bytes {
            [] | [START] => Ok(None),
            [START, length, ..] if length as usize > MOST_DATA => Err(ZnpFault::Length(length)),
            [START, length, ..] => Ok(Some(length as usize + AROUND)),
            _ => Err(ZnpFault::NoStart),
        }
    }

    /// A single frame that is exactly these bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn exactly(bytes: &'a [u8]) -> Result<Self, ZnpFault> {
        let total = Self::total(bytes)?;
        let [_, length, high, low, data @ .., found] = bytes else {
            return Err(ZnpFault::Short);
        };
        if total != Some(bytes.len()) {
            return Err(if total > Some(bytes.len()) {
                ZnpFault::Short
            } else {
                ZnpFault::Length(*length)
            });
        }
        let right = sum(*length, [*high, *low], data);
        if *found != right {
            return Err(ZnpFault::Sum {
                found: *found,
                right,
            });
        }
        Ok(Self {
            command: u16::from_be_bytes([*high, *low]),
            data,
        })
    }

    /// What kind of command it has.
    pub const fn kind(&self) -> ZnpKind {
        match self.command >> 13 {
            1 => ZnpKind::Question,
            2 => ZnpKind::Event,
            3 => ZnpKind::Answer,
            _ => ZnpKind::Other,
        }
    }
}

/// Writes a frame; `None` if there is more data than fits.
#[must_use]
pub fn encode_frame(command: u16, data: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(data.len()).ok()?;
    if data.len() > MOST_DATA {
        return None;
    }
    let [high, low] = command.to_be_bytes();
    let mut frame = Vec::with_capacity(data.len() + AROUND);
    frame.extend([START, length, high, low]);
    frame.extend(data);
    frame.push(sum(length, [high, low], data));
    Some(frame)
}

fn sum(length: u8, command: [u8; 2], data: &[u8]) -> u8 {
    let before = length ^ command[0] ^ command[1];
    data.iter().fold(before, |sum, byte| sum ^ byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_and_read() {
        let ping = encode_frame(0x2101, &[]).unwrap();
        assert_eq!(ping, [0xfe, 0, 0x21, 0x01, 0x20]);
        let frame = ZnpFrame::exactly(&ping).unwrap();
        assert_eq!((frame.command, frame.kind()), (0x2101, ZnpKind::Question));
        let answer = [0xfe, 2, 0x61, 0x01, 0x79, 0x07, 0x1c];
        let frame = ZnpFrame::exactly(&answer).unwrap();
        assert_eq!(frame.kind(), ZnpKind::Answer);
        assert_eq!(frame.data, [0x79, 0x07]);
    }

    #[test]
    fn what_is_no_frame_says_why() {
        let read = |bytes: &[u8]| ZnpFrame::exactly(bytes).unwrap_err();
        assert_eq!(read(&[]), ZnpFault::Short);
        assert_eq!(read(&[0xfe, 0, 0x21, 0x01]), ZnpFault::Short);
        assert_eq!(read(&[0xf8, 0, 0x21, 0x01, 0x20]), ZnpFault::NoStart);
        assert_eq!(read(&[0xfe, 251, 0, 0, 0]), ZnpFault::Length(251));
        assert_eq!(read(&[0xfe, 0, 0x21, 0x01, 0x20, 0]), ZnpFault::Length(0));
        let (found, right) = (0x21, 0x20);
        assert_eq!(
            read(&[0xfe, 0, 0x21, 0x01, 0x21]),
            ZnpFault::Sum { found, right }
        );
    }

    #[test]
    fn no_frame_is_longer_than_any() {
        assert!(encode_frame(0x2710, &[1; MOST_DATA]).is_some());
        assert!(encode_frame(0x2710, &[1; MOST_DATA + 1]).is_none());
        assert!(encode_frame(0x2710, &[1; 256]).is_none());
    }
}
