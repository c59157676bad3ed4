//! One frame, the ways in which bytes fail to be one, and the wrapping of a body.

use std::fmt;

use crate::model::Sentence;
use crate::say;

/// Most bytes a frame can have: four digits of length, and the `\n` they do not count.
pub const MAX_FRAME: usize = 10_000;

pub const HEADER: usize = 13;
pub const END: &[u8] = b"END";
/// Length of a status answer, the only frame without `END`.
pub const STATUS: usize = 15;

/// Protocol group of a frame. Some layouts differ between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// `11`
    G11,
    /// `12`
    G12,
}

impl Group {
    /// Its two digits.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::G11 => "11",
            Self::G12 => "12",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// Does not begin with `APS`.
    Signature,
    /// The group is neither 11 nor 12.
    Group,
    /// The length is not four digits, or smaller than any frame.
    Length,
    /// The command is not four digits.
    Command,
}

impl HeaderFault {
    /// For people.
    #[must_use]
    pub const fn says(self) -> Sentence {
        match self {
            Self::Signature => say!("no frame begins there"),
            Self::Group => say!("the group is neither 11 nor 12"),
            Self::Length => say!("the length is not a valid number"),
            Self::Command => say!("the command is not a number"),
        }
    }
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.says().fmt(f)
    }
}

/// Bytes that are not a frame. Offsets count from the first byte ever pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum FrameError {
    /// The bytes ended inside a frame.
    Incomplete {
        /// Where the frame begins.
        offset: u64,
        /// Bytes that arrived.
        have: usize,
        /// Bytes of the whole frame, if its length was among those that arrived.
        need: Option<usize>,
    },
    /// Bytes no frame begins with; one error for the whole region.
    BadHeader {
        /// Where the region begins.
        offset: u64,
        /// How many bytes it has.
        length: u64,
        /// What was wrong.
        fault: HeaderFault,
    },
    /// The length points to a place where no frame ends. The search goes on one byte after its start.
    BadEnd {
        /// Where the frame begins.
        offset: u64,
        /// Bytes it claims to have, newline included.
        length: usize,
    },
}

impl FrameError {
    /// For people.
    #[must_use]
    pub fn says(&self) -> Sentence {
        match *self {
            Self::Incomplete {
                offset,
                have,
                need: Some(need),
            } => say!(
                "the frame at byte {offset} is incomplete: {have} of {need} bytes arrived; the ECU closed the connection \
                 early or the capture is cut, so ask again",
                offset,
                have,
                need
            ),
            Self::Incomplete { offset, have, .. } => say!(
                "the frame at byte {offset} is incomplete: {have} of an unknown number of bytes arrived; the ECU closed the \
                 connection early or the capture is cut, so ask again",
                offset,
                have
            ),
            Self::BadHeader {
                offset,
                length,
                fault,
            } => say!(
                "{length} bytes at byte {offset} passed over: {fault}; is this really an ECU?",
                length,
                offset,
                fault = fault.says()
            ),
            Self::BadEnd { offset, length } => say!(
                "the frame at byte {offset} claims {length} bytes but does not end there with END and a newline; bytes were \
                 lost or changed, so ask again",
                offset,
                length
            ),
        }
    }

    /// Where the refused bytes begin.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match *self {
            Self::Incomplete { offset, .. }
            | Self::BadHeader { offset, .. }
            | Self::BadEnd { offset, .. } => offset,
        }
    }
}

/// One whole frame whose header and end are sound; the body may still be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// Where it begins, counted from the first byte ever pushed.
    pub offset: u64,
    /// All its bytes, from `APS` to `\n`.
    pub bytes: Vec<u8>,
    pub(crate) group: Group,
    pub(crate) command: u16,
}

impl RawFrame {
    /// The protocol group.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// The command it answers.
    #[must_use]
    pub fn command(&self) -> u16 {
        self.command
    }

    /// Its length field L: one less than it has bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len().saturating_sub(1)
    }

    /// The bytes between the header and `END`; of a status frame its two status characters.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        let tail = if self.is_status() { 0 } else { END.len() };
        let end = self.length().saturating_sub(tail);
        self.bytes.get(HEADER..end).unwrap_or_default()
    }

    /// Whether it is a bare status without `END`.
    #[must_use]
    pub fn is_status(&self) -> bool {
        self.length() == STATUS
    }
}

/// Wraps a body in a header, `END` and newline. A body too long for the four digits of the length
/// is cut to what fits.
pub fn seal(group: Group, command: u16, body: &[u8]) -> Vec<u8> {
    let room = MAX_FRAME - HEADER - END.len() - 1;
    let body = body.get(..room).unwrap_or(body);
    let length = HEADER + body.len() + END.len();
    let mut bytes = header(group, length, command);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(END);
    bytes.push(b'\n');
    bytes
}

/// The 16 bytes of a bare status.
pub fn seal_status(command: u16, status: [u8; 2]) -> Vec<u8> {
    let mut bytes = header(Group::G11, STATUS, command);
    bytes.extend_from_slice(&status);
    bytes.push(b'\n');
    bytes
}

fn header(group: Group, length: usize, command: u16) -> Vec<u8> {
    // Commands have four digits on the wire.
    format!("APS{group}{length:04}{:04}", command % 10_000).into_bytes()
}
